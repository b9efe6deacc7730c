"""What the kernel knows about processes, and how a child is started so that none is ever left behind."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.launcher.accounts import Account
from console.launcher.errors import LauncherError

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Program:
    """Something to keep running, or to run once."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    account: Account | None = None
    """Whom it runs as; None: whoever started the launcher."""
    log: Path | None = None
    """Where its output goes; None: the launcher's own output."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What asks it to finish what it is doing and end."""
    stop_seconds: float = 10.0
    inherited: tuple[int, ...] = ()
    """Descriptors it is handed, such as the listening socket."""
    own_session: bool = True
    """False for a command in the foreground, which needs the terminal."""
    foundation: bool = False
    """Others stand on it: it is stopped after them."""
    before_start: Callable[[], None] = field(default=lambda: None)
    """Puts right what a killed predecessor left behind."""


def adopt_orphans() -> None:
    """Make orphaned descendants this process's children, so that they can be found and ended."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def spawn(program: Program, *, handed: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    """Start `program`; it is told to stop when the launcher dies, however that happens.

    `handed` are descriptors it gets beside its own. Raises LauncherError where it cannot be started.
    """
    launcher = os.getpid()
    stop_signal = program.stop_signal

    def in_child() -> None:
        # The launcher is single-threaded, so running Python between fork and exec is safe here.
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        _prctl(_PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != launcher:
            os._exit(1)

    program.before_start()
    output = None if program.log is None else os.open(program.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    account = program.account
    drop = account is not None and account.uid != os.geteuid()
    try:
        return subprocess.Popen(  # noqa: S603
            program.command,
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL if program.own_session else None,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            start_new_session=program.own_session,
            pass_fds=(*program.inherited, *handed),
            preexec_fn=in_child,  # noqa: PLW1509
            user=account.uid if drop and account else None,
            group=account.gid if drop and account else None,
            extra_groups=[] if drop else None,
        )
    except OSError as error:
        raise LauncherError(f"{program.name} cannot be started: {error}.") from error
    finally:
        if output is not None:
            os.close(output)


def children() -> Iterator[int]:
    """Ids of this process's children, adopted ones among them."""
    mine = os.getpid()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(int(entry.name)) == mine:
            yield int(entry.name)


def executable(process_id: int) -> Path | None:
    """The file a process runs, or None where it has ended or is not ours to look at."""
    try:
        return Path(f"/proc/{process_id}/exe").readlink()
    except OSError:
        return None


def working_directory(process_id: int) -> Path | None:
    """Where a process works, or None where it has ended or is not ours to look at."""
    try:
        return Path(f"/proc/{process_id}/cwd").readlink()
    except OSError:
        return None


def arguments(process_id: int) -> tuple[str, ...]:
    """The command line of a process; empty where there is no such process."""
    try:
        line = Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(part) for part in line.split(b"\0") if part)


def _parent(process_id: int) -> int | None:
    try:
        line = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name stands in brackets and may hold anything, brackets too.
    return int(line.rpartition(")")[2].split()[1])


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")
