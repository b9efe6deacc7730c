"""Lists by cursor: the place after the last row seen, so that the ten-thousandth row costs what the first one does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from moderation.errors import InvalidInput

Row = TypeVar("Row", bound=Model)
PAGE_SIZE = 50
_LARGEST_KEY = 2**63


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """Some rows of a list, and the cursor of what comes after them; empty at the end."""

    rows: Sequence[Row]
    after: str


def newest(rows: QuerySet[Row], *, after: str, size: int = PAGE_SIZE, descending: bool = True) -> Slice[Row]:
    """Rows by their key, the newest first unless said otherwise. Raises ``InvalidInput`` for a cursor of no list."""
    if after:
        key = _key(after)
        rows = rows.filter(pk__lt=key) if descending else rows.filter(pk__gt=key)
    found = list(rows.order_by("-pk" if descending else "pk")[: size + 1])
    return Slice(found[:size], str(found[size - 1].pk) if len(found) > size else "")


def by_field(rows: QuerySet[Row], *, field: str, descending: bool, after: str, size: int = PAGE_SIZE) -> Slice[Row]:
    """Rows by a field that has a value in each (a number or a time), then by key from the lowest.

    Raises ``InvalidInput`` for a cursor of no list.
    """
    if after:
        value, key = _value_and_key(after)
        nearer = "lt" if descending else "gt"
        rows = rows.filter(**{f"{field}__{nearer}e": value}).filter(
            Q(**{f"{field}__{nearer}": value}) | Q(**{field: value, "pk__gt": key})
        )
    found = list(rows.order_by(f"{'-' if descending else ''}{field}", "pk")[: size + 1])
    if len(found) <= size:
        return Slice(found, "")
    last = found[size - 1]
    return Slice(found[:size], f"{_written(getattr(last, field))}~{last.pk}")


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(float(value))


def _value_and_key(after: str) -> tuple[datetime | float, int]:
    written, _mark, key = after.rpartition("~")
    try:
        value: datetime | float = datetime.fromisoformat(written) if "T" in written else float(written)
    except ValueError as error:
        raise _no_cursor() from error
    if not math.isfinite(value) if isinstance(value, float) else value.tzinfo is None:
        raise _no_cursor()
    return value, _key(key)


def _key(written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < 20 and int(written) < _LARGEST_KEY):
        raise _no_cursor()
    return int(written)


def _no_cursor() -> InvalidInput:
    return InvalidInput(_("This is no place of the list; begin at its first page."), pointer="/after")
