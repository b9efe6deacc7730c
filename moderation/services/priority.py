"""What comes first, and why: a priority is a sum of named points, each in words.

Waiting earns points linearly, ``AGEING_POINTS`` by the time the queue's SLA is reached; since all cases of a queue age
at one rate, their order never changes by waiting. So the index key is the sum without the waiting, less what the case
would have earned since a fixed epoch: it holds still until a part changes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from moderation.enums import CaseStatus, ReportOutcome, ReportSource, ReviewState, ScoringState
from moderation.models import Case, Content, PolicyPrediction, PriorityMark, Queue, Report

AGEING_POINTS = 10.0
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
PRIOR_UPHELD, PRIOR_SETTLED = 2, 4  # Beta(2, 2): a reporter without a record counts half
SOURCE_POINTS = {
    ReportSource.TRUSTED_FLAGGER: (10.0, "reported by a trusted flagger"),
    ReportSource.LEGAL_NOTICE: (20.0, "named in a legal notice"),
}
WORTH_NAMING = 0.05  # a score below says nothing about urgency
REACH_POINTS = 2.0  # for each tenfold of the people reached
REACH_FROM = 100  # fewer are what any content reaches
MARKS_A_RUN = 1_000

Part = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reporter's settled reports, and how many of them were upheld."""

    upheld: int = 0
    settled: int = 0

    @property
    def weight(self) -> float:
        """The chance that their next report is upheld: the mean of the Beta-Binomial posterior under Beta(2, 2).

        A short record is drawn towards one half, a long one speaks for itself.
        """
        return (PRIOR_UPHELD + self.upheld) / (PRIOR_SETTLED + self.settled)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the points of a content rest on; ``complaints`` holds one report a reporter."""

    predictions: Sequence[PolicyPrediction]
    complaints: Sequence[Report]
    sources: Iterable[str]
    reliability: Mapping[int, Reliability]
    reach: int
    strikes: int


def parts_of(standing: Standing) -> list[Part]:
    """The named points: severity, reach, reports, source, author. Each has a name, points, and words for people."""
    parts = [*_severity(standing.predictions), *_reach(standing.reach)]
    if standing.complaints:
        parts.append(_reports(standing))
    parts += [part(source, *SOURCE_POINTS[source]) for source in SOURCE_POINTS if source in set(standing.sources)]
    if standing.strikes:
        noun = "violation" if standing.strikes == 1 else "violations"
        points = 2.0 * min(standing.strikes, 5)
        parts.append(part("author", points, f"author has {standing.strikes} upheld {noun}"))
    return parts


def part(name: str, points: float, words: str) -> Part:
    """One named part."""
    return {"name": "source" if name in SOURCE_POINTS else name, "points": round(points, 2), "words": words}


def leading(predictions: Iterable[PolicyPrediction]) -> PolicyPrediction | None:
    """The prediction a case is about first of all: severity times probability, flagged ones before all others."""
    return max(predictions, key=lambda prediction: (prediction.flagged, urgency(prediction)), default=None)


def urgency(prediction: PolicyPrediction) -> float:
    """Severity of the policy times its calibrated probability."""
    return prediction.policy.severity * prediction.score


def reach_of(content: Content) -> int:
    """How many people the content reaches, as the platform told: its ``reach``, else its author's ``followers``."""
    told = [content.attributes.get("reach")]
    if content.author is not None:
        told.append(content.author.attributes.get("followers"))
    # True is a number to Python, not to people.
    counts = [int(value) for value in told if isinstance(value, int | float) and not isinstance(value, bool)]
    return max(counts[0], 0) if counts else 0


def reliability_of(reporters: Iterable[int]) -> dict[int, Reliability]:
    """The record of each of the accounts that has one, by its key."""
    settled = Q(outcome__in=[ReportOutcome.UPHELD, ReportOutcome.NOT_UPHELD])
    rows = (
        Report.objects.filter(settled, reporter__in=set(reporters))
        .values_list("reporter_id")
        .annotate(upheld=Count("pk", filter=Q(outcome=ReportOutcome.UPHELD)), settled=Count("pk"))
    )
    return {reporter: Reliability(upheld, count) for reporter, upheld, count in rows if reporter is not None}


def index_key(parts: Sequence[Mapping[str, Any]], *, queue: Queue, opened_at: datetime) -> float:
    """The number a case is sorted by: its points, less what it would have earned by waiting since the epoch."""
    hours = (opened_at - EPOCH) / timedelta(hours=1)
    return float(sum(part["points"] for part in parts)) - hours * _points_an_hour(queue)


def current(case: Case, *, at: datetime | None = None) -> float:
    """The case's points now, waiting included."""
    return float(sum(part["points"] for part in case.priority_parts)) + waiting_points(case, at=at)


def waiting_points(case: Case, *, at: datetime | None = None) -> float:
    """The points the case has earned by waiting, up to now or to its end."""
    until = at or case.closed_at or timezone.now()
    return max((until - case.opened_at) / timedelta(hours=1), 0.0) * _points_an_hour(case.queue)


def waiting_part(case: Case, *, at: datetime | None = None) -> Part:
    """The part that grows by itself, against the time the queue should take."""
    waited = max(((at or case.closed_at or timezone.now()) - case.opened_at) / timedelta(minutes=1), 0.0)
    words = f"waiting {_span(waited)} of the {_span(case.queue.sla_minutes)} the queue allows"
    return part("waiting", waiting_points(case, at=at), words)


def place(case: Case, queue: Queue) -> None:
    """Put the case into the queue, due and sorted as if it had opened there: each queue ages at its own rate.

    The caller saves queue, due time and priority, and gives the priority to the reviews that wait.
    """
    case.queue = queue
    case.due_at = case.opened_at + timedelta(minutes=queue.sla_minutes)
    case.priority = index_key(case.priority_parts, queue=queue, opened_at=case.opened_at)


@transaction.atomic
def reorder(queue: Queue) -> int:
    """Sort and date the queue's open cases anew, after its SLA has changed; how many."""
    cases = list(
        Case.including_golden.select_for_update(no_key=True, of=("self",))
        .filter(queue=queue, status=CaseStatus.OPEN)
        .order_by("pk")
    )
    for case in cases:
        place(case, queue)
        case.save(update_fields=["due_at", "priority"])
        case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).update(priority=case.priority)
    return len(cases)


_MARK = """
INSERT INTO moderation_prioritymark (account_id, created_at)
SELECT account, now() FROM (
  SELECT author_id AS account FROM moderation_content WHERE id = %(content)s
  UNION SELECT reporter_id FROM moderation_report WHERE case_id = %(case)s
) changed WHERE account IS NOT NULL
"""


def mark_records_changed(case: Case) -> None:
    """Note that a decision changes what is known of its author and reporters: their other cases are to be sorted anew.

    Locks no other case, whose order of locks would be anyone's guess: a worker follows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MARK, {"content": case.content_id, "case": case.pk})


@transaction.atomic
def follow_marks() -> int:
    """Have the open cases of marked accounts, as authors or reporters, routed anew; how many contents."""
    marks = list(PriorityMark.objects.select_for_update(skip_locked=True).order_by("pk")[:MARKS_A_RUN])
    if not marks:
        return 0
    accounts = {mark.account_id for mark in marks}
    reported = Report.objects.filter(reporter__in=accounts, outcome=ReportOutcome.PENDING, case__status=CaseStatus.OPEN)
    concerned = Content.objects.filter(
        Q(author__in=accounts, cases__status=CaseStatus.OPEN) | Q(pk__in=reported.values("content")),
        scoring_state=ScoringState.SCORED,
        withdrawn_at__isnull=True,
    )
    locked = Content.objects.select_for_update(no_key=True).filter(pk__in=concerned.values("pk")).order_by("pk")
    found = Content.objects.filter(pk__in=[content.pk for content in locked]).update(
        scoring_state=ScoringState.PENDING, scoring_attempts=0
    )
    PriorityMark.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
    return found


def _severity(predictions: Sequence[PolicyPrediction]) -> list[Part]:
    top = max(predictions, key=urgency, default=None)
    if top is None or top.score < WORTH_NAMING:
        return []
    words = f"{top.policy.name} (severity {top.policy.severity}) at {top.score:.2f}"
    return [part("severity", urgency(top) * 10, words)]


def _reach(reach: int) -> list[Part]:
    if reach <= REACH_FROM:
        return []
    return [part("reach", REACH_POINTS * math.log10(reach / REACH_FROM), f"reaches about {_rounded(reach)} people")]


def _reports(standing: Standing) -> Part:
    records = [standing.reliability.get(report.reporter_id or 0, Reliability()) for report in standing.complaints]
    weight = sum(record.weight for record in records)
    settled, upheld = sum(record.settled for record in records), sum(record.upheld for record in records)
    noun = "report" if len(records) == 1 else "reports"
    record = f"{upheld} of their {settled} earlier ones upheld" if settled else "no earlier ones settled"
    words = f"{len(records)} {noun}, weighing {weight:.1f} by their reporters’ record ({record})"
    return part("reports", 6 * math.log2(1 + weight), words)


def _rounded(count: int) -> str:
    """Two significant digits, as nobody knows more."""
    digits = max(len(str(count)) - 2, 0)
    return f"{round(count, -digits):,}"


def _span(minutes: float) -> str:
    for size, unit in ((24 * 60, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes / size:.3g} {unit}"
    return f"{int(minutes)} min"


def _points_an_hour(queue: Queue) -> float:
    return AGEING_POINTS * 60 / queue.sla_minutes
