"""Rows of a CSV or JSON Lines file, plain or gzipped, as the request bodies the API takes; streamed.

CSV columns are the paths of the body's fields, joined by dots: ``content.id``, ``author.created_at``, ``source`` …
Lists and objects (``content.context``, ``content.attributes``, ``author.attributes``) are JSON in their cell. An
empty cell is an absent field, except ``content.text``, which may be empty.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from console.api.parsers import loads

_JSON_CELLS = frozenset({"content.context", "content.attributes", "author.attributes"})
_MAY_BE_EMPTY = frozenset({"content.text"})
# A thread of a hundred messages fits; the csv module's own limit is 128 KiB.
_CELL_LIMIT = 4 * 1024 * 1024


class BadFile(Exception):
    """The file as a whole cannot be read: the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line (from 1), and how to get the body; ``parse`` raises ``ParseError`` if it is malformed."""

    line: int
    parse: Callable[[], Any]


class RowFile:
    """An open file of rows; ``position`` of ``size`` bytes have been read."""

    def __init__(self, path: Path, *, columns: Sequence[str]) -> None:
        """Open the file; ``columns`` are the CSV columns there may be. Raises ``BadFile``."""
        suffixes = path.suffixes[-2:]
        packed = suffixes[-1:] == [".gz"]
        self._kind = suffixes[0] if packed and len(suffixes) == 2 else suffixes[-1] if suffixes else ""
        if self._kind not in {".csv", ".jsonl", ".ndjson"}:
            raise BadFile("The file's name must end in .csv, .jsonl or .ndjson, with .gz after it if it is gzipped.")
        try:
            self._raw: IO[bytes] = path.open("rb")
        except OSError as error:
            raise BadFile(f"The file cannot be opened: {error.strerror}.") from error
        self.size = path.stat().st_size
        self._stream = io.BufferedReader(gzip.GzipFile(fileobj=self._raw)) if packed else self._raw
        self._columns = columns

    @property
    def position(self) -> int:
        """Bytes of the file read so far, as they lie on the disk."""
        return self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def rows(self) -> Iterator[Row]:
        """Every row but empty lines. Raises ``BadFile`` where the file ends being one."""
        try:
            yield from self._csv_rows() if self._kind == ".csv" else self._json_rows()
        except (OSError, EOFError, zlib.error) as error:
            raise BadFile(f"The file cannot be read on: {error}.") from error

    def _json_rows(self) -> Iterator[Row]:
        limit = settings.BODY_LIMIT_BYTES
        number = 0
        while line := self._stream.readline(limit + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > limit and not line.endswith(b"\n"):
                self._skip_line()
                yield Row(number, _too_long)
            elif line.strip():
                yield Row(number, _json_parser(line))

    def _skip_line(self) -> None:
        while (rest := self._stream.readline(settings.BODY_LIMIT_BYTES)) and not rest.endswith(b"\n"):
            pass

    def _csv_rows(self) -> Iterator[Row]:
        csv.field_size_limit(_CELL_LIMIT)
        # Bytes that are no UTF-8 become lone surrogates, which the fields refuse: only their own row is rejected.
        self._text = io.TextIOWrapper(self._stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(self._text, strict=True)
        try:
            header = next(reader, [])
            self._check_header(header)
            begin = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield Row(begin, _csv_parser(header, cells))
                begin = reader.line_num + 1
        except csv.Error as error:
            raise BadFile(f"Line {reader.line_num} is malformed CSV: {error}.") from error

    def _check_header(self, header: Sequence[str]) -> None:
        unknown = [name for name in header if name not in self._columns]
        if unknown or not header:
            raise BadFile(f"Unknown columns: {', '.join(unknown) or 'none at all'}. Known: {', '.join(self._columns)}.")
        if len(set(header)) < len(header):
            raise BadFile("A column stands twice in the first line.")


def columns_of(serializer: serializers.BaseSerializer[Any], prefix: str = "") -> list[str]:
    """The CSV columns of a body: the paths of its fields."""
    columns = []
    for name, field in getattr(serializer, "fields", {}).items():
        path = f"{prefix}{name}"
        if isinstance(field, serializers.Serializer):
            columns += columns_of(field, f"{path}.")
        else:
            columns.append(path)
    return columns


def _json_parser(line: bytes) -> Callable[[], Any]:
    return lambda: loads(line)


def _too_long() -> Any:
    raise ParseError(f"The line is over the limit of {settings.BODY_LIMIT_BYTES} bytes.")


def _csv_parser(header: Sequence[str], cells: Sequence[str]) -> Callable[[], Any]:
    return lambda: _body(header, cells)


def _body(header: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """The nested body of a CSV row."""
    if len(cells) != len(header):
        raise ParseError(f"The row has {len(cells)} cells, the first line {len(header)}.")
    body: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if cell == "" and name not in _MAY_BE_EMPTY:
            continue
        *parents, leaf = name.split(".")
        target = body
        for parent in parents:
            target = target.setdefault(parent, {})
        target[leaf] = loads(cell.encode("utf-8", "surrogateescape")) if name in _JSON_CELLS else cell
    return body
