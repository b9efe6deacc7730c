"""Counts for operators."""

from collections.abc import Iterator

from django.db.models import Count

from moderation.enums import CaseStatus, OutboxState, ReviewState, ScoringState
from moderation.models import Case, Content, OutboxMessage, Review


def gauges() -> Iterator[tuple[str, str, float]]:
    """Name, meaning and value of each gauge."""
    contents = Content.objects.all()
    outbox = OutboxMessage.objects.all()
    yield (
        "evenhand_contents_pending",
        "Contents that wait to be scored.",
        _count(contents.filter(scoring_state=ScoringState.PENDING)),
    )
    yield (
        "evenhand_contents_failed",
        "Contents that could not be scored.",
        _count(contents.filter(scoring_state=ScoringState.FAILED)),
    )
    yield (
        "evenhand_reviews_leased",
        "Reviews people hold now.",
        _count(Review.objects.filter(state=ReviewState.LEASED)),
    )
    yield "evenhand_outbox_pending", "Effects on their way.", _count(outbox.filter(state=OutboxState.PENDING))
    yield (
        "evenhand_outbox_dead",
        "Effects that could not be delivered.",
        _count(outbox.filter(state=OutboxState.DEAD)),
    )


def open_cases_by_queue() -> list[tuple[str, int]]:
    """Queue slug and the number of its open cases."""
    return list(Case.objects.filter(status=CaseStatus.OPEN).values_list("queue__slug").annotate(count=Count("pk")))


def _count(rows: object) -> float:
    return float(rows.count())  # type: ignore[attr-defined]
