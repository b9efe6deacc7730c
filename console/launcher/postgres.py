"""The embedded PostgreSQL: made on first start, run as a child of the launcher on a unix socket."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from console.launcher.accounts import Account, current_account
from console.launcher.errors import LauncherError
from console.launcher.processes import Program, executable, working_directory

_ROLE = "evenhand"
_PORT = 5432
# Peer authentication only: the kernel vouches for who is at the other end, and there is no password to leak.
_WHO_MAY_CONNECT = "local all all peer map=launcher\n"
_SET_UP = (
    f"CREATE ROLE {_ROLE} LOGIN CREATEDB;",
    f"CREATE DATABASE {_ROLE} OWNER {_ROLE};",
)


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One PostgreSQL cluster and the way to start it."""

    programs: Path
    data: Path
    sockets: Path
    log: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory proper."""
        return self.data / "cluster"

    @property
    def url(self) -> str:
        """The database's address; a unix socket's folder stands percent-encoded where a host would."""
        return f"postgresql://{_ROLE}@{quote(str(self.sockets), safe='')}/{_ROLE}"

    def prepare(self) -> None:
        """Make the cluster where there is none, and write who may connect. Raises LauncherError."""
        if not self.cluster.exists():
            self._make_cluster()
        self._refuse_another_version()
        launcher = current_account().name
        identities = "".join(f'launcher "{launcher}" {role}\n' for role in (_ROLE, "postgres"))
        self._write("pg_hba.conf", _WHO_MAY_CONNECT)
        self._write("pg_ident.conf", identities)

    def program(self, environment: Mapping[str, str]) -> Program:
        """How to run the server in the foreground, as a child that SIGINT stops quickly and cleanly."""
        settings = {
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "jit": "off",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=(str(self.programs / "postgres"), "-D", str(self.cluster), *options),
            environment=_plain(environment),
            folder=self.data,
            account=self.account,
            log=self.log,
            stop_signal=signal.SIGINT,
            stop_seconds=30.0,
            foundation=True,
            before_start=self.clear_leftovers,
        )

    def is_ready(self, process_id: int | None) -> bool:
        """Whether the server with this process id accepts connections: line eight of its pid file says so."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0] == str(process_id) and lines[7].strip() == "ready"

    def clear_leftovers(self) -> None:
        """Remove the pid file of a server that was killed, or lost to a reboot.

        PostgreSQL itself refuses to start while *any* process has the number in the file, although after a
        reboot that may be anyone's. The launcher holds the installation's lock, which its servers share until
        they end, so the file counts only if someone else started a server of this cluster by hand: raises
        LauncherError then.
        """
        lines = self._pid_file()
        if lines and lines[0].isdigit() and self._serves_this_cluster(int(lines[0])):
            raise LauncherError(
                f"A PostgreSQL that the launcher did not start (process {lines[0]}) uses {self.cluster}. "
                f"Stop it first: {self.programs}/pg_ctl stop -D {self.cluster}"
            )
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            return (self.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _serves_this_cluster(self, process_id: int) -> bool:
        # A server's working directory is its cluster.
        name = executable(process_id)
        folder = working_directory(process_id)
        return name is not None and name.name == "postgres" and folder == self.cluster

    def _make_cluster(self) -> None:
        # Made aside and renamed, so that a first start cut short is never taken for a database.
        partial = self.data / "cluster.partial"
        if partial.exists():
            shutil.rmtree(partial)
        self._call(
            str(self.programs / "initdb"),
            f"--pgdata={partial}",
            "--username=postgres",
            "--auth=peer",
            "--encoding=UTF8",
            # The collation that comes with PostgreSQL: the same order of text on every machine.
            "--locale-provider=builtin",
            "--locale=C",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
        )
        single = (str(self.programs / "postgres"), "--single", "-D", str(partial), "postgres")
        answer = self._call(*single, statements="\n".join(_SET_UP) + "\n")
        if "ERROR" in answer:
            raise LauncherError(f"PostgreSQL could not be set up:\n{answer}")
        partial.rename(self.cluster)

    def _call(self, *command: str, statements: str = "") -> str:
        drop = self.account.uid != os.geteuid()
        done = subprocess.run(  # noqa: S603
            command,
            env=_plain(os.environ),
            cwd=self.data,
            input=statements,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            user=self.account.uid if drop else None,
            group=self.account.gid if drop else None,
            extra_groups=[] if drop else None,
            check=False,
        )
        if done.returncode != 0:
            raise LauncherError(f"{Path(command[0]).name} failed:\n{done.stdout.strip()}")
        return done.stdout

    def _refuse_another_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        here = re.search(r"\) (\d+)", self._call(str(self.programs / "postgres"), "--version"))
        if here is None or here.group(1) != made_by:
            raise LauncherError(
                f"{self.cluster} was made by PostgreSQL {made_by}, and another version is installed. "
                "See 'Upgrade' in docs/operations.md."
            )

    def _write(self, name: str, text: str) -> None:
        path = self.cluster / name
        path.write_text(text, encoding="utf-8")


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would redirect PostgreSQL's programs elsewhere."""
    return {name: value for name, value in environment.items() if not name.startswith(("PG", "LC_", "LANG"))}
