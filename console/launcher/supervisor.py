"""Keeps programs running: starts again what was killed, ends all of it together."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from console.launcher.errors import LauncherError, StopRequested
from console.launcher.processes import Program, adopt_orphans, children, executable, spawn
from console.launcher.speech import complain

_STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_WATCHED = _STOP_SIGNALS | {signal.SIGCHLD}
_SETTLED_SECONDS = 10.0
_LONGEST_DELAY = 30.0
_TICK = 0.2


@dataclass
class _Kept:
    """A program that is kept running, and how that is going."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    executable: Path | None = None
    started: float = 0.0
    due: float = 0.0
    early_ends: int = 0


@dataclass
class Supervisor:
    """Runs programs as its children. Use it as a context manager: leaving it ends them all.

    Signals are blocked and waited for, never handled asynchronously, so there is one flow of control. It must
    live in the main thread: a child is told to stop when the thread that started it ends.
    """

    handed: tuple[int, ...] = ()
    """Descriptors every kept program gets: the installation's lock, free only when the last has ended."""
    on_change: Callable[[dict[str, int]], None] = lambda processes: None
    """Called with the process id of every program whenever one has started."""
    _kept: list[_Kept] = field(default_factory=list)
    _foreground: subprocess.Popen[bytes] | None = None
    _impatient: bool = False

    def __enter__(self) -> Self:
        """Take over the signals and adopt descendants."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        adopt_orphans()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every program, those that others stand on last, and give the signals back."""
        self.stop([kept.program.name for kept in self._kept if not kept.program.foundation])
        self.stop([kept.program.name for kept in self._kept])
        # A second Ctrl-C pressed during the stop has been heard; it must not fire now that all is done.
        while signal.sigtimedwait(_WATCHED, 0) is not None:
            continue
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)

    def keep(self, program: Program) -> None:
        """Start `program` and start it again whenever it ends."""
        kept = _Kept(program)
        self._kept.append(kept)
        self._start(kept)

    def processes(self) -> dict[str, int]:
        """Process id of each program that runs now."""
        return {kept.program.name: kept.process.pid for kept in self._kept if kept.process is not None}

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Look after the programs until `ready()`.

        Raises LauncherError after `seconds`, or when a program ends again and again; StopRequested on Ctrl-C.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            failing = [kept for kept in self._kept if kept.early_ends >= 3]
            if failing:
                raise LauncherError(_why_it_failed(failing[0].program))
            if time.monotonic() > deadline:
                raise LauncherError(f"{what} did not become ready within {seconds:.0f} s.")
            self._turn(0.01)

    def run(self, program: Program) -> int:
        """Run `program` to its end while looking after the others; its exit code, 128 + n after signal n.

        A command in the foreground shares the terminal and so gets Ctrl-C itself: it decides what that means,
        and only SIGTERM and SIGHUP are passed on. Otherwise a stop signal ends it and raises StopRequested.
        """
        process = spawn(program)
        self._foreground = process
        try:
            while process.returncode is None:
                try:
                    self._turn(_TICK)
                except StopRequested as stop:
                    if program.own_session:
                        raise
                    if stop.args[0] != signal.SIGINT:
                        process.send_signal(stop.args[0])
        finally:
            if process.returncode is None:
                self._end([(process, program)])
            self._foreground = None
        code = process.returncode
        return code if code >= 0 else 128 - code

    def end_adopted(self, *, seconds: float) -> None:
        """Wait for descendants whose own parents have died to end, and kill those that take longer."""
        deadline = time.monotonic() + seconds
        while adopted := self._adopted():
            if time.monotonic() > deadline:
                for process_id in adopted:
                    os.kill(process_id, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)
            self._reap()

    def look_after(self) -> None:
        """Keep the programs running until Ctrl-C or a termination signal arrives."""
        try:
            while True:
                self._turn(_LONGEST_DELAY)
        except StopRequested:
            return

    def stop(self, names: Collection[str]) -> None:
        """End the named programs for good: all are asked at once, and killed where that takes too long."""
        chosen = [kept for kept in self._kept if kept.program.name in names]
        self._kept = [kept for kept in self._kept if kept.program.name not in names]
        self._end([(kept.process, kept.program) for kept in chosen if kept.process is not None])
        for kept in chosen:
            self._end_orphans(kept)

    def _turn(self, seconds: float) -> None:
        """Wait for a signal, at most `seconds`, and deal with whatever has happened since."""
        due = [kept.due for kept in self._kept if kept.process is None]
        if due:
            seconds = min(seconds, max(0.0, min(due) - time.monotonic()))
        received = signal.sigtimedwait(_WATCHED, seconds)
        self._reap()
        for kept in self._kept:
            if kept.process is not None and kept.process.returncode is not None:
                self._ended(kept)
        for kept in self._kept:
            if kept.process is None and kept.due <= time.monotonic():
                self._start(kept)
        if received is not None and received.si_signo in _STOP_SIGNALS:
            raise StopRequested(signal.Signals(received.si_signo))

    def _start(self, kept: _Kept) -> None:
        kept.process = spawn(kept.program, handed=self.handed)
        kept.executable = Path(kept.program.command[0]).resolve()
        kept.started = time.monotonic()
        self.on_change(self.processes())

    def _reap(self) -> None:
        """Collect every child that has ended, adopted ones too."""
        mine = [kept.process for kept in self._kept if kept.process is not None]
        if self._foreground is not None:
            mine.append(self._foreground)
        by_id = {process.pid: process for process in mine}
        while True:
            try:
                process_id, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process_id == 0:
                return
            if process_id in by_id:
                by_id[process_id].returncode = os.waitstatus_to_exitcode(status)

    def _ended(self, kept: _Kept) -> None:
        """Clear up after a program that ended unasked, and say when it starts again."""
        code = kept.process.returncode if kept.process is not None else 0
        kept.process = None
        self._end_orphans(kept)
        early = time.monotonic() - kept.started < _SETTLED_SECONDS
        kept.early_ends = kept.early_ends + 1 if early else 0
        delay = min(_LONGEST_DELAY, 0.5 * 2 ** (kept.early_ends - 2)) if kept.early_ends > 1 else 0.0
        kept.due = time.monotonic() + delay
        when = "at once" if delay == 0 else f"in {delay:g} s"
        complain(f"{kept.program.name} {_how_it_ended(code)}; starting it again {when}.")
        if kept.early_ends >= 3:
            complain(_why_it_failed(kept.program))

    def _adopted(self) -> list[int]:
        known = {kept.process.pid for kept in self._kept if kept.process is not None}
        if self._foreground is not None:
            known.add(self._foreground.pid)
        return [process_id for process_id in children() if process_id not in known]

    def _end_orphans(self, kept: _Kept) -> None:
        """Kill a dead program's own children, so that its successor finds the field clear."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            orphans = [process_id for process_id in self._adopted() if executable(process_id) == kept.executable]
            if not orphans:
                return
            for process_id in orphans:
                os.kill(process_id, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.02)
            self._reap()

    def _end(self, running: Sequence[tuple[subprocess.Popen[bytes], Program]]) -> None:
        """Ask each process to stop, all at once, and kill what has not by its own time limit."""
        for process, program in running:
            process.send_signal(program.stop_signal)
        begun = time.monotonic()
        left = [(process, program) for process, program in running if not _collect(process)]
        while left:
            received = signal.sigtimedwait(_WATCHED, 0.05)
            if received is not None and received.si_signo in _STOP_SIGNALS:
                self._impatient = True
            for process, program in left:
                if self._impatient or time.monotonic() - begun > program.stop_seconds:
                    complain(f"{program.name} did not stop when asked; killing it.")
                    _kill(process, program)
            left = [(process, program) for process, program in left if not _collect(process)]


def _collect(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _kill(process: subprocess.Popen[bytes], program: Program) -> None:
    if program.own_session:
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _why_it_failed(program: Program) -> str:
    said = f"{program.name} keeps ending."
    if program.log is None:
        return f"{said} What it said stands above."
    lines = program.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
    return "\n".join([f"{said} The end of {program.log}:", *(f"    {line}" for line in lines)])
