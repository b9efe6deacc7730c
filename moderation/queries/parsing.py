"""From what a person typed to a query, and back. Whatever is typed either parses or is refused with its place."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.utils.translation import gettext as _

from moderation.errors import InvalidInput
from moderation.queries.vocabulary import FILTERS, SORTS, FilterKind, Known, Scope, Sort

LONGEST = 400
MOST_TERMS = 12
_KEY = re.compile(r"([A-Za-z]+):(?!//)")
_COMPARISON = re.compile(r"(>=|<=|>|<)(.*)", re.S)
_SCORE = re.compile(r"(?:[01]|0?\.\d{1,6}|[01]\.\d{0,6})", re.ASCII)
_AGE = re.compile(r"(\d{1,5})(m|h|d|w)", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_BARE = re.compile(r'[^\s",\\]+')


class BadQuery(InvalidInput):
    """The search cannot be read: ``start`` and ``end`` are the code points at fault."""

    code: ClassVar[str] = "bad_query"
    title: ClassVar[str] = "The search cannot be read"

    def __init__(self, detail: str, *, start: int, end: int) -> None:
        super().__init__(detail, pointer="/q", extra={"start": start, "end": end})
        self.start, self.end = start, end


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was typed, in code points; it takes no part in comparisons of queries."""

    start: int
    end: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place)

    def __hash__(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Term:
    """Words of the text: one, or a ``phrase`` whose words follow each other; ``alike``: spelt like it will do."""

    text: str
    place: Place
    phrase: bool = False
    alike: bool = False
    negated: bool = False

    def written(self) -> str:
        """As one would type it."""
        body = _quoted(self.text) if self.phrase else self.text
        return f"{'-' if self.negated else ''}{'~' if self.alike else ''}{body}"


@dataclass(frozen=True, slots=True)
class Filter:
    """``key:values``. With a ``comparison`` (one of > >= < <= or .. between two) there are one or two values; without,
    any of them will do."""

    key: str
    values: tuple[str, ...]
    place: Place
    comparison: str = ""
    negated: bool = False

    def written(self) -> str:
        """As one would type it."""
        if self.comparison == "..":
            body = "..".join(self.values)
        elif self.comparison:
            body = self.comparison + self.values[0]
        else:
            body = ",".join(value if _BARE.fullmatch(value) else _quoted(value) for value in self.values)
        return f"{'-' if self.negated else ''}{self.key}:{body}"

    def bounds(self) -> tuple[float, float]:
        """The two ends of a ``..`` or equal ends of a single value, as numbers: scores, or case numbers."""
        return float(self.values[0]), float(self.values[-1])

    def ages(self) -> tuple[timedelta, timedelta]:
        """The two ends as lengths of time."""
        return _length(self.values[0]), _length(self.values[-1])

    def days(self) -> tuple[datetime, datetime]:
        """The beginning of the first day and the end of the last (UTC)."""
        return _midnight(self.values[0]), _midnight(self.values[-1]) + timedelta(days=1)

    def refused(self, detail: str) -> BadQuery:
        """An error that points at this filter."""
        return BadQuery(detail, start=self.place.start, end=self.place.end)


@dataclass(frozen=True, slots=True)
class Query:
    """A search: where, for which words, by which filters, in which order."""

    scope: Scope
    sort: Sort
    terms: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()

    def written(self) -> str:
        """The query as one would type it; it parses to an equal one."""
        parts = [one.written() for one in self.filters] + [term.written() for term in self.terms]
        if self.scope != Scope.CASES:
            parts.append(f"in:{self.scope}")
        if self.sort != Sort.NEW:
            parts.append(f"sort:{self.sort}")
        return " ".join(parts)

    def within(self, scope: Scope) -> "Query":
        """The same search elsewhere: what does not apply there is left out."""
        kept = tuple(one for one in self.filters if scope in FILTERS[one.key].scopes)
        return replace(self, scope=scope, filters=kept, sort=self.sort if self.sort in SORTS[scope] else Sort.NEW)

    def of(self, key: str) -> Iterator[Filter]:
        """The filters of that name."""
        return (one for one in self.filters if one.key == key)


def parse(text: str) -> Query:
    """The query typed. Raises ``BadQuery``, which names the place."""
    if len(text) > LONGEST:
        raise BadQuery(_("A search has at most %(most)d characters.") % {"most": LONGEST}, start=LONGEST, end=len(text))
    if "\0" in text:
        place = text.index("\0")
        raise BadQuery(_("A search cannot hold a NUL character."), start=place, end=place + 1)
    reader = _Reader(text)
    terms: list[Term] = []
    filters: list[Filter] = []
    while reader.more():
        part = reader.part()
        if isinstance(part, Filter):
            filters.append(part)
        else:
            terms.append(part)
        if len(terms) + len(filters) > MOST_TERMS:
            detail = _("A search has at most %(most)d words and filters.") % {"most": MOST_TERMS}
            raise BadQuery(detail, start=part.place.start, end=len(text))
    scope = Scope(_single(filters, "in", Scope.CASES))
    for one in filters:
        if scope not in FILTERS[one.key].scopes:
            values = {"key": one.key, "scope": scope.value}
            raise one.refused(_("“%(key)s” says nothing about %(scope)s.") % values)
    sort = Sort(_single(filters, "sort", Sort.NEW))
    if sort not in SORTS[scope]:
        wrong = next(one for one in filters if one.key == "sort")
        choices = ", ".join(SORTS[scope])
        raise wrong.refused(_("There the order is one of %(choices)s.") % {"choices": choices})
    kept = tuple(one for one in filters if one.key not in {"in", "sort"})
    return Query(scope, sort, tuple(terms), kept)


class _Reader:
    """Walks through what was typed, part by part."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def more(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def part(self) -> Term | Filter:
        start = self.at
        negated = self._take("-")
        found = _KEY.match(self.text, self.at)
        if found:
            self.at = found.end()
            return self._filter(found[1].lower(), start, negated)
        alike = self._take("~")
        phrase = self.text.startswith('"', self.at)
        body = self._quoted() if phrase else self._run()
        place = Place(start, self.at)
        if not any(sign.isalnum() for sign in body):
            raise BadQuery(_("Here is nothing to look for: give a letter or a digit."), start=start, end=self.at)
        if alike and len(body) < 3:
            raise BadQuery(_("A word that may be spelt otherwise has three letters or more."), start=start, end=self.at)
        return Term(body, place, phrase=phrase, alike=alike, negated=negated)

    def _take(self, sign: str) -> bool:
        taken = self.text.startswith(sign, self.at)
        self.at += taken
        return taken

    def _run(self) -> str:
        start = self.at
        while self.at < len(self.text) and not self.text[self.at].isspace() and self.text[self.at] != '"':
            self.at += 1
        return self.text[start : self.at]

    def _quoted(self) -> str:
        start = self.at
        self.at += 1
        signs: list[str] = []
        while self.at < len(self.text):
            sign = self.text[self.at]
            self.at += 1
            if sign == '"':
                return "".join(signs)
            if sign == "\\" and self.text[self.at : self.at + 1] in {'"', "\\"}:
                sign = self.text[self.at]
                self.at += 1
            signs.append(sign)
        raise BadQuery(_("This quotation mark is never closed."), start=start, end=len(self.text))

    def _filter(self, key: str, start: int, negated: bool) -> Filter:
        known = FILTERS.get(key)
        if known is None:
            raise BadQuery(_unknown(key), start=start, end=self.at)
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        place = Place(start, self.at)
        if not all(values) or not (self.at == len(self.text) or self.text[self.at].isspace()):
            while self.at < len(self.text) and not self.text[self.at].isspace():
                self.at += 1
            wrong = Filter(key, tuple(values), Place(start, self.at))
            raise wrong.refused(_expected(key, known))
        return _checked(Filter(key, tuple(values), place, negated=negated), known)

    def _value(self) -> str:
        if self.text.startswith('"', self.at):
            return self._quoted()
        found = _BARE.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]


def _checked(raw: Filter, known: Known) -> Filter:
    """The filter with its comparison told from its values, all of them valid. Raises ``BadQuery``."""
    if raw.key in {"in", "sort"} and (raw.negated or len(raw.values) > 1):
        raise raw.refused(_expected(raw.key, known))
    if known.kind == FilterKind.CHOICE:
        lowered = tuple(value.lower() for value in raw.values)
        if not set(lowered) <= set(known.choices):
            raise raw.refused(_expected(raw.key, known))
        return replace(raw, values=lowered)
    if known.kind == FilterKind.NAME:
        return raw
    if len(raw.values) > 1:
        raise raw.refused(_expected(raw.key, known))
    compared = _COMPARISON.fullmatch(raw.values[0])
    if compared:
        found = replace(raw, comparison=compared[1], values=(compared[2],))
    elif ".." in raw.values[0]:
        low, _dots, high = raw.values[0].partition("..")
        found = replace(raw, comparison="..", values=(low, high))
    else:
        found = raw
    if not all(_is_valid(value, known.kind) for value in found.values):
        raise raw.refused(_expected(raw.key, known))
    if found.comparison == ".." and _amount(found.values[0], known.kind) > _amount(found.values[1], known.kind):
        raise raw.refused(_("The lower end of a span comes first."))
    return found


def _amount(value: str, kind: FilterKind) -> float:
    if kind == FilterKind.AGE:
        return _length(value).total_seconds()
    return _midnight(value).timestamp() if kind == FilterKind.DAY else float(value)


def _is_valid(value: str, kind: FilterKind) -> bool:
    if kind == FilterKind.SCORE:
        return bool(_SCORE.fullmatch(value)) and float(value) <= 1
    if kind == FilterKind.AGE:
        return bool(_AGE.fullmatch(value))
    if kind == FilterKind.NUMBER:
        return bool(_NUMBER.fullmatch(value))
    if not _DAY.fullmatch(value):
        return False
    try:
        return _midnight(value).year < 9999
    except ValueError:  # the form of a day, but no such month or day
        return False


def _single(filters: list[Filter], key: str, default: str) -> str:
    found = [one for one in filters if one.key == key]
    if len(found) > 1:
        raise found[1].refused(_("“%(key)s” can be said once only.") % {"key": key})
    return found[0].values[0] if found else default


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, FILTERS, n=1)
    if near:
        return _("There is no filter “%(key)s”; did you mean “%(near)s”?") % {"key": key, "near": near[0]}
    known = ", ".join(FILTERS)
    return _("There is no filter “%(key)s”. Filters: %(known)s. To look for a colon, put it in quotes.") % {
        "key": key,
        "known": known,
    }


def _expected(key: str, known: Known) -> str:
    if known.choices:
        return _("“%(key)s” takes one of %(choices)s.") % {"key": key, "choices": ", ".join(known.choices)}
    return _("“%(key)s” is written like %(example)s.") % {"key": key, "example": known.example}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _length(value: str) -> timedelta:
    found = _AGE.fullmatch(value)
    if found is None:
        raise ValueError(value)
    return int(found[1]) * _UNITS[found[2]]


def _midnight(value: str) -> datetime:
    return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
