"""A small HTTP client over one kept connection, as an integrator's own would be."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

# The server drops a connection that has been idle for two seconds; one younger than this is still good.
_IDLE_SECONDS = 1.0
_PATIENCE_SECONDS = 20.0
_PATIENCE_SECONDS_A_LINE = 0.2

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers by lower-case name, and the body (parsed where it is JSON)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def accepted(self) -> bool:
        """Whether the server took it on."""
        return 200 <= self.status < 300


class Client:
    """Calls the API under one key; for one thread."""

    def __init__(self, base_url: str, key: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port, self._key = parts.hostname or "", parts.port or 80, key
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def get(self, path: str) -> Answer:
        """GET an address under ``/api/v1/``."""
        return self.call("GET", f"/api/v1/{path}")

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST JSON to an address under ``/api/v1/``; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("POST", f"/api/v1/{path}", json.dumps(body).encode(), named)

    def post_lines(self, path: str, rows: Sequence[Any]) -> Answer:
        """POST JSON Lines."""
        body = b"\n".join(json.dumps(row).encode() for row in rows)
        patience = _PATIENCE_SECONDS + _PATIENCE_SECONDS_A_LINE * len(rows)
        return self.call("POST", f"/api/v1/{path}", body, {"Content-Type": "application/x-ndjson"}, patience=patience)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        patience: float = _PATIENCE_SECONDS,
    ) -> Answer:
        """One request, waited for so many seconds.

        Raises ``OSError`` or ``http.client.HTTPException`` where no answer came.
        """
        connection = self._open(patience)
        sent = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **(headers or {})}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self._used = time.monotonic()
        named = {name.lower(): value for name, value in response.getheaders()}
        parsed = json.loads(content) if named.get("content-type", "").endswith(("/json", "+json")) else content
        return Answer(response.status, named, parsed)

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self, patience: float) -> http.client.HTTPConnection:
        if self._connection is not None and time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port)
        self._connection.timeout = patience
        if self._connection.sock is not None:
            self._connection.sock.settimeout(patience)
        return self._connection


class Clients:
    """One client a thread, all under the same key."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base_url, self._key = base_url, key
        self._local = threading.local()

    @property
    def mine(self) -> Client:
        """This thread's own."""
        if not hasattr(self._local, "client"):
            self._local.client = Client(self._base_url, self._key)
        client: Client = self._local.client
        return client


@contextmanager
def crowd(size: int, act: Callable[[T], R], items: Sequence[T]) -> Iterator[list[R]]:
    """Have ``size`` threads do ``act`` for every item while the block runs; the results are whole after it."""
    results: list[R] = []
    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(act, item) for item in items]
        yield results
        results.extend(future.result() for future in futures)
