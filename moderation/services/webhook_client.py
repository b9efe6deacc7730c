"""One signed POST to a platform's webhook, to an address that was checked (Standard Webhooks 1.0).

The host is resolved once, every address it has is checked, and the connection goes to one of those: a name
that answers differently the second time (DNS rebinding) gains nothing. Redirects are not followed.
"""

import base64
import http.client
import ipaddress
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from django.utils.encoding import iri_to_uri

from moderation.errors import InvalidInput
from moderation.services.webhook_messages import SignedRequest

TIMEOUT_SECONDS = 10
SECRET_PREFIX = "whsec_"  # noqa: S105 (how Standard Webhooks marks a secret, not one)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# A cloud's own control address that lies in public space.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one POST went: the status if there was an answer, else why not."""

    started_at: datetime
    milliseconds: int
    status: int | None
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the receiver acknowledged it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """What went wrong, or nothing; quotes nothing of the receiver."""
        if self.succeeded:
            return ""
        return self.error or f"HTTP {self.status}"


class SendFailed(Exception):
    """We refused to send, or got no answer; the message says why and quotes nothing of the receiver."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: the host to name, the addresses to connect to, and the path to ask for."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: Sequence[str]

    @property
    def authority(self) -> str:
        """The Host header: IPv6 literals in brackets, the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def new_secret() -> str:
    """A fresh signing secret of 256 random bits in the form that Standard Webhooks libraries read."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def resolve(url: str) -> Target:
    """Where the URL leads now.

    Raises ``InvalidInput`` if it is no plain http(s) URL, its host has no address, or one of its addresses is
    not public (private, loopback, link-local, metadata) and ``WEBHOOK_ALLOW_PRIVATE`` is off.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        host = _ascii_host(parts.hostname or "")
    except ValueError as error:
        raise InvalidInput("The webhook's URL is malformed.", pointer="/url") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        raise InvalidInput("A webhook's URL is http(s)://host/path, without a user.", pointer="/url")
    addresses = _addresses(host, port)
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(is_public(address) for address in addresses):
        raise InvalidInput("The webhook's host leads to an address that is not public.", pointer="/url")
    path = iri_to_uri(parts.path or "/") + (f"?{iri_to_uri(parts.query)}" if parts.query else "")
    return Target(parts.scheme, host, port, path, addresses)


def is_public(address: str) -> bool:
    """Whether the IP address is one of the public internet, also where IPv6 wraps an IPv4 address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            wrapped.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(inner is not None and not is_public(str(inner)) for inner in wrapped):
            return False
        if ip.ipv4_mapped is not None:
            return True
    return ip.is_global and not ip.is_multicast and ip not in _METADATA


def attempt(request: SignedRequest) -> Attempt:
    """Send the request once; what came of it. Uses no database: threads call it."""
    started_at, begun = timezone.now(), time.monotonic()
    status, error = None, ""
    try:
        status = post(request.url, headers=request.headers, body=request.body)
    except SendFailed as failure:
        error = str(failure)[:300]
    return Attempt(started_at, round(1000 * (time.monotonic() - begun)), status, error)


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> int:
    """Send the body; the status the receiver answered with, whatever it is. Raises ``SendFailed``.

    Once connected it takes what is left of ``TIMEOUT_SECONDS`` at most, however slowly bytes drip in.
    """
    try:
        target = resolve(url)
    except InvalidInput as error:
        raise SendFailed(error.detail) from error
    with _Line() as line:
        try:
            line.connect(target)
            return line.ask(target, headers, body)
        except (OSError, http.client.HTTPException) as error:
            if line.cut or isinstance(error, TimeoutError):
                raise SendFailed(f"no answer within {TIMEOUT_SECONDS} s") from error
            raise SendFailed(type(error).__name__) from error


class _Line:
    """A connection that is cut when its time is over: a socket's own timeout begins anew with every byte."""

    def __init__(self) -> None:
        self.cut = False
        self._socket: socket.socket | None = None
        self._watchdog = threading.Timer(TIMEOUT_SECONDS, self._hang_up)
        self._watchdog.daemon = True

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        if self._socket is not None:
            self._socket.close()

    def connect(self, target: Target) -> None:
        """Connect to the first address that answers; TLS is checked against the name, not the address."""
        plain = _first_connection(target)
        self._hold(plain)
        if target.scheme == "https":
            context = ssl.create_default_context()
            wrapped = context.wrap_socket(plain, server_hostname=target.host, do_handshake_on_connect=False)
            self._hold(wrapped)
            wrapped.do_handshake()

    def ask(self, target: Target, headers: Mapping[str, str], body: bytes) -> int:
        """Post and read the answer's status; its body is of no interest."""
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = self._socket
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        return connection.getresponse().status

    def _hold(self, connected: socket.socket) -> None:
        self._socket = connected
        if self.cut:  # the time was over before there was anything to hang up
            raise TimeoutError

    def _hang_up(self) -> None:
        self.cut = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended by itself just now


def _first_connection(target: Target) -> socket.socket:
    last: OSError | None = None
    patience = TIMEOUT_SECONDS / len(target.addresses)
    for address in target.addresses:
        try:
            connected = socket.create_connection((address, target.port), timeout=patience)
        except OSError as error:
            last = error
        else:
            connected.settimeout(TIMEOUT_SECONDS)
            return connected
    raise last or OSError("the host has no address")


def _ascii_host(host: str) -> str:
    """The name as DNS knows it; an IPv6 literal as it is. Raises ``ValueError``."""
    return host if ":" in host else host.encode("idna").decode()


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidInput("The webhook's host has no address.", pointer="/url") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
