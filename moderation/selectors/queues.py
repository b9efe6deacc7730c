"""What waits, what a person holds, and what they did today."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, DateTimeField, Exists, Func, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation.enums import CaseStatus, DecisionKind, ReviewState, Verdict
from moderation.errors import NotFound
from moderation.models import Case, Decision, Queue, Review, ReviewBar, ReviewSkip, User


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A queue with its open cases: waiting, leased to someone, and past the time they should be seen in.

    ``for_me`` counts what waits less what this person has skipped; ``oldest`` is when the oldest case was opened.
    """

    queue: Queue
    waiting: int
    for_me: int
    leased: int
    overdue: int
    oldest: datetime | None
    claimable: bool


@dataclass(frozen=True, slots=True)
class DayTally:
    """What a person decided since midnight (UTC), by verdict; undone decisions not counted."""

    decided: int
    violating: int
    undone: int


def database_clock() -> Func:
    """The database's own time: leases end by it alone."""
    return Func(function="clock_timestamp", output_field=DateTimeField())


def queue_summaries(user: User, *, seniors: bool) -> list[QueueSummary]:
    """Every active queue in order; three statements whatever their number. ``seniors``: may claim senior queues."""
    counted = _counts_by_queue(user)
    ages = _ages_by_queue()
    summaries = []
    for queue in Queue.objects.filter(is_active=True):
        waiting, for_me, leased = counted.get(queue.pk, (0, 0, 0))
        oldest, overdue = ages.get(queue.pk, (None, 0))
        claimable = seniors or not queue.seniors_only
        summaries.append(QueueSummary(queue, waiting, for_me, leased, overdue, oldest, claimable))
    return summaries


def active_queue(slug: str) -> Queue:
    """The queue of that name; raises ``NotFound``."""
    queue = Queue.objects.filter(slug=slug, is_active=True).first()
    if queue is None:
        raise NotFound("There is no such queue.")
    return queue


def default_queue() -> Queue:
    """The queue that takes what no rule routes; raises ``NotFound`` where there is no queue at all."""
    queue = Queue.objects.filter(is_active=True).order_by("-is_default", "position", "pk").first()
    if queue is None:
        raise NotFound("No queue exists; an administrator must add one.")
    return queue


def next_cases(queue: Queue, *, limit: int) -> list[Case]:
    """The queue's open cases in the order they are handed out, golden ones among them."""
    waiting = Case.including_golden.filter(queue=queue, status=CaseStatus.OPEN)
    return list(waiting.select_related("content__author", "queue").order_by("-priority", "pk")[:limit])


def held_by(user: User) -> QuerySet[Review]:
    """The live leases a person holds, the oldest first."""
    return (
        Review.objects.filter(reviewer=user, state=ReviewState.LEASED, lease_expires_at__gt=database_clock())
        .select_related("case__content", "queue")
        .order_by("leased_at")
    )


def live_review(case: Case) -> Review | None:
    """The review of the case that someone holds at this moment."""
    return (
        case.reviews.filter(state=ReviewState.LEASED, lease_expires_at__gt=database_clock())
        .select_related("reviewer")
        .first()
    )


def day_of(user: User) -> DayTally:
    """What the person decided today."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Decision.objects.filter(decided_by=user, created_at__gte=midnight)
    undone = Q(superseded_by__kind=DecisionKind.UNDO)
    made = Q(verdict__isnull=False) & ~undone
    counted = mine.aggregate(
        decided=Count("pk", filter=made),
        violating=Count("pk", filter=made & Q(verdict=Verdict.VIOLATES)),
        undone=Count("pk", filter=Q(kind=DecisionKind.UNDO)),
    )
    return DayTally(**counted)


def _counts_by_queue(user: User) -> dict[int, tuple[int, int, int]]:
    skipped = ReviewSkip.objects.filter(review=OuterRef("pk"), user=user)
    barred = ReviewBar.objects.filter(review=OuterRef("pk"), user=user)
    alive = Q(state=ReviewState.LEASED, lease_expires_at__gt=database_clock())
    # A lease that has run out is taken back at the next claim: to a moderator that review waits.
    waiting = Q(state=ReviewState.WAITING) | Q(state=ReviewState.LEASED, lease_expires_at__lte=database_clock())
    rows = (
        Review.objects.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED])
        .annotate(skipped=Exists(skipped) | Exists(barred))
        .values("queue_id")
        .annotate(
            waiting=Count("pk", filter=waiting),
            for_me=Count("pk", filter=waiting & Q(skipped=False)),
            leased=Count("pk", filter=alive),
        )
    )
    return {row["queue_id"]: (row["waiting"], row["for_me"], row["leased"]) for row in rows}


def _ages_by_queue() -> dict[int, tuple[datetime | None, int]]:
    rows = (
        Case.objects.filter(status=CaseStatus.OPEN)
        .values("queue_id")
        .annotate(oldest=Min("opened_at"), overdue=Count("pk", filter=Q(due_at__lt=timezone.now())))
    )
    return {row["queue_id"]: (row["oldest"], row["overdue"]) for row in rows}
