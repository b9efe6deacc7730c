"""The folder an installation keeps its state in, and the lock that makes it one installation's."""

import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from console.launcher.accounts import Account, can_enter
from console.launcher.errors import LauncherError
from console.launcher.processes import arguments
from console.launcher.system import system_folder

# A unix socket address holds 107 bytes, of which "/evenhand-12345678/postgres/.s.PGSQL.5432.lock" takes 46.
_LONGEST_SOCKET_PARENT = 60
# How long the programs of a killed launcher may take to end.
_ENDING_SECONDS = 20.0
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")


class Home:
    """State of one installation: `var/` beside the code, or `EVENHAND_HOME`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made on `acquire()`; nothing is touched before."""
        self.folder = folder.resolve()
        self._lock: int | None = None

    @property
    def logs(self) -> Path:
        """Where embedded services write their logs."""
        return self.folder / "log"

    @property
    def demo_file(self) -> Path:
        """Written by `manage.py bootstrap`: who can log in to the demo community."""
        return self.folder / "demo.json"

    @property
    def running_file(self) -> Path:
        """What a running launcher started: its process ids and the environment of its services."""
        return self.folder / "running.json"

    def acquire(self) -> bool:
        """Take the installation's lock; False where another launcher holds it.

        The programs a launcher starts share its lock, so it is free only when all of them have ended. Where
        the launcher itself was killed, they are ending: that is waited for.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            descriptor = os.open(self.folder / "launcher.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LauncherError(
                f"Cannot write to the state folder {self.folder} ({error.strerror}). "
                "Set EVENHAND_HOME to a folder of yours."
            ) from error
        deadline = time.monotonic() + _ENDING_SECONDS
        while not _locked(descriptor):
            if _launcher_lives(descriptor) or time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor
        return True

    @property
    def lock(self) -> int:
        """The descriptor that holds the lock. Raises LauncherError before `acquire()`."""
        if self._lock is None:
            raise LauncherError(f"The lock of {self.folder} has not been taken.")
        return self._lock

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def secret_key(self) -> str:
        """This installation's own random secret, made on first use and readable by its owner only."""
        path = self.folder / "secret_key"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(64))
        secret = path.read_text(encoding="ascii").strip()
        if len(secret) < 50:
            raise LauncherError(
                f"{path} is damaged (too short). Restore it from a backup, or delete it: then sessions end, "
                "and what was signed or digested with it is no longer recognised."
            )
        return secret

    def remember_running(self, record: dict[str, object]) -> None:
        """Publish what runs here, for `exec`, `env` and the operator."""
        write_private(self.running_file, json.dumps(record, indent=2) + "\n")

    def running(self) -> dict[str, object]:
        """What the launcher that holds this home's lock has published; empty while it is still starting."""
        try:
            record = json.loads(self.running_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if not isinstance(record, dict):
            raise LauncherError(f"{self.running_file} is damaged: delete it.")
        return record

    def forget_running(self) -> None:
        """Remove what `remember_running` published."""
        self.running_file.unlink(missing_ok=True)

    def database_folder(self, account: Account) -> Path:
        """The folder PostgreSQL's data lives in, owned by `account`; made where it is new.

        Inside the home, unless `account` cannot enter it (root's own folders): then a system folder, which
        the home remembers, and which remembers the home.
        """
        pointer = self.folder / "postgres.location"
        if pointer.exists():
            return self._moved_database_folder(pointer)
        inside = self.folder / "postgres"
        if inside.exists() or can_enter(account, self.folder):
            _own(inside, account)
            return inside
        outside = system_folder(secrets.token_hex(8))
        (outside / "home").write_text(str(self.folder), encoding="utf-8")
        data = outside / "postgres"
        _own(data, account)
        write_private(pointer, str(data))
        return data

    def _moved_database_folder(self, pointer: Path) -> Path:
        data = Path(pointer.read_text(encoding="utf-8").strip())
        if not data.is_dir():
            raise LauncherError(
                f"The database of this installation should be in {data}, and is not. Restore it, or delete "
                f"{pointer} to start with an empty one."
            )
        owner_file = data.parent / "home"
        owner = Path(owner_file.read_text(encoding="utf-8").strip())
        if owner == self.folder:
            return data
        if (owner / pointer.name).exists():
            raise LauncherError(
                f"{self.folder} looks like a copy of {owner}: both name the database in {data}. "
                f"Delete {pointer} to give the copy an empty database of its own."
            )
        owner_file.write_text(str(self.folder), encoding="utf-8")
        return data

    def fresh_socket_folder(self, account: Account) -> Path:
        """A new short folder for unix sockets; the one a killed launcher left is removed.

        In it `postgres/`, owned by `account`, and `valkey/`, owned by us, each mode 700: neither server's
        user can put itself in the other's place.
        """
        self.drop_socket_folder()
        folder = Path(tempfile.mkdtemp(prefix="evenhand-", dir=_socket_parent(account)))
        write_private(self._sockets_memory, str(folder))
        (folder / "valkey").mkdir(mode=0o700)
        _own(folder / "postgres", account)
        if account.uid != os.geteuid():
            folder.chmod(0o711)
        return folder

    def drop_socket_folder(self) -> None:
        """Remove the folder `fresh_socket_folder` made."""
        if self._sockets_memory.exists():
            _remove_socket_folder(Path(self._sockets_memory.read_text(encoding="utf-8").strip()))
            self._sockets_memory.unlink()

    @property
    def _sockets_memory(self) -> Path:
        return self.folder / "sockets.location"


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _launcher_lives(descriptor: int) -> bool:
    holder = os.pread(descriptor, 20, 0)
    return holder.isdigit() and "console.launcher" in arguments(int(holder))


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step with a file only its owner can read."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(temporary).replace(path)


def _own(folder: Path, account: Account) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)


def _socket_parent(account: Account) -> Path:
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - mkdtemp inside
        usable = len(os.fsencode(candidate)) <= _LONGEST_SOCKET_PARENT and _PLAIN_PATH.fullmatch(candidate)
        if usable and os.access(candidate, os.W_OK | os.X_OK) and can_enter(account, Path(candidate)):
            return Path(candidate)
    raise LauncherError(
        "No short temporary folder for unix sockets: make /tmp writable, or set TMPDIR to a short path."
    )


def _remove_socket_folder(folder: Path) -> None:
    # Only what mkdtemp made for us: the name is ours and it is no link.
    if folder.name.startswith("evenhand-") and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
