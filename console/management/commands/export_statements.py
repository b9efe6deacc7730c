"""``manage.py export_statements``: statements of reasons as JSON Lines, as ``GET /statements`` lists them."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from moderation.selectors import statements


class Command(BaseCommand):
    """Write the statements of decisions in force, oldest first, in constant memory."""

    help = "Write statements of reasons (DSA) as JSON Lines to standard output, or to --output FILE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--since``, ``--until``, ``--output``."""
        parser.add_argument("--since", metavar="DATE", help="decisions of this day (UTC) and later")
        parser.add_argument("--until", metavar="DATE", help="decisions before this day (UTC)")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write here instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the statements. Raises ``CommandError`` for a date that is none, or a file that cannot be written."""
        rows = statements.each(statements.between(_midnight(options["since"]), _midnight(options["until"])))
        path: Path | None = options["output"]
        if path is None:
            for row in rows:
                self.stdout.write(json.dumps(row))
            return
        try:
            count = _write(path, rows)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        sys.stderr.write(f"{count} statements written to {path}\n")


def _midnight(day: str | None) -> datetime | None:
    if day is None:
        return None
    try:
        parsed = parse_date(day)
    except ValueError:  # the form of a date, but no such day
        parsed = None
    if parsed is None:
        raise CommandError(f"{day} is no date; write YYYY-MM-DD.")
    return datetime.combine(parsed, time(), tzinfo=UTC)


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """How many statements were written; the file takes its name once it is whole."""
    partial = path.with_name(path.name + ".partial")
    count = 0
    with partial.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
            count += 1
    partial.replace(path)
    return count
