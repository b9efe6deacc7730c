"""Brokers that a test may stop and start while the product runs."""

import os
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from console.launcher.valkey import EmbeddedValkey
from console.launcher.wheels import valkey_server
from tests.launcher.conftest import until


class Broker(Protocol):
    """What the product is told to use."""

    @property
    def url(self) -> str:
        """Its address in Celery's form."""

    def start(self) -> None:
        """Be there."""

    def stop(self) -> None:
        """Be gone."""


class OwnValkey:
    """The embedded broker's program, run by the test instead of the launcher, which would bring it back."""

    def __init__(self, folder: Path) -> None:
        self._sockets = Path(tempfile.mkdtemp(prefix="broker-"))
        self._valkey = EmbeddedValkey(valkey_server(), folder, self._sockets, folder / "log")
        self._valkey.prepare()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """A unix socket."""
        return self._valkey.url

    def start(self) -> None:
        """Start the server and wait until it answers."""
        program = self._valkey.program(os.environ)
        self._process = subprocess.Popen(program.command, cwd=program.folder, stdout=subprocess.DEVNULL)
        until(self._valkey.is_ready, what="the broker answers")

    def stop(self) -> None:
        """End the server; its socket goes with it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


class Line:
    """The way to a broker of the machine's own, which is not ours to stop: the line to it can be cut."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._target = (self._parts.hostname or "", self._parts.port or 5672)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._listener.close()
        self._ends: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Our end of the line."""
        login = self._parts.netloc.rpartition("@")[0]
        netloc = f"{login}@127.0.0.1:{self._port}" if login else f"127.0.0.1:{self._port}"
        return urlunsplit(self._parts._replace(netloc=netloc))

    def start(self) -> None:
        """Take calls and put them through."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._take_calls, args=[self._listener], daemon=True).start()

    def stop(self) -> None:
        """Cut every call short and take no more."""
        # Closing alone would leave the waiting thread one more call to take.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended by itself
        self._ends.clear()

    def _take_calls(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return  # stopped
            called = socket.create_connection(self._target)
            self._ends += [caller, called]
            for source, sink in ((caller, called), (called, caller)):
                threading.Thread(target=_pass_on, args=[source, sink], daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return  # cut
