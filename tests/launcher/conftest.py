"""Starts launchers in folders of their own and makes sure that none outlives its test."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the launcher that runs this very test suite may have set.
_OURS = (
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "EVENHAND_HOME",
    "SECRET_KEY",
    "DJANGO_SETTINGS_MODULE",
    "HOST",
    "PORT",
)


def until(condition: Callable[[], bool], *, seconds: float = 30, what: str) -> None:
    """Wait for something that must happen; a failure says what did not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def alive(process_id: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        line = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return line.rpartition(")")[2].split()[0] not in ("Z", "X")


def processes_naming(text: str) -> list[int]:
    """Ids of live processes whose command line or environment holds `text`, this one's own aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in told and alive(int(entry.name)):
            found.append(int(entry.name))
    return found


def clean_environment(**extra: str) -> dict[str, str]:
    """This process's environment without an outer launcher's settings."""
    return {name: value for name, value in os.environ.items() if name not in _OURS} | extra


@dataclass
class Launched:
    """A launcher started by a test."""

    process: subprocess.Popen[str]
    home: Path
    output: Path

    def running(self) -> dict[str, object]:
        """What it has published, empty until then."""
        try:
            record = json.loads((self.home / "running.json").read_text())
        except FileNotFoundError:
            return {}
        assert isinstance(record, dict)
        return record

    def processes(self) -> dict[str, int]:
        """Process id by program."""
        found = self.running().get("processes", {})
        assert isinstance(found, dict)
        return found

    def said(self) -> str:
        """Everything it has printed."""
        return self.output.read_text()

    def wait_for(self, *programs: str, seconds: float = 30) -> dict[str, int]:
        """Wait until these programs run; their process ids."""
        until(
            lambda: set(programs) <= set(self.processes()),
            seconds=seconds,
            what=f"{programs} run: {self.said()}",
        )
        return self.processes()

    def wait_for_another(self, program: str, than: int, seconds: float = 30) -> int:
        """Wait until a killed program has a successor; its process id."""
        until(
            lambda: self.processes().get(program, than) != than,
            seconds=seconds,
            what=f"{program} came back: {self.said()}",
        )
        return self.processes()[program]

    def interrupt(self, seconds: float = 40) -> int:
        """Press Ctrl-C: the signal goes to all of the terminal's process group. The exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(seconds)


@dataclass
class Launchers:
    """Makes launchers with homes below one folder."""

    folder: Path
    started: list[Launched] = field(default_factory=list)

    def start(self, *words: str, home: Path | None = None, environment: Mapping[str, str] | None = None) -> Launched:
        """`python -m console.launcher WORDS…` in the background, as a terminal would start it."""
        home = home or self.folder / "home"
        output = self.folder / f"output-{len(self.started)}"
        with output.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "console.launcher", *words],
                cwd=ROOT,
                env=clean_environment(EVENHAND_HOME=str(home), **(environment or {})),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                # Where the suite itself runs in the background of a shell, an interrupt would be ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )
        launched = Launched(process, home, output)
        self.started.append(launched)
        return launched

    def call(
        self, *words: str, home: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same, waited for."""
        launched = self.start(*words, home=home, environment=environment)
        code = launched.process.wait(60)
        return subprocess.CompletedProcess(words, code, launched.said())

    def end(self) -> None:
        """Stop whatever a failed test left running."""
        for launched in self.started:
            if launched.process.poll() is None:
                os.killpg(launched.process.pid, signal.SIGTERM)
                try:
                    launched.process.wait(30)
                except subprocess.TimeoutExpired:
                    launched.process.kill()


@contextmanager
def fresh_launchers() -> Iterator[Launchers]:
    """Launchers that end with the block, in a folder that others may enter (pytest's own is private)."""
    with tempfile.TemporaryDirectory(prefix="launchers-") as folder:
        Path(folder).chmod(0o755)
        made = Launchers(Path(folder))
        try:
            yield made
        finally:
            made.end()


@pytest.fixture
def launchers() -> Iterator[Launchers]:
    """Launchers of this test alone."""
    with fresh_launchers() as made:
        yield made
