"""The whole product, started as `make run` starts it."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launcher.conftest import ROOT, Launched, Launchers, alive, fresh_launchers, processes_naming, until
from tests.launcher.product import readiness, report, run, scored

pytestmark = pytest.mark.real

_PROGRAMS = ("postgres", "valkey", "web", "worker", "beat")


@pytest.fixture(scope="module")
def product() -> Iterator[Launched]:
    """One running product; each test leaves it running."""
    with fresh_launchers() as made:
        yield run(made)


def test_any_killed_process_comes_back_and_the_loop_goes_on(product: Launched) -> None:
    report(product, "before")
    until(lambda: scored(product, "before"), seconds=60, what="the first report is scored")
    for program in _PROGRAMS:
        before = product.processes()[program]
        os.kill(before, signal.SIGKILL)
        product.wait_for_another(program, before)
    until(lambda: (readiness(product) or {}).get("status") == "ok", seconds=60, what="everything answers again")
    assert scored(product, "before")
    report(product, "after")
    until(lambda: scored(product, "after"), seconds=90, what="the second report is scored")


def test_a_killed_launcher_is_replaced_and_keeps_the_data(product: Launched) -> None:
    report(product, "kept")
    before = product.running()["launcher"]
    assert isinstance(before, int)
    starts = product.said().count("Ctrl-C stops it.")
    os.kill(before, signal.SIGKILL)
    until(lambda: product.said().count("Ctrl-C stops it.") > starts, seconds=120, what="everything is up again")
    assert product.running()["launcher"] != before
    until(lambda: scored(product, "kept"), seconds=60, what="the report is scored")


def test_passwords_are_not_written_where_output_is_redirected(product: Launched) -> None:
    users = json.loads((product.home / "demo.json").read_text())["users"]
    assert (product.home / "demo.json").stat().st_mode & 0o077 == 0
    assert users["moderator"]["username"] in product.said()
    assert not [user for user in users.values() if user["password"] in product.said()]


def test_ctrl_c_leaves_nothing_and_a_second_start_keeps_everything(launchers: Launchers) -> None:
    first = run(launchers)
    report(first, "kept")
    logins = json.loads((first.home / "demo.json").read_text())["users"]
    processes = first.processes()
    assert set(processes) == set(_PROGRAMS)
    assert first.interrupt() == 0
    assert processes_naming(str(first.home)) == []
    assert not [name for name, process_id in processes.items() if alive(process_id)]
    # The second one is open to other machines, which turns development conveniences off.
    second = run(launchers, HOST="0.0.0.0", DEBUG="1", ALLOWED_HOSTS="127.0.0.1")  # noqa: S104
    assert "development conveniences are off" in second.said()
    environment = Path(f"/proc/{second.processes()['web']}/environ").read_bytes().split(b"\0")
    assert {b"EVENHAND_PUBLIC=1", b"DEBUG=0"} <= set(environment)
    until(lambda: scored(second, "kept"), seconds=60, what="the report is scored")
    assert json.loads((second.home / "demo.json").read_text())["users"] == logins


def test_a_terminal_shows_the_passwords(launchers: Launchers) -> None:
    home = launchers.folder / "home"
    home.mkdir()
    (home / "demo.json").write_text(json.dumps({"users": {"moderator": {"username": "mo", "password": "sesame"}}}))
    script = (
        "from pathlib import Path\n"
        "from console.launcher.home import Home\nfrom console.launcher.product import Address, greet\n"
        f"greet(Address('127.0.0.1', 8000), Home(Path({str(home)!r})))\n"
    )
    ours, theirs = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=theirs, check=True)
        assert "moderator: mo  sesame" in os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_port_in_use_is_named(launchers: Launchers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = launchers.call("run", environment={"PORT": port})
    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in refused.stdout


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "eighty", "PORT=eighty is not a port number"),
        ("PORT", "65536", "PORT=65536 is not a port number"),
        ("HOST", "no.such.host.invalid", "HOST=no.such.host.invalid is not an address of this machine"),
        ("DEMO", "maybe", "DEMO=maybe is neither 0 nor 1"),
    ],
)
def test_a_setting_without_meaning_is_refused(launchers: Launchers, name: str, value: str, reason: str) -> None:
    refused = launchers.call("run", environment={"PORT": "0", name: value})
    assert refused.returncode == 1
    assert reason in refused.stdout
