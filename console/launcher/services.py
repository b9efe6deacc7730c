"""The database and the broker: the embedded ones, unless the environment names others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.launcher.accounts import Account, current_account, database_account
from console.launcher.errors import LauncherError
from console.launcher.home import Home
from console.launcher.postgres import EmbeddedPostgres
from console.launcher.supervisor import Supervisor
from console.launcher.valkey import EmbeddedValkey
from console.launcher.wheels import postgres_programs, valkey_server

_LOG_BYTES = 10_000_000
_BROKER_SCHEMES = ("amqp://", "amqps://", "pyamqp://", "redis://", "rediss://", "redis+socket://")
_DATABASE_SCHEMES = ("postgres://", "postgresql://", "pgsql://", "psql://")


@dataclass
class Services:
    """What the product stands on, and the environment through which it finds it."""

    home: Home
    given: Mapping[str, str]
    """The launcher's own environment."""
    environment: dict[str, str] = field(default_factory=dict)
    """DATABASE_URL and CELERY_BROKER_URL, once started; EVENHAND_PROGRAMS, where psql and pg_dump are."""

    def __post_init__(self) -> None:
        """Check what was given. Raises LauncherError for an address of an unknown kind."""
        _check_address("DATABASE_URL", self.given.get("DATABASE_URL", ""), _DATABASE_SCHEMES)
        _check_address("CELERY_BROKER_URL", self.given.get("CELERY_BROKER_URL", ""), _BROKER_SCHEMES)

    def start(self, supervisor: Supervisor) -> None:
        """Start what is embedded, both at once, and wait until it answers."""
        embed_database = not self.given.get("DATABASE_URL")
        embed_broker = not self.given.get("CELERY_BROKER_URL")
        if not embed_database and not embed_broker:
            return
        account = database_account() if embed_database else current_account()
        sockets = self.home.fresh_socket_folder(account)
        broker = self._start_broker(supervisor, sockets) if embed_broker else None
        if embed_database:
            self._start_database(supervisor, sockets, account)
        if broker is not None:
            supervisor.wait_until(broker.is_ready, seconds=60, what="The broker")

    def _start_broker(self, supervisor: Supervisor, sockets: Path) -> EmbeddedValkey:
        folder = self.home.folder / "valkey"
        valkey = EmbeddedValkey(valkey_server(), folder, sockets / "valkey", self._log("valkey"))
        valkey.prepare()
        supervisor.keep(valkey.program(self.given))
        self.environment["CELERY_BROKER_URL"] = valkey.url
        return valkey

    def _start_database(self, supervisor: Supervisor, sockets: Path, account: Account) -> None:
        data = self.home.database_folder(account)
        programs = postgres_programs(account)
        postgres = EmbeddedPostgres(programs, data, sockets / "postgres", self._log("postgres"), account)
        postgres.prepare()
        supervisor.keep(postgres.program(self.given))
        supervisor.wait_until(
            lambda: postgres.is_ready(supervisor.processes().get("postgres")), seconds=120, what="PostgreSQL"
        )
        self.environment["DATABASE_URL"] = postgres.url
        self.environment["EVENHAND_PROGRAMS"] = str(programs)

    def _log(self, name: str) -> Path:
        path = self.home.logs / f"{name}.log"
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path


def _check_address(name: str, address: str, schemes: tuple[str, ...]) -> None:
    # The address may hold a password, so it is not repeated.
    if address and not address.startswith(schemes):
        raise LauncherError(f"{name} must begin with one of {', '.join(schemes)}.")
