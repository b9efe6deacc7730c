"""Folders outside the installation, for what an unprivileged user must reach when root starts the product."""

from pathlib import Path

from console.launcher.errors import LauncherError

_SYSTEM_FOLDER = Path("/var/lib/evenhand")


def system_folder(name: str) -> Path:
    """The folder `/var/lib/evenhand/<name>`, which everyone may enter whatever the umask; made if new."""
    folder = _SYSTEM_FOLDER / name
    try:
        for part in (_SYSTEM_FOLDER, folder):
            part.mkdir(exist_ok=True)
            part.chmod(0o755)
    except OSError as error:
        raise LauncherError(
            f"The database's own user cannot reach this installation, and {folder} cannot be made "
            f"({error.strerror}). Set EVENHAND_HOME, and install, under folders that others may enter."
        ) from error
    return folder
