"""As whom PostgreSQL runs: it refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from console.launcher.errors import LauncherError

_UNPRIVILEGED = ("evenhand", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An operating system user a program is started as."""

    name: str
    uid: int
    gid: int


def current_account() -> Account:
    """The launcher's own user.

    Raises LauncherError where the user id has no entry in the user database: PostgreSQL's peer authentication
    and `initdb` both look it up.
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise LauncherError(
            f"User id {uid} has no entry in /etc/passwd, which the embedded PostgreSQL needs. "
            "Add one, or set DATABASE_URL to a PostgreSQL server."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def database_account() -> Account:
    """Whom the embedded PostgreSQL runs as: the launcher's own user; an unprivileged one instead of root."""
    if os.geteuid() != 0:
        return current_account()
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LauncherError(
        f"PostgreSQL does not run as root and none of the users {', '.join(_UNPRIVILEGED)} exists. "
        "Create one (useradd --system evenhand), or set DATABASE_URL to a PostgreSQL server."
    )


def can_enter(account: Account, folder: Path) -> bool:
    """Whether `account` can reach `folder`, asked of the kernel, so that access lists count too."""
    if account.uid == os.geteuid():
        return os.access(folder, os.X_OK)
    test = subprocess.run(  # noqa: S603
        ["/usr/bin/test", "-x", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return test.returncode == 0
