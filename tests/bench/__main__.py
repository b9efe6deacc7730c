"""``python -m console.launcher exec -- python -m tests.bench [--json] [--full]``."""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import delivery, intake, review, scoring
from tests.bench.figures import Figure, as_json, as_table
from tests.bench.installation import Installation, prepare, scratch_database, web_server

_MILLION = 1_000_000


def main() -> None:
    """Measure everything on a scratch installation and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--full", action="store_true", help="also claims among a million waiting cases")
    given = parser.parse_args()
    figures: list[Figure] = []
    with (
        scratch_database(os.environ["DATABASE_URL"]) as database_url,
        tempfile.TemporaryDirectory(prefix="bench-") as home,
    ):
        _set_up(database_url, home)
        with web_server(_free_port()) as url, web_server(_free_port(), broker=False) as url_without_broker:
            installation = prepare(url, url_without_broker)
            for figure in _measure(installation, database_url, full=given.full):
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


def _measure(installation: Installation, database_url: str, *, full: bool) -> Iterator[Figure]:
    # Intake first: its reports are what is scored, and what is scored is what is claimed.
    yield from intake.measure(installation, database_url)
    yield from scoring.measure(scoring.texts(_base_data()))
    yield from review.measure(installation, database_url)
    yield from delivery.measure(database_url)
    if full:
        review.fill(database_url, _MILLION)
        yield from review.measure(installation, database_url, bench=" among a million")


def _base_data() -> Path | None:
    stated = os.environ.get("EVENHAND_BASE_DATA")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[3] / "shared" / "data"
    return folder if folder.is_dir() else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


main()
