"""``python -m console.launcher exec -- python -m tests.bench [--json] [--full] [--only PART …]``."""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench import (
    clusters,
    delivery,
    explaining,
    intake,
    queues,
    review,
    rules,
    scoring,
    second_reader,
    training,
)
from tests.bench.figures import Figure, as_json, as_table
from tests.bench.installation import Installation, prepare, scratch_database, web_server


def main() -> None:
    """Measure everything on a scratch installation and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--full", action="store_true", help="also queues and clusters at a million")
    parser.add_argument("--only", choices=sorted(_PARTS), nargs="+", default=list(_PARTS), help="some parts alone")
    given = parser.parse_args()
    figures: list[Figure] = []
    with (
        scratch_database(os.environ["DATABASE_URL"]) as database_url,
        tempfile.TemporaryDirectory(prefix="bench-") as home,
    ):
        _set_up(database_url, home)
        with web_server(_free_port()) as url, web_server(_free_port(), broker=False) as url_without_broker:
            installation = prepare(url, url_without_broker)
            for figure in _measure(installation, database_url, full=given.full, only=given.only):
                figures.append(figure)
                if given.json:
                    sys.stdout.write(as_json(figure) + "\n")
                    sys.stdout.flush()
        from django.db import connections

        connections.close_all()
    if not given.json:
        sys.stdout.write(as_table(figures) + "\n")


def _set_up(database_url: str, home: str) -> None:
    os.environ |= {
        "DATABASE_URL": database_url,
        "EVENHAND_HOME": home,
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
        "LOG_LEVEL": "ERROR",
        # As a worker runs: one thread a process.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    call_command("bootstrap")


def _measure(installation: Installation, database_url: str, *, full: bool, only: Sequence[str]) -> Iterator[Figure]:
    for name, measure in _PARTS.items():
        if name in only:
            yield from measure(installation, database_url, full)


# Intake first: its reports are what is scored, and what is scored is what is claimed. Scale last: it fills the queues.
_PARTS: dict[str, Callable[[Installation, str, bool], Iterator[Figure]]] = {
    "intake": lambda installation, url, full: intake.measure(installation, url),
    "scoring": lambda installation, url, full: scoring.measure(scoring.texts(_base_data())),
    "rules": lambda installation, url, full: rules.measure(),
    "review": lambda installation, url, full: review.measure(installation, url),
    "delivery": lambda installation, url, full: delivery.measure(url),
    "explaining": lambda installation, url, full: explaining.measure(_base_data()),
    "second_reader": lambda installation, url, full: second_reader.measure(scoring.texts(_base_data())),
    "training": lambda installation, url, full: training.measure(_base_data()),
    "queues": lambda installation, url, full: queues.measure(installation, url, full=full),
    "clusters": lambda installation, url, full: clusters.measure(url, full=full),
}


def _base_data() -> Path | None:
    stated = os.environ.get("EVENHAND_BASE_DATA")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


main()
