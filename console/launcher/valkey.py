"""The embedded broker: Valkey on a unix socket, with its log of changes kept on disk."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.launcher.processes import Program


@dataclass(frozen=True)
class EmbeddedValkey:
    """One Valkey server and the way to start it."""

    server: Path
    data: Path
    sockets: Path
    log: Path

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.sockets / "valkey.sock"

    @property
    def url(self) -> str:
        """The broker's address in Celery's form."""
        return f"redis+socket://{self.socket}"

    def prepare(self) -> None:
        """Make the folder its data lives in."""
        self.data.mkdir(mode=0o700, exist_ok=True)

    def program(self, environment: Mapping[str, str]) -> Program:
        """How to run the server in the foreground. Nothing is evicted: what does not fit is refused."""
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Program(
            name="valkey",
            command=(str(self.server), *options),
            environment=environment,
            folder=self.data,
            log=self.log,
            foundation=True,
        )

    def is_ready(self) -> bool:
        """Whether it answers PING; while it still loads its data it answers something else."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False
