"""``manage.py export_labels``: every label with its lineage as JSON Lines, as ``GET /labels`` streams them."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from moderation.selectors.labels import label_rows


class Command(BaseCommand):
    """Write all labels, oldest first, superseded ones included, in constant memory."""

    help = "Write every label as JSON Lines to standard output, or to --output FILE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--output``."""
        parser.add_argument("--output", type=Path, metavar="FILE", help="write here instead of standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the labels. Raises ``CommandError`` if the file cannot be written."""
        path: Path | None = options["output"]
        if path is None:
            for row in label_rows():
                self.stdout.write(json.dumps(row))
            return
        try:
            count = _write(path)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        sys.stderr.write(f"{count} labels written to {path}\n")


def _write(path: Path) -> int:
    """How many labels were written; the file takes its name once it is whole."""
    partial = path.with_name(path.name + ".partial")
    count = 0
    with partial.open("w", encoding="utf-8") as file:
        for row in label_rows():
            file.write(json.dumps(row) + "\n")
            count += 1
    partial.replace(path)
    return count
