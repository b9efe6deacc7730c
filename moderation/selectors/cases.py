"""Cases and what belongs to them."""

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from django.utils import timezone

from moderation.enums import CaseStatus, ModelStatus, ReviewState, WhyShown
from moderation.errors import NotFound
from moderation.models import Case, ContentRevision, Decision, Prediction, Report, Review, User
from moderation.selectors import blindness


def seen_by(viewer: User) -> QuerySet[Case]:
    """Cases with what a list shows of them, as far as the viewer may know of them."""
    return blindness.visible(Case.including_golden.select_related("queue", "content"), viewer)


def reports_of(case: Case) -> QuerySet[Report]:
    """The case's reports; of a golden case, those of its text, so that it looks like the text's own."""
    reports = Report.objects.filter(case=case)
    if case.why_shown == WhyShown.GOLDEN:
        reports = Report.objects.filter(revision=case.content.current_revision_id)
    return reports.order_by("pk")


def get(case_id: int, *, viewer: User | None = None) -> Case:
    """The case with its content; raises ``NotFound``, also where the viewer may not know of it."""
    cases = Case.including_golden.select_related("queue", "content__author", "content__current_revision")
    case = cases.filter(pk=case_id).first()
    hidden = viewer is not None and not blindness.visible(cases, viewer).filter(pk=case_id).exists()
    if case is None or hidden:
        raise NotFound("There is no such case.")
    return case


def prediction_of(revision: ContentRevision | None) -> Prediction | None:
    """What stands for the wording: the champion's prediction, or the newest while the champion has not scored it.

    A version in shadow, or one that never served, says nothing here.
    """
    return (
        Prediction.objects.served()
        .select_related("model_version")
        .filter(revision=revision)
        .annotate(by_champion=Q(model_version__status=ModelStatus.CHAMPION))
        .order_by("-by_champion", "-pk")
        .first()
    )


def settled_decision(revision: ContentRevision) -> Decision | None:
    """The binding decision people made on this very wording, if there is one."""
    decisions = _binding().select_related("case").filter(judgement__evidence__revision=revision)
    return decisions.order_by("-pk").first()


def settled_revisions(revision_ids: Sequence[int]) -> set[int]:
    """Which of the revisions a binding decision of people stands on."""
    decisions = _binding().filter(judgement__evidence__revision__in=revision_ids)
    return set(decisions.values_list("judgement__evidence__revision_id", flat=True))


def _binding() -> QuerySet[Decision]:
    return Decision.objects.filter(case__status=CaseStatus.DECIDED, superseded_by__isnull=True, verdict__isnull=False)


def leased_review(case: Case) -> Review | None:
    """The review someone holds now, if any."""
    return (
        case.reviews.select_related("reviewer")
        .filter(state=ReviewState.LEASED, lease_expires_at__gt=timezone.now())
        .order_by("-pk")
        .first()
    )
