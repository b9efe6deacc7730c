"""What may be asked for: the filters, what each takes, and where it applies."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Scope(StrEnum):
    """What is looked through."""

    CASES = "cases"
    CONTENT = "content"
    ACCOUNTS = "accounts"


class Sort(StrEnum):
    """In which order the results come."""

    NEW = "new"
    OLD = "old"
    PRIORITY = "priority"
    SCORE = "score"
    DUE = "due"


class FilterKind(StrEnum):
    """What stands behind the colon: one of a few words, a name, a score, an age, a day, a number."""

    CHOICE = "choice"
    NAME = "name"
    SCORE = "score"
    AGE = "age"
    DAY = "day"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Known:
    """A filter: what it takes, where it applies, what it means, and an example."""

    kind: FilterKind
    scopes: frozenset[Scope]
    words: str | Promise
    example: str
    choices: tuple[str, ...] = ()


_CASES = frozenset({Scope.CASES})
_TEXTS = frozenset({Scope.CASES, Scope.CONTENT})
_ALL = frozenset(Scope)

_CONTENT = frozenset({Scope.CONTENT})
_ACCOUNTS = frozenset({Scope.ACCOUNTS})
_STANDINGS = ("open", "decided", "withdrawn", "waiting", "held", "mine", "overdue")

FILTERS: Mapping[str, Known] = {
    "is": Known(FilterKind.CHOICE, _CASES, _("How the case stands"), "is:open", _STANDINGS),
    "queue": Known(FilterKind.NAME, _CASES, _("In one of these queues"), "queue:abuse,spam"),
    "policy": Known(FilterKind.NAME, _CASES, _("About one of these policies first of all"), "policy:spam"),
    "score": Known(FilterKind.SCORE, _CASES, _("The model’s score for that policy"), "score:>0.8"),
    "decided": Known(
        FilterKind.CHOICE, _CASES, _("What the binding decision says"), "decided:violates", ("ok", "violates")
    ),
    "by": Known(FilterKind.NAME, _CASES, _("Who decided; “me” is you"), "by:me"),
    "age": Known(FilterKind.AGE, _CASES, _("How long ago the case was opened"), "age:>2h"),
    "opened": Known(FilterKind.DAY, _CASES, _("The day it was opened, or a span"), "opened:2026-11-01..2026-11-30"),
    "case": Known(FilterKind.NUMBER, _CASES, _("The case’s number, or a span of them"), "case:1200..1300"),
    "author": Known(FilterKind.NAME, _TEXTS, _("Who wrote it, by the platform’s id"), "author:user-17"),
    "lang": Known(FilterKind.NAME, _TEXTS, _("Its language"), "lang:en,de"),
    "type": Known(FilterKind.NAME, _TEXTS, _("What kind of content it is"), "type:comment"),
    "sent": Known(FilterKind.DAY, _CONTENT, _("The day it was written, or a span"), "sent:>=2026-11-01"),
    "seen": Known(FilterKind.DAY, _ACCOUNTS, _("The day it was first seen here, or a span"), "seen:>=2026-11-01"),
    "in": Known(FilterKind.CHOICE, _ALL, _("What to look through"), "in:accounts", tuple(Scope)),
    "sort": Known(FilterKind.CHOICE, _ALL, _("In which order"), "sort:priority", tuple(Sort)),
}

SORTS: Mapping[Scope, tuple[Sort, ...]] = {
    Scope.CASES: tuple(Sort),
    Scope.CONTENT: (Sort.NEW, Sort.OLD),
    Scope.ACCOUNTS: (Sort.NEW, Sort.OLD),
}
