"""What rules have hit, and how often people upheld it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import TruncWeek
from django.utils import timezone

from moderation.enums import UNSEEN, Verdict
from moderation.models import Decision, RuleHit

_Z = 1.6449  # one-sided 95 %
_SURPRISE = 0.05


@dataclass(frozen=True, slots=True)
class Record:
    """Hits of a rule; of those that people have judged, how many violate a policy."""

    hits: int
    judged: int
    upheld: int

    @property
    def precision(self) -> float | None:
        """The share upheld; nothing while nobody has judged."""
        return self.upheld / self.judged if self.judged else None

    @property
    def bounds(self) -> tuple[float, float]:
        """The 90 % interval of the share (Wilson 1927); all there is while nobody has judged."""
        return wilson(self.upheld, self.judged)

    def may_keep(self, precision: float) -> bool:
        """Whether so few upheld are no surprise at the precision asked for: an exact binomial test at 5 %."""
        return at_most(self.upheld, self.judged, precision) >= _SURPRISE


@dataclass(frozen=True, slots=True)
class Week:
    """A rule's record of the hits of one week."""

    begins: date
    record: Record


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The Wilson score interval, 5 % beyond either end; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, spread = successes / trials, _Z * _Z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def at_most(successes: int, trials: int, share: float) -> float:
    """The chance of no more than so many successes in independent trials of a share in (0, 1]."""
    if share >= 1:
        return 1.0 if successes == trials else 0.0
    logs = (
        math.lgamma(trials + 1)
        - math.lgamma(k + 1)
        - math.lgamma(trials - k + 1)
        + k * math.log(share)
        + (trials - k) * math.log1p(-share)
        for k in range(successes + 1)
    )
    return min(math.fsum(map(math.exp, logs)), 1.0)


def records(rule_ids: Iterable[int], *, since: datetime | None = None) -> dict[int, Record]:
    """The record of each rule with any hit, by its key; of hits from ``since`` on."""
    hits = RuleHit.objects.filter(rule__in=set(rule_ids))
    if since is not None:
        hits = hits.filter(created_at__gte=since)
    return _counted(hits, "rule_id")


def by_week(rule_id: int, *, weeks: int) -> list[Week]:
    """The record of each of the last weeks, those without a hit too, the oldest first."""
    monday = timezone.now().date() - timedelta(days=timezone.now().weekday())
    first = monday - timedelta(weeks=weeks - 1)
    hits = RuleHit.objects.filter(rule=rule_id, created_at__gte=datetime.combine(first, time(), UTC))
    found = _counted(hits.annotate(week=TruncWeek("created_at", tzinfo=UTC)), "week")
    by_day = {week.date(): record for week, record in found.items()}
    begins: Sequence[date] = [first + timedelta(weeks=n) for n in range(weeks)]
    return [Week(day, by_day.get(day, Record(0, 0, 0))) for day in begins]


def latest(rule_id: int, *, limit: int) -> list[RuleHit]:
    """The rule's newest hits with their contents and wordings."""
    hits = RuleHit.objects.filter(rule=rule_id).select_related("content__author", "revision")
    return list(hits.order_by("-pk")[:limit])


def _counted(hits: QuerySet[RuleHit], key: str) -> dict[Any, Record]:
    """Hits, judged and upheld ones, by key: three statements, each a join of sets rather than a look a hit."""
    binding = Decision.objects.filter(
        judgement__evidence__revision=OuterRef("revision"), superseded_by__isnull=True, verdict__isnull=False
    ).exclude(kind__in=UNSEEN)
    judged = _count(hits.filter(Exists(binding)), key)
    upheld = _count(hits.filter(Exists(binding.filter(verdict=Verdict.VIOLATES))), key)
    return {one: Record(count, judged.get(one, 0), upheld.get(one, 0)) for one, count in _count(hits, key).items()}


def _count(hits: QuerySet[RuleHit], key: str) -> dict[Any, int]:
    return dict(hits.order_by().values_list(key).annotate(count=Count("pk")))
