"""The supervisor with stand-ins for programs: what it starts again, what it says, how it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.conftest import ROOT, alive, clean_environment, until

pytestmark = pytest.mark.real

# Keeps the programs given as NAME=SHELL COMMAND; a name in capitals is a foundation.
_KEEPER = """
import os, sys
from pathlib import Path
from console.launcher.processes import Program
from console.launcher.supervisor import Supervisor
folder = Path(sys.argv[1])
with Supervisor() as supervisor:
    for word in sys.argv[2:]:
        name, _, command = word.partition("=")
        supervisor.keep(Program(
            name, ("/bin/sh", "-c", command), os.environ, folder, stop_seconds=1.0, foundation=name.isupper(),
            log=folder / "log" if name == "logged" else None,
        ))
    supervisor.look_after()
"""


class Keeper:
    """A supervisor in a process of its own, with a folder its programs work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **programs: str) -> None:
        with (self.folder / "output").open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _KEEPER, str(self.folder), *(f"{k}={v}" for k, v in programs.items())],
                cwd=ROOT,
                env=clean_environment(),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return (self.folder / "output").read_text()

    def number(self, name: str) -> int:
        until(lambda: self.read(name) != "", what=f"{name} is written: {self.said()}")
        return int(self.read(name))

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text().strip() if path.exists() else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    made = Keeper(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


def test_it_starts_a_killed_program_again(keeper: Keeper) -> None:
    keeper.start(web="echo $$ > web; exec sleep 600")
    first = keeper.number("web")
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper.read("web") not in ("", str(first)), what="web came back")
    assert "web was killed by SIGKILL; starting it again at once." in keeper.said()


def test_it_starts_a_program_again_that_ended_by_itself(keeper: Keeper) -> None:
    keeper.start(beat="echo . >> runs; [ $(wc -l < runs) -gt 1 ] && exec sleep 600; exit 0")
    until(lambda: keeper.read("runs").count(".") == 2, what="beat ran twice")
    assert "beat ended with exit code 0; starting it again at once." in keeper.said()


def test_it_slows_down_and_shows_the_log_of_a_program_that_keeps_ending(keeper: Keeper) -> None:
    keeper.start(logged="echo . >> runs; echo no such thing; exit 3", web="echo $$ > web; exec sleep 600")
    until(lambda: "logged keeps ending" in keeper.said(), what="it says so")
    assert "starting it again in 0.5 s." in keeper.said()
    assert "starting it again in 1 s." in keeper.said()
    assert "    no such thing" in keeper.said()
    assert alive(keeper.number("web"))


def test_what_a_killed_program_started_does_not_live_on_beside_its_successor(keeper: Keeper) -> None:
    keeper.start(worker="(while :; do sleep 0.2; done) & echo $! >> children; echo $$ > worker; wait")
    first, child = keeper.number("worker"), keeper.number("children")
    os.kill(first, signal.SIGKILL)
    until(lambda: len(keeper.read("children").split()) == 2, what="worker came back")
    assert not alive(child)
    assert alive(int(keeper.read("children").split()[1]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_everything_when_asked(keeper: Keeper, number: signal.Signals) -> None:
    keeper.start(
        web="echo $$ > web; exec sleep 600",
        # Deaf to the polite request, and with a child of its own.
        worker="trap '' TERM; sleep 600 & echo $! > child; echo $$ > worker; while :; do sleep 1; done",
    )
    ids = [keeper.number(name) for name in ("web", "worker", "child")]
    assert keeper.stop(number) == 0
    assert [alive(process_id) for process_id in ids] == [False] * 3
    assert "worker did not stop when asked; killing it." in keeper.said()


def test_what_others_stand_on_is_stopped_last(keeper: Keeper) -> None:
    loop = "while :; do sleep 0.05; done"
    keeper.start(
        DATABASE=f"trap 'echo database >> order; exit' TERM; echo $$ > database; {loop}",
        worker=f"trap 'sleep 0.5; echo worker >> order; exit' TERM; echo $$ > worker; {loop}",
    )
    keeper.number("database")
    keeper.number("worker")
    keeper.stop()
    assert keeper.read("order").split() == ["worker", "database"]


def test_programs_do_not_outlive_a_killed_supervisor(keeper: Keeper) -> None:
    keeper.start(web="echo $$ > web; exec sleep 600")
    web = keeper.number("web")
    keeper.stop(signal.SIGKILL)
    until(lambda: not alive(web), what="web ended")


def test_a_program_that_cannot_be_started_is_named(keeper: Keeper) -> None:
    script = (
        "import os\nfrom pathlib import Path\n"
        "from console.launcher.processes import Program, spawn\n"
        "spawn(Program('web', ('/no/such/program',), os.environ, Path('/')))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "LauncherError: web cannot be started: " in done.stderr
    assert "/no/such/program" in done.stderr
