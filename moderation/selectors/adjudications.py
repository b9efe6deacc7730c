"""Cases on which two reviewers disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from moderation.enums import ReviewKind, ReviewState
from moderation.models import Judgement, Review, User
from moderation.selectors.workspace import judgements_before


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A review that adjudicates, the judgements it decides between, and whether the viewer may take it."""

    review: Review
    judgements: Sequence[Judgement]
    barred: bool


def pending() -> QuerySet[Review]:
    """Adjudications nobody has judged yet, the oldest first."""
    return (
        Review.objects.filter(kind=ReviewKind.ADJUDICATION, state__in=[ReviewState.WAITING, ReviewState.LEASED])
        .select_related("queue", "case__queue", "case__content__current_revision", "follows", "reviewer")
        .order_by("pk")
    )


def of(review: Review, *, viewer: User) -> Disagreement:
    """The disagreement as the viewer sees it: who gave one of the judgements sees that there are two, not the other."""
    barred = review.bars.filter(user=viewer).exists()
    judgements = judgements_before(review)
    shown = [judgement for judgement in judgements if not barred or judgement.reviewer_id == viewer.pk]
    return Disagreement(review, shown, barred)
