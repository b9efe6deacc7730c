"""A platform's webhook receiver: a real HTTP server in a thread, told how to answer."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook

from moderation.models import WebhookEndpoint
from moderation.services import webhook_client


@dataclass
class Post:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Keeps what it gets; answers with ``status``, or lets ``answer`` do it."""

    status: int = 204
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    posts: list[Post] = field(default_factory=list)
    secret: str = field(default_factory=webhook_client.new_secret)
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.posts.append(Post(self.path, dict(self.headers), self.rfile.read(length)))
                if receiver.answer is not None:
                    receiver.answer(self)
                    return
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])

    def endpoint(self, **fields: Any) -> WebhookEndpoint:
        """An active endpoint that leads here."""
        values: dict[str, Any] = {"url": f"http://127.0.0.1:{self.port}/hook?tenant=1", "secret": self.secret}
        return WebhookEndpoint.objects.create(**{**values, **fields})

    def told(self) -> list[dict[str, Any]]:
        """The envelopes that came in, their signatures verified."""
        return [Webhook(self.secret).verify(post.body, post.headers) for post in self.posts]

    def ids(self) -> list[str]:
        """The webhook ids that came in, in order."""
        return [post.headers["webhook-id"] for post in self.posts]
