"""Banks and their entries, and what an entry would catch before it is kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from moderation import links
from moderation.conditions import patterns
from moderation.enums import BankKind
from moderation.errors import NotFound
from moderation.learning import forms
from moderation.models import Bank, BankEntry, BankHit, Content
from moderation.selectors import bank_matching, past_facts

PREVIEW_EXAMPLES = 10
_PREVIEW_SECONDS = 2.0
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Preview:
    """What an entry would have caught among the contents of the last days, of which it looked at the newest.

    The examples are the newest it caught.
    """

    days: int
    available: int
    looked_at: int
    caught: int
    examples: Sequence[Content]

    @property
    def is_whole(self) -> bool:
        """Whether it looked at all of them."""
        return self.looked_at >= self.available


def banks() -> QuerySet[Bank]:
    """Every bank with the number of its entries in force."""
    alive = Q(entries__expires_at__isnull=True) | Q(entries__expires_at__gt=timezone.now())
    in_force = Count("entries", filter=alive & Q(entries__removed_at__isnull=True))
    return Bank.objects.select_related("policy").annotate(in_force=in_force)


def get(slug: str) -> Bank:
    """The bank; raises ``NotFound``."""
    bank = banks().filter(slug=slug).first()
    if bank is None:
        raise NotFound("There is no such bank.")
    return bank


def entries(bank: Bank, *, containing: str = "") -> QuerySet[BankEntry]:
    """The bank's entries that have not been removed, newest first, each with its hits."""
    rows = bank.entries.filter(removed_at__isnull=True).select_related("owner", "bank")
    if containing:
        rows = rows.filter(value__icontains=containing)
    return _with_hits(rows).order_by("-pk")


def entry(entry_id: int) -> BankEntry:
    """The entry with its hits; raises ``NotFound`` also for one that was removed."""
    rows = BankEntry.objects.filter(pk=entry_id, removed_at__isnull=True).select_related("owner", "bank__policy")
    found = _with_hits(rows).first()
    if found is None:
        raise NotFound("There is no such entry.")
    return found


def _with_hits(rows: QuerySet[BankEntry]) -> QuerySet[BankEntry]:
    """Hits counted entry by entry, so that a page counts those of its own entries alone."""
    hits = BankHit.objects.filter(entry=OuterRef("pk")).order_by().values("entry")
    return rows.annotate(
        hit_count=Coalesce(Subquery(hits.annotate(count=Count("pk")).values("count")), 0),
        last_hit=Subquery(hits.annotate(last=Max("created_at")).values("last")),
    )


def latest_hits(entry: BankEntry, *, limit: int) -> list[BankHit]:
    """The entry's newest hits with their contents and wordings."""
    return list(entry.hits.select_related("content", "revision").order_by("-pk")[:limit])


def preview(*, kind: str, form: str, days: int) -> Preview:
    """What an entry of this form would have caught. Looks from the newest content back, for two seconds at most."""
    until = timezone.now()
    rows = past_facts.contents(since=until - timedelta(days=days), until=until)
    available = rows.count()
    catches = _test(kind, form)
    ends = time.monotonic() + _PREVIEW_SECONDS
    looked_at, caught, examples, below = 0, 0, list[Content](), None
    while looked_at < available and time.monotonic() < ends:
        chunk = rows if below is None else rows.filter(pk__lt=below)
        found = list(chunk.select_related("current_revision", "author").order_by("-pk")[:_CHUNK])
        if not found:
            break
        hits = [row for row in found if row.current_revision is not None and catches(row.current_revision.text)]
        looked_at, caught, below = looked_at + len(found), caught + len(hits), found[-1].pk
        examples += hits[: PREVIEW_EXAMPLES - len(examples)]
    return Preview(days, available, looked_at, caught, examples)


def _test(kind: str, form: str) -> Callable[[str], bool]:
    """Whether a text is caught by an entry of the form: as ``bank_matching`` tells it, of one entry."""
    if kind == BankKind.DOMAIN:
        return lambda text: form in links.domains(text)
    if kind == BankKind.PATTERN:
        pattern = patterns.compiled(form)
        return lambda text: bank_matching.found_by(pattern, text, forms.normalised(text))
    if kind == BankKind.NEAR:
        bands = frozenset(forms.bands(form))
        return lambda text: _is_near(form, bands, forms.normalised(text))
    return lambda text: forms.normalised(text) == form


def _is_near(form: str, bands: frozenset[int], other: str) -> bool:
    return bool(other) and not bands.isdisjoint(forms.bands(other)) and bank_matching.near(form, other)
