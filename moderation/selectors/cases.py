"""Cases and what belongs to them."""

from django.db.models import QuerySet
from django.utils import timezone

from moderation.enums import ReviewState
from moderation.errors import NotFound
from moderation.models import Case, Prediction, Review


def all_cases() -> QuerySet[Case]:
    """Cases with what a list shows of them."""
    return Case.objects.select_related("queue", "content")


def get(case_id: int) -> Case:
    """The case with its content; raises ``NotFound``."""
    case = (
        Case.objects.select_related("queue", "content__author", "content__current_revision")
        .filter(pk=case_id)
        .first()
    )
    if case is None:
        raise NotFound("There is no such case.")
    return case


def newest_prediction(case: Case) -> Prediction | None:
    """The newest prediction of the case's current wording."""
    return (
        Prediction.objects.select_related("model_version")
        .filter(revision=case.content.current_revision)
        .order_by("-pk")
        .first()
    )


def leased_review(case: Case) -> Review | None:
    """The review someone holds now, if any."""
    return (
        case.reviews.select_related("reviewer")
        .filter(state=ReviewState.LEASED, lease_expires_at__gt=timezone.now())
        .order_by("-pk")
        .first()
    )
