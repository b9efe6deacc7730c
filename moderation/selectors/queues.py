"""What waits, what a person holds, and what they did today."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count, DateTimeField, Func, Q, QuerySet
from django.utils import timezone

from moderation.enums import CaseStatus, DecisionKind, ReviewState, SkipReason, Verdict
from moderation.errors import NotFound
from moderation.models import Case, Decision, LaneCount, Queue, Review, ReviewSkip, User


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """A queue with its open cases: waiting, leased to someone, and past the time they should be seen in.

    ``for_me`` counts what waits in this person's languages and policies, less what they passed by; ``oldest`` is when
    the oldest case was opened. The figures are a few seconds old (``moderation.services.census``), so that the page
    costs the same whatever waits.
    """

    queue: Queue
    waiting: int
    for_me: int
    leased: int
    overdue: int
    oldest: datetime | None
    claimable: bool

    @property
    def sla(self) -> timedelta:
        """How soon a case should be seen."""
        return timedelta(minutes=self.queue.sla_minutes)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case of the list, and who holds it, if anyone does."""

    case: Case
    holder: User | None


@dataclass(frozen=True, slots=True)
class DayTally:
    """What a person decided since midnight (UTC), by verdict, undone ones not counted; ``seconds`` is what one took
    them on average, if there was any."""

    decided: int
    violating: int
    undone: int
    seconds: float | None


def database_clock() -> Func:
    """The database's own time: leases end by it alone."""
    return Func(function="clock_timestamp", output_field=DateTimeField())


def queue_summaries(user: User, *, seniors: bool) -> list[QueueSummary]:
    """Every active queue in order; three statements whatever their number. ``seniors``: may claim senior queues."""
    lanes: dict[int, list[LaneCount]] = {}
    for lane in LaneCount.objects.all():
        lanes.setdefault(lane.queue_id, []).append(lane)
    passed = _passed_by(user)
    summaries = []
    for queue in Queue.objects.filter(is_active=True):
        own = lanes.get(queue.pk, [])
        fit = sum(lane.waiting for lane in own if is_fit(user, language=lane.language, policy=lane.policy))
        summaries.append(
            QueueSummary(
                queue=queue,
                waiting=sum(lane.waiting for lane in own),
                for_me=max(fit - passed.get(queue.pk, 0), 0),
                leased=sum(lane.leased for lane in own),
                overdue=sum(lane.overdue for lane in own),
                oldest=min((lane.oldest for lane in own if lane.oldest), default=None),
                claimable=seniors or not queue.seniors_only,
            )
        )
    return summaries


def is_fit(user: User, *, language: str, policy: str) -> bool:
    """Whether the person reviews this language and policy; what names none goes to anyone."""
    speaks = not user.languages or not language or language in user.languages
    return speaks and (not user.policies or not policy or policy in user.policies)


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


def next_cases(queue: Queue, *, limit: int) -> list[Waiting]:
    """The queue's open cases in the order they are handed out, golden ones among them, with who holds each."""
    first = Case.including_golden.filter(queue=queue, status=CaseStatus.OPEN)
    cases = list(first.select_related("content__author", "queue").order_by("-priority", "pk")[:limit])
    leased = Review.objects.filter(case__in=cases, state=ReviewState.LEASED, lease_expires_at__gt=database_clock())
    holders = {review.case_id: review.reviewer for review in leased.select_related("reviewer")}
    return [Waiting(case, holders.get(case.pk)) for case in cases]


def held_by(user: User) -> QuerySet[Review]:
    """The live leases a person holds, the oldest first; not what is reserved for them, which they have not seen."""
    return (
        Review.objects.filter(
            reviewer=user, state=ReviewState.LEASED, reserved=False, lease_expires_at__gt=database_clock()
        )
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
        seconds=Avg("judgement__seconds", filter=made),
    )
    return DayTally(**counted)


def skips_of(case: Case) -> list[tuple[SkipReason, int]]:
    """How often the case was skipped for each reason, the commonest first."""
    rows = ReviewSkip.objects.filter(review__case=case).values_list("reason").annotate(count=Count("pk"))
    return [(SkipReason(reason), count) for reason, count in rows.order_by("-count", "reason")]


def _passed_by(user: User) -> dict[int, int]:
    """How many waiting reviews of each queue the person has passed by or may not have."""
    waiting = Review.objects.filter(state=ReviewState.WAITING)
    passed = waiting.exclude(passed_by=[]).filter(passed_by__contains=[user.pk])
    barred = waiting.filter(bars__user=user).exclude(pk__in=passed.values("pk"))
    counted: dict[int, int] = {}
    for reviews in (passed, barred):
        for queue, count in reviews.values_list("queue").annotate(Count("pk")):
            counted[queue] = counted.get(queue, 0) + count
    return counted
