"""What a batch would be about: the cases that may be decided unseen, by score, campaign, account, or picked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Q, QuerySet

from moderation.enums import BatchCaseState, CaseStatus
from moderation.errors import NotFound
from moderation.models import Account, Batch, BatchCase, Case, Queue, Review, User
from moderation.models.case import BATCHABLE

BINS = 50
SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores in [start, end) (the last one with its end), and how many cases have one."""

    start: float
    end: float
    count: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many cases of a batch came to what; ``reasons`` counts those left out or kept, by why."""

    total: int
    pending: int
    decided: int
    left_out: int
    undone: int
    kept: int
    reasons: Sequence[tuple[str, int]]

    @property
    def done(self) -> int:
        """Cases that were gone through."""
        return self.total - self.pending


def by_score(user: User, *, policy: str, low: float, high: float, queue: Queue | None = None) -> QuerySet[Review]:
    """What waits with a score of the policy in [low, high]."""
    reviews = Review.objects.filter(BATCHABLE, fit_for(user), policy=policy, score__gte=low, score__lte=high)
    return reviews.filter(queue=queue) if queue is not None else reviews


def by_group(user: User, group_id: int) -> QuerySet[Review]:
    """What waits of a near-duplicate group."""
    return Review.objects.filter(BATCHABLE, fit_for(user), group=group_id)


def by_account(user: User, account: Account) -> QuerySet[Review]:
    """What waits of an account's contents."""
    return Review.objects.filter(BATCHABLE, fit_for(user), case__content__author=account)


def by_picking(user: User, case_ids: Collection[int]) -> QuerySet[Review]:
    """What waits of the cases picked."""
    return Review.objects.filter(BATCHABLE, fit_for(user), case__in=case_ids)


def fit_for(user: User) -> Q:
    """The reviews in the languages and of the policies that the person reviews."""
    speaks = Q(language="") | Q(language__in=user.languages) if user.languages else Q()
    knows = Q(policy="") | Q(policy__in=user.policies) if user.policies else Q()
    return speaks & knows


_HISTOGRAM = """
SELECT least(floor(score * %(bins)s)::int, %(bins)s - 1), count(*) FROM moderation_review
WHERE state = 'waiting' AND kind = 'first' AND NOT blind AND policy = %(policy)s AND score IS NOT NULL
  AND (%(queue)s::bigint IS NULL OR queue_id = %(queue)s)
GROUP BY 1
"""


def histogram(*, policy: str, queue: Queue | None = None) -> list[Bin]:
    """How the scores of the policy lie among the cases that are about it and wait."""
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAM, {"bins": BINS, "policy": policy, "queue": queue.pk if queue else None})
        counts = dict(cursor.fetchall())
    return [Bin(place / BINS, (place + 1) / BINS, counts.get(place, 0)) for place in range(BINS)]


def sample(reviews: QuerySet[Review], *, limit: int = SAMPLE) -> list[Review]:
    """Some of them by chance, with their texts."""
    keys = list(reviews.order_by("?").values_list("pk", flat=True)[:limit])
    return list(with_texts(Review.objects.filter(pk__in=keys)).order_by("score", "pk"))


def with_texts(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """The reviews with what a list shows of them."""
    return reviews.select_related("case__content__author", "case__content__current_revision", "queue")


def elsewhere(account: Account) -> list[Case]:
    """The account's open cases that no sweep decides: held by someone, or looked at with care."""
    waiting = Review.objects.filter(BATCHABLE, case__content__author=account)
    rest = Case.objects.filter(content__author=account, status=CaseStatus.OPEN).exclude(pk__in=waiting.values("case"))
    return list(rest.select_related("queue").order_by("pk"))


def get(batch_id: int) -> Batch:
    """The batch. Raises ``NotFound``."""
    batch = (
        Batch.objects.select_related("queue", "group", "account", "made_by", "undone_by").filter(pk=batch_id).first()
    )
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def progress(batch: Batch) -> Progress:
    """How far the batch is; one statement for the figures, one for the reasons."""
    counted = dict(BatchCase.objects.filter(batch=batch).values_list("state").annotate(Count("pk")).order_by())
    reasons = BatchCase.objects.filter(batch=batch).exclude(reason="").values("reason").annotate(count=Count("pk"))
    labels = dict(BatchCase._meta.get_field("reason").flatchoices)
    return Progress(
        total=sum(counted.values()),
        **{state.value: counted.get(state, 0) for state in BatchCaseState},
        reasons=[(labels[row["reason"]], row["count"]) for row in reasons.order_by("-count", "reason")],
    )


def cases_of(batch: Batch, *, limit: int) -> list[BatchCase]:
    """Cases of the batch: those left out or kept first, as they need someone."""
    rows = BatchCase.objects.filter(batch=batch).select_related("case__queue", "decision")
    return list(rows.order_by("-reason", "pk")[:limit])


def recent(limit: int) -> list[Batch]:
    """The newest batches."""
    return list(Batch.objects.select_related("queue", "account", "made_by").order_by("-pk")[:limit])
