"""Whether the collected static files are those of this code: collecting takes seconds, looking does not."""

import hashlib
from pathlib import Path

from console.launcher.home import Home, write_private


def fingerprint(root: Path) -> str:
    """A digest of what static files are made from: ours by name, size and time, others' by version."""
    digest = hashlib.sha256((root / "requirements.txt").read_bytes())
    for path in sorted((root / "console" / "static").rglob("*")):
        if path.is_file():
            state = path.stat()
            digest.update(f"{path.relative_to(root)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def are_collected(home: Home, root: Path) -> bool:
    """Whether `remember_collected` was called for this code."""
    memory = _memory(home)
    return memory.exists() and memory.read_text(encoding="ascii") == fingerprint(root)


def remember_collected(home: Home, root: Path) -> None:
    """Record that `collectstatic` has finished for this code."""
    write_private(_memory(home), fingerprint(root))


def _memory(home: Home) -> Path:
    return home.folder / "static.fingerprint"
