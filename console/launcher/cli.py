"""What an operator types: `python -m console.launcher run | exec | env`."""

import argparse
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from console.launcher.errors import LauncherError, StopRequested
from console.launcher.home import Home
from console.launcher.processes import Program
from console.launcher.product import ROOT, announce, product_environment, run_product, standing_on
from console.launcher.services import Services
from console.launcher.speech import complain, say
from console.launcher.supervisor import Supervisor

# Longer than all programs together may take to stop.
_LONGEST_STOP = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 done, 1 could not, 130 stopped before it was ready."""
    words = list(sys.argv[1:] if argv is None else argv)
    given = _parser().parse_args(words)
    home = Home(Path(given.home or os.environ.get("EVENHAND_HOME") or ROOT / "var"))
    try:
        if given.action == "run":
            return _run(home) if given.unguarded else _guard(words)
        if given.action == "exec":
            return _exec(home, given.command, own=given.own)
        return _show_environment(home)
    except LauncherError as error:
        complain(f"evenhand: {error}")
        return 1
    except (StopRequested, KeyboardInterrupt):
        complain("evenhand: stopped.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m console.launcher", description=__doc__)
    parser.set_defaults(command=[], own=False)
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run", help="start the whole product and keep it running (HOST, PORT, DEMO)")
    execute = actions.add_parser(
        "exec", help="run a command with the database and the broker: those that run, or ones started for it"
    )
    show = actions.add_parser("env", help="print the environment of the running product, for a shell to eval")
    run.add_argument("--unguarded", action="store_true", help="without the parent that replaces a killed launcher")
    for action in (run, execute, show):
        action.add_argument("--home", help="the folder with the installation's state (default: EVENHAND_HOME, or var)")
    execute.add_argument("--own", action="store_true", help="refuse where this home is already running")
    execute.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND ...")
    return parser


def _command(words: Sequence[str], path: str) -> list[str]:
    # `python` means the one that runs this: the virtual environment need not be activated.
    program = sys.executable if words[0] in ("python", "python3") else shutil.which(words[0], path=path)
    if program is None:
        raise LauncherError(f"There is no command {words[0]}.")
    return [program, *words[1:]]


def _guard(words: Sequence[str]) -> int:
    """Run the launcher proper as a child, and again should it be killed: no process is beyond replacing."""
    command = (sys.executable, "-m", "console.launcher", *words, "--unguarded")
    program = Program("launcher", command, os.environ, Path.cwd(), stop_seconds=_LONGEST_STOP)
    with Supervisor() as supervisor:
        try:
            while (code := supervisor.run(program)) == 128 + signal.SIGKILL:
                complain("The launcher was killed; starting everything again.")
                supervisor.end_adopted(seconds=10)
        except StopRequested:
            return 0
        finally:
            supervisor.end_adopted(seconds=10)
    return code


def _run(home: Home) -> int:
    if not home.acquire():
        raise LauncherError(_already_running(home))
    try:
        return run_product(home, os.environ)
    finally:
        home.forget_running()
        home.drop_socket_folder()
        home.release()


def _exec(home: Home, words: Sequence[str], *, own: bool) -> int:
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise LauncherError("exec needs a command: python -m console.launcher exec -- python manage.py shell")
    if not home.acquire():
        if own:
            raise LauncherError(_already_running(home))
        environment = _environment_of_running(home)
        command = _command(words, environment["PATH"])
        os.execve(command[0], command, environment)  # noqa: S606 - what the operator typed
    try:
        with Supervisor(handed=(home.lock,)) as supervisor:
            services = Services(home, os.environ)
            services.start(supervisor)
            environment = standing_on(product_environment(os.environ, home), services.environment)
            announce(home, supervisor, services)
            program = Program(
                "command", tuple(_command(words, environment["PATH"])), environment, Path.cwd(), own_session=False
            )
            return supervisor.run(program)
    finally:
        home.forget_running()
        home.drop_socket_folder()
        home.release()


def _environment_of_running(home: Home) -> dict[str, str]:
    services = home.running().get("environment")
    if not isinstance(services, dict):
        raise LauncherError(f"The installation in {home.folder} is still starting, or does not run. Try again.")
    return standing_on(product_environment(os.environ, home), services)


def _show_environment(home: Home) -> int:
    environment = _environment_of_running(home)
    for name in ("EVENHAND_HOME", "DATABASE_URL", "CELERY_BROKER_URL", "SECRET_KEY", "PATH"):
        if name in environment:
            say(f"export {name}={shlex.quote(environment[name])}")
    return 0


def _already_running(home: Home) -> str:
    where = home.running().get("base_url")
    at = f" at {where}" if where else ""
    return f"The installation in {home.folder} is already running{at}. Stop it first, or choose another EVENHAND_HOME."
