"""Cases on which two reviewers disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from moderation.enums import ReviewKind, ReviewState
from moderation.models import Judgement, Review, ReviewBar, User


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


def all_of(reviews: Sequence[Review], *, viewer: User) -> list[Disagreement]:
    """The disagreements as the viewer sees them: who gave one of the judgements sees that there are two, not the other.

    Two statements for all of them.
    """
    barred = set(ReviewBar.objects.filter(review__in=reviews, user=viewer).values_list("review_id", flat=True))
    pairs = {one.pk: [one.follows.follows_id, one.follows_id] for one in reviews if one.follows is not None}
    wanted = {pk for pair in pairs.values() for pk in pair if pk}
    judged = Judgement.objects.filter(review__in=wanted).select_related("reviewer", "note", "review").order_by("pk")
    by_review = {judgement.review_id: judgement for judgement in judged}
    found = []
    for review in reviews:
        both = [by_review[pk] for pk in pairs.get(review.pk, []) if pk in by_review]
        own = review.pk in barred
        shown = [one for one in both if not own or one.reviewer_id == viewer.pk]
        found.append(Disagreement(review, shown, own))
    return found
