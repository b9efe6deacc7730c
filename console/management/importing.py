"""What both import commands share: rows through the API's own validation into the intake services.

An import can be run again at any time, after a kill or over a file that was mended: a row that is there already is
counted and left alone. So nothing is kept beside the file but the rejects.
"""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from django.core.management import BaseCommand, CommandError
from django.db import connection, transaction
from rest_framework.exceptions import ParseError, ValidationError
from tqdm import tqdm

from console.api.problems import flatten
from console.api.serializers import ContentSerializer
from console.management.operators import acting_user, add_user_option
from console.management.rows import BadFile, Row, RowFile, columns_of
from moderation.errors import ModerationError
from moderation.models import User
from moderation.permissions import Permission

_CHUNK = 100  # rows a transaction
_IMPORT_LOCK = 4  # advisory: two imports at once could each miss what the other is adding


@dataclass
class Rejects:
    """The rejects file: a JSON line a rejected row, with its line number and reasons, and no word of the row itself."""

    path: Path
    count: int = 0
    _lines: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def add(self, line: int, errors: list[dict[str, str]]) -> None:
        """Note a rejected row."""
        self.count += 1
        self._lines.append(json.dumps({"line": line, "errors": errors}) + "\n")

    def flush(self) -> None:
        """Write what was noted; a file without rejects is never made."""
        if self._lines:
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines(self._lines)
            self._lines.clear()


class ImportCommand(BaseCommand):
    """Reads a file of request bodies; the concrete command names the serializer and takes a row in."""

    serializer_class: ClassVar[type[ContentSerializer]]
    noun: ClassVar[str]

    def take(self, body: ContentSerializer, user: User) -> bool:
        """Take in one validated row; false if it is there already. Raises ``ModerationError``."""
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE, ``--dry-run``, ``--rejects``, ``--user``."""
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV or JSON Lines, also gzipped (.gz)")
        parser.add_argument("--dry-run", action="store_true", help="check every row, keep none")
        parser.add_argument(
            "--rejects", type=Path, help="where to write the rejected lines (default: FILE.rejects.jsonl)"
        )
        add_user_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file. Raises ``CommandError`` if it cannot be read or another import is running."""
        user = acting_user(options["user"], Permission.INGEST)
        path: Path = options["file"]
        rejects_path = options["rejects"] or path.with_name(path.name + ".rejects.jsonl")
        try:
            with (
                closing(RowFile(path, columns=columns_of(self.serializer_class()))) as file,
                _one_import_at_a_time(),
                Rejects(rejects_path) as rejects,
            ):
                taken, known = self._import(file, rejects, user=user, dry_run=options["dry_run"])
        except BadFile as error:
            raise CommandError(f"{path}: {error}") from error
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}") from error
        except KeyboardInterrupt as interrupt:
            raise CommandError(
                "Interrupted. Run it again to go on: nothing is added twice.", returncode=130
            ) from interrupt
        self._report(taken, known, rejects, dry_run=options["dry_run"])

    def _import(self, file: RowFile, rejects: Rejects, *, user: User, dry_run: bool) -> tuple[int, int]:
        """How many rows were taken in, and how many were there already."""
        taken = known = 0
        with tqdm(total=file.size, unit="B", unit_scale=True, disable=None, desc=self.noun) as bar:
            for chunk in _chunks(file.rows()):
                with transaction.atomic():
                    for row in chunk:
                        outcome = self._row(row, rejects, user)
                        taken += outcome is True
                        known += outcome is False
                    transaction.set_rollback(dry_run)
                rejects.flush()
                bar.update(file.position - bar.n)
        return taken, known

    def _row(self, row: Row, rejects: Rejects, user: User) -> bool | None:
        """Take in a row in a savepoint of its own; ``None`` if it was rejected."""
        try:
            body = self.serializer_class(data=row.parse())
            body.is_valid(raise_exception=True)
            with transaction.atomic():
                return self.take(body, user)
        except ValidationError as error:
            rejects.add(row.line, flatten(error.detail))
        except ParseError as error:
            rejects.add(row.line, [{"pointer": "", "detail": str(error.detail)}])
        except ModerationError as error:
            rejects.add(row.line, [{"pointer": error.pointer or "", "detail": error.detail}])
        return None

    def _report(self, taken: int, known: int, rejects: Rejects, *, dry_run: bool) -> None:
        verb = "would be imported" if dry_run else "imported"
        self.stdout.write(f"{taken} {self.noun} {verb}, {known} there already, {rejects.count} rejected.")
        if rejects.count:
            self.stderr.write(f"The rejected lines and the reasons are in {rejects.path}")


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows by the hundred; those before the place where a file turns out bad still come."""
    chunk: list[Row] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == _CHUNK:
                yield chunk
                chunk = []
    except BadFile:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


@contextmanager
def _one_import_at_a_time() -> Iterator[None]:
    """A session-level advisory lock; a process that dies gives it back with its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [_IMPORT_LOCK])
        (taken,) = cursor.fetchone()
    if not taken:
        raise CommandError("Another import is running.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [_IMPORT_LOCK])
