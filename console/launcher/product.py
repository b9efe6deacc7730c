"""The whole product: services, migrations, first data, web server, worker and scheduler."""

import http.client
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.launcher import assets
from console.launcher.errors import LauncherError
from console.launcher.home import Home
from console.launcher.processes import Program
from console.launcher.services import Services
from console.launcher.speech import say
from console.launcher.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
_QUEUES = "score,learn,deliver,celery"


@dataclass(frozen=True)
class Address:
    """Where the web server listens."""

    host: str
    port: int

    @property
    def is_public(self) -> bool:
        """Whether other machines can reach it. Raises LauncherError for a name that does not resolve."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise LauncherError(f"HOST={self.host} is not an address of this machine ({error}).") from error
        return not all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def address_from(environment: Mapping[str, str]) -> Address:
    """HOST and PORT, by default 127.0.0.1:8000. Raises LauncherError for a port that is none."""
    text = environment.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise LauncherError(f"PORT={text} is not a port number (0 to 65535; 0 takes any free one).")
    return Address(environment.get("HOST") or "127.0.0.1", int(text))


def wants_demo(environment: Mapping[str, str]) -> bool:
    """Whether to seed the demo community: DEMO=0 says no. Raises LauncherError for anything but 0 and 1."""
    choice = environment.get("DEMO") or "1"
    if choice not in ("0", "1"):
        raise LauncherError(f"DEMO={choice} is neither 0 nor 1.")
    return choice == "1"


def product_environment(given: Mapping[str, str], home: Home) -> dict[str, str]:
    """What every part of the product is told, apart from where its services are."""
    environment = dict(given)
    environment["EVENHAND_HOME"] = str(home.folder)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), given.get("PYTHONPATH", "")]))
    environment.setdefault("PYTHONUNBUFFERED", "1")
    if not given.get("SECRET_KEY"):
        environment["SECRET_KEY"] = home.secret_key()
    return environment


def standing_on(environment: Mapping[str, str], services: Mapping[str, str]) -> dict[str, str]:
    """The environment with the services' own; their programs (psql, pg_dump …) come first on the PATH."""
    path = os.pathsep.join(filter(None, [services.get("EVENHAND_PROGRAMS"), environment.get("PATH")]))
    return {**environment, **services, "PATH": path}


def announce(home: Home, supervisor: Supervisor, services: Services, *, base_url: str | None = None) -> None:
    """Publish in the home what runs, now and whenever a program has started again."""
    record: dict[str, object] = {
        "launcher": os.getpid(),
        "base_url": base_url,
        "environment": {"EVENHAND_HOME": str(home.folder), **services.environment},
    }

    def publish(processes: dict[str, int]) -> None:
        home.remember_running({**record, "processes": processes})

    supervisor.on_change = publish
    publish(supervisor.processes())


def run_product(home: Home, given: Mapping[str, str]) -> int:
    """Run everything until Ctrl-C. Returns the exit code. Raises LauncherError where it cannot start."""
    address = address_from(given)
    public = address.is_public
    demo = wants_demo(given)
    with _bound(address) as listener, Supervisor(handed=(home.lock,)) as supervisor:
        address = Address(address.host, listener.getsockname()[1])
        environment = product_environment(given, home)
        if public:
            environment |= {"EVENHAND_PUBLIC": "1", "DEBUG": "0"}
            say(f"HOST={address.host} can be reached from other machines: development conveniences are off.")
            environment |= _allowed_hosts(address, given)
        services = Services(home, given)
        say("Starting the database and the broker.")
        services.start(supervisor)
        environment = standing_on(environment, services.environment)
        announce(home, supervisor, services, base_url=address.url)
        environment["EVENHAND_BASE_URL"] = address.url
        say("Preparing the database.")
        _once(supervisor, "migrate", environment, "migrate", "--no-input", "--verbosity", "0")
        _once(supervisor, "bootstrap", environment, "bootstrap", "--people", *(["--demo"] if demo else []))
        if not assets.are_collected(home, ROOT):
            _once(supervisor, "collectstatic", environment, "collectstatic", "--no-input", "--verbosity", "0")
            assets.remember_collected(home, ROOT)
        listener.listen(2048)
        for program in (_web(environment, listener), *_workers(environment), _beat(environment, home)):
            supervisor.keep(program)
        supervisor.wait_until(lambda: _answers(address), seconds=120, what="The web server")
        greet(address, home)
        supervisor.look_after()
        say("Stopping.")
    return 0


def _allowed_hosts(address: Address, given: Mapping[str, str]) -> dict[str, str]:
    """Host names a browser may use, where the operator named none: an address given as HOST is one of them."""
    if given.get("ALLOWED_HOSTS"):
        return {}
    name = f"[{address.host}]" if ":" in address.host else address.host
    if name in ("0.0.0.0", "[::]"):  # noqa: S104
        say("Set ALLOWED_HOSTS=name,name to the host names browsers will use; only this machine's own works now.")
        return {}
    return {"ALLOWED_HOSTS": f"127.0.0.1,localhost,[::1],{name}"}


def _bound(address: Address) -> socket.socket:
    """The listening socket, ours while we run: requests wait until a killed web server is back."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise LauncherError(
            f"Cannot listen on {address.host}:{address.port} ({error.strerror}). "
            "Something else may be using the port: choose another with PORT=8001."
        ) from error
    return listener


def _once(supervisor: Supervisor, name: str, environment: Mapping[str, str], *arguments: str) -> None:
    code = supervisor.run(_python(name, environment, str(ROOT / "manage.py"), *arguments))
    if code != 0:
        raise LauncherError(
            f"`manage.py {' '.join(arguments)}` failed with exit code {code}; what it said stands above."
        )


def _web(environment: Mapping[str, str], listener: socket.socket) -> Program:
    size = [] if environment.get("WEB_CONCURRENCY") else ["--workers", "2"]
    return _python(
        "web",
        environment,
        *("-m", "gunicorn", "console.wsgi:application", "--bind", f"fd://{listener.fileno()}"),
        *(*size, "--worker-class", "gthread", "--threads", "4"),
        *("--graceful-timeout", "8", "--no-control-socket", "--log-level", "warning"),
        inherited=(listener.fileno(),),
    )


def _workers(environment: Mapping[str, str]) -> list[Program]:
    """The workers; the second reader has one of its own, where there is a second reader."""
    workers = [_worker(environment, "worker", _QUEUES, size=2)]
    if environment.get("SECOND_READER"):
        workers.append(_worker(environment, "context", "context", size=1))
    return workers


def _worker(environment: Mapping[str, str], name: str, queues: str, *, size: int) -> Program:
    return _python(
        name,
        {
            **environment,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            # Tasks are JSON, never pickled objects: the danger this warns root of is not there.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        },
        *("-m", "celery", "--quiet", "--app", "console", "worker", "--queues", queues, "--concurrency", str(size)),
        *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
    )


def _beat(environment: Mapping[str, str], home: Home) -> Program:
    folder = home.folder / "beat"
    folder.mkdir(exist_ok=True)
    return _python(
        "beat",
        environment,
        *("-m", "celery", "--quiet", "--app", "console", "beat", "--schedule", str(folder / "schedule")),
        *("--loglevel", "WARNING"),
    )


def _python(name: str, environment: Mapping[str, str], *arguments: str, inherited: tuple[int, ...] = ()) -> Program:
    # The interpreter and a module, never an installed script: its first line cannot hold a long path.
    return Program(name, (sys.executable, *arguments), environment, ROOT, inherited=inherited)


def _answers(address: Address) -> bool:
    name = address.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    connection = http.client.HTTPConnection(name, address.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


def greet(address: Address, home: Home) -> None:
    """Say where the product is and who can log in; passwords only to a person's screen, never into a log."""
    say(f"\nEvenhand is ready at {address.url}")
    if home.demo_file.exists():
        demo = json.loads(home.demo_file.read_text(encoding="utf-8"))
        show = sys.stdout.isatty()
        for role, user in demo["users"].items():
            say(f"  {role}: {user['username']}" + (f"  {user['password']}" if show else ""))
        say(f"  (names, passwords and the API key are in {home.demo_file})")
    else:
        say(
            "  Make the first administrator with:\n"
            "  .venv/bin/python -m console.launcher exec -- python manage.py createsuperuser"
        )
    say("Ctrl-C stops it.\n")
