"""Which bank entries texts match: a few queries for a whole batch, and none of a kind that no bank is of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from moderation import links
from moderation.conditions import patterns
from moderation.enums import BankKind
from moderation.learning import forms
from moderation.models import BankEntry, BankEntryBand, ChangeStamp

_PATTERNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Inventory:
    """The kinds of banks there are entries of, and the patterns in groups: (one that finds any of them, each)."""

    kinds: frozenset[str]
    patterns: Sequence[tuple[patterns.Pattern, Sequence[tuple[int, patterns.Pattern]]]]


def matches(texts: Mapping[int, str]) -> dict[int, list[BankEntry]]:
    """The entries in force that each text matches, by the text's key, oldest entry first."""
    inventory = _inventory()
    hits: dict[int, set[int]] = defaultdict(set)
    if not inventory.kinds or not texts:
        return {key: [] for key in texts}
    normalised = {key: forms.normalised(text) for key, text in texts.items()} if _needs_forms(inventory) else {}
    _exact(texts, normalised, inventory.kinds, hits)
    if BankKind.NEAR in inventory.kinds:
        _near(normalised, hits)
    _by_pattern(texts, normalised, inventory, hits)
    entries = {entry.pk: entry for entry in _alive(set().union(*hits.values())).select_related("bank__policy")}
    return {key: [entries[pk] for pk in sorted(hits[key]) if pk in entries] for key in texts}


def in_force(entries: QuerySet[BankEntry]) -> QuerySet[BankEntry]:
    """Those of the entries that match anything: not expired, not removed, of an active bank."""
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return entries.filter(alive, removed_at__isnull=True, bank__is_active=True)


def keys(kind: str, value: str, form: str) -> set[str]:
    """The digests a text is looked up by in banks of a kind that match exactly."""
    if kind == BankKind.TEXT:
        return {forms.digest(kind, form)} if form else set()
    return {forms.digest(kind, domain) for domain in links.domains(value)}


def near(left: str, right: str) -> bool:
    """Whether two forms are near duplicates."""
    return bool(left and right) and forms.similarity(left, right) >= forms.SIMILAR


def found_by(pattern: patterns.Pattern, text: str, form: str) -> bool:
    """Whether the pattern occurs in the text as written or in its form."""
    return pattern.search(text) is not None or pattern.search(form) is not None


def _needs_forms(inventory: Inventory) -> bool:
    return not inventory.kinds <= {BankKind.DOMAIN}


def _exact(
    texts: Mapping[int, str], normalised: Mapping[int, str], kinds: Iterable[str], hits: dict[int, set[int]]
) -> None:
    wanted: dict[str, set[int]] = defaultdict(set)
    for kind in {BankKind.TEXT, BankKind.DOMAIN} & set(kinds):
        for key, text in texts.items():
            for digest in keys(kind, text, normalised.get(key, "")):
                wanted[digest].add(key)
    if wanted:
        for pk, digest in BankEntry.objects.filter(digest__in=wanted).values_list("pk", "digest"):
            for key in wanted[digest]:
                hits[key].add(pk)


def _near(normalised: Mapping[int, str], hits: dict[int, set[int]]) -> None:
    by_band: dict[int, set[int]] = defaultdict(set)
    for key, form in normalised.items():
        for band_value in forms.bands(form) if form else ():
            by_band[band_value].add(key)
    shared = BankEntryBand.objects.filter(value__in=by_band, entry__removed_at__isnull=True).select_related("entry")
    candidates = {(key, band.entry_id): band.entry.value for band in shared for key in by_band[band.value]}
    for (key, entry), value in candidates.items():
        if near(normalised[key], form_of(value)):
            hits[key].add(entry)


def _by_pattern(
    texts: Mapping[int, str], normalised: Mapping[int, str], inventory: Inventory, hits: dict[int, set[int]]
) -> None:
    for any_of_them, each in inventory.patterns:
        for key, text in texts.items():
            if found_by(any_of_them, text, normalised[key]):
                hits[key].update(pk for pk, pattern in each if found_by(pattern, text, normalised[key]))


@lru_cache(maxsize=4096)
def form_of(value: str) -> str:
    """The form of an entry's text."""
    return forms.normalised(value)


def _alive(pks: set[int]) -> QuerySet[BankEntry]:
    return in_force(BankEntry.objects.filter(pk__in=pks)).order_by("pk")


def _inventory() -> Inventory:
    stamp = ChangeStamp.objects.filter(pk="banks").values_list("value", flat=True).first()
    return _load() if stamp is None else _loaded(stamp)


@lru_cache(maxsize=4)
def _loaded(stamp: UUID) -> Inventory:
    return _load()


def _load() -> Inventory:
    # An entry may expire before the next change: that is looked at with each match.
    entries = in_force(BankEntry.objects.all())
    kinds = frozenset(entries.order_by().values_list("bank__kind", flat=True).distinct())
    rows = list(entries.filter(bank__kind=BankKind.PATTERN).order_by("pk").values_list("pk", "value"))
    groups = [rows[at : at + _PATTERNS_AT_ONCE] for at in range(0, len(rows), _PATTERNS_AT_ONCE)]
    return Inventory(
        kinds,
        [
            (patterns.any_of([value for _, value in group]), [(pk, patterns.compiled(value)) for pk, value in group])
            for group in groups
        ],
    )
