"""Which decisions need a second person, and which wait for one."""

from collections.abc import Sequence

from django.db.models import Max, QuerySet

from moderation.enums import CaseStatus, HoldReason, HoldState, ReviewKind, Verdict
from moderation.errors import NotFound
from moderation.models import Case, Hold, Judgement, Policy, ProtectedAccount, QualityPlan, Review
from moderation.selectors.judgements import same


def needs_second(case: Case, policies: Sequence[str]) -> HoldReason | None:
    """Why nobody may find these violations alone, if so: whose content it is, or how grave they are."""
    if not policies:
        return None
    if ProtectedAccount.objects.filter(account=case.content.author_id).exists():
        return HoldReason.PROTECTED
    plan = QualityPlan.objects.filter(queue=case.queue_id, hold_from_severity__isnull=False).first()
    gravest = Policy.objects.filter(slug__in=policies).aggregate(gravest=Max("severity"))["gravest"]
    if plan is not None and gravest is not None and gravest >= (plan.hold_from_severity or 0):
        return HoldReason.SEVERITY
    return None


def reason_for(case: Case, review: Review, judgement: Judgement) -> HoldReason | None:
    """Why the judgement must wait for a second person; ``None`` if it need not, or another said the same before."""
    if judgement.verdict != Verdict.VIOLATES or _seconded(review, judgement):
        return None
    return needs_second(case, judgement.policies)


def pending() -> QuerySet[Hold]:
    """Holds that wait for a second person, the oldest first."""
    return _holds().filter(state=HoldState.HELD).exclude(case__status=CaseStatus.WITHDRAWN).order_by("pk")


def get(hold_id: int) -> Hold:
    """The hold; raises ``NotFound``."""
    hold = _holds().filter(pk=hold_id).first()
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold


def _holds() -> QuerySet[Hold]:
    return Hold.objects.select_related(
        "case__queue",
        "case__content__author",
        "judgement__reviewer",
        "judgement__evidence__revision",
        "judgement__note",
    )


def _seconded(review: Review, judgement: Judgement) -> bool:
    """Whether another reviewer of this round came to the same: second reviewers and adjudicators confirm or differ."""
    from_others = review.kind in {ReviewKind.SECOND, ReviewKind.ADJUDICATION}
    earlier = review.follows if from_others else None
    while earlier is not None:
        said = Judgement.objects.filter(review=earlier).exclude(reviewer=judgement.reviewer).first()
        if said is not None and same(said, judgement):
            return True
        earlier = earlier.follows
    return False
