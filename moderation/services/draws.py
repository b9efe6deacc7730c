"""What chance decides, the same on every run: audits of what comes in, blind reviews, golden cases, second reviewers.

Each draw compares a number in [0, 1) that follows from a seed, the purpose and the row's key with a rate. A task that
runs twice draws the same, and nobody who does not know the seed can tell beforehand.
"""

import hashlib
import hmac
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Max

from moderation import audit
from moderation.enums import CaseStatus, ReviewKind, ReviewState, WhyShown
from moderation.models import AuditDraw, Case, Content, PolicyPrediction, Prediction, QualityPlan
from moderation.services import audits, golden


def chance(purpose: str, key: int) -> float:
    """The number in [0, 1) that decides about the row, for good."""
    drawn = hmac.digest(settings.SAMPLING_SEED.encode(), f"{purpose}:{key}".encode(), hashlib.sha256)
    return int.from_bytes(drawn[:8], "big") / 2**64


def audit_rate(score: float) -> float:
    """The probability with which a text of this largest score is audited: that of the highest stratum it reaches."""
    return max(((start, rate) for start, rate in settings.AUDIT_STRATA if score >= start), default=(0.0, 0.0))[1]


def draw(contents: Sequence[Content]) -> None:
    """Decide by chance what the scored and routed contents are looked at for besides.

    Call it in the transaction that scored them, which holds the contents' row locks.
    """
    _draw_audits(contents)
    _plan_cases(contents)


def _draw_audits(contents: Sequence[Content]) -> None:
    """Audit what is drawn of the revisions, each once, by the stratum of the first score anyone was shown of it."""
    largest = max((rate for _, rate in settings.AUDIT_STRATA), default=0.0)
    lot = {
        content.current_revision_id: content
        for content in contents
        if content.current_revision_id is not None and chance("audit", content.current_revision_id) < largest
    }
    if not lot:
        return
    known = set(AuditDraw.objects.filter(revision__in=lot).values_list("revision_id", flat=True))
    for revision_id, score in sorted(_first_scores([pk for pk in lot if pk not in known]).items()):
        probability = audit_rate(score)
        if chance("audit", revision_id) < probability:
            drawn = AuditDraw.objects.create(revision_id=revision_id, probability=probability, score=score)
            case = audits.show(lot[revision_id], probability=probability)
            audit.audit_drawn(drawn, content_id=lot[revision_id].pk, case=case)


def _first_scores(revisions: Sequence[int]) -> dict[int, float]:
    """Revision to the largest policy score of its first served prediction: it never changes, whatever is promoted."""
    first = Prediction.objects.served().filter(revision__in=revisions).order_by("revision_id", "pk")
    rows = PolicyPrediction.objects.filter(prediction__in=first.distinct("revision_id").values("pk"))
    return dict(rows.values_list("prediction__revision_id").annotate(score=Max("score")))


def _plan_cases(contents: Sequence[Content]) -> None:
    plans = {plan.queue_id: plan for plan in QualityPlan.objects.all() if plan.golden_rate or plan.blind_rate}
    if not plans:
        return
    cases = Case.objects.filter(content__in=contents, status=CaseStatus.OPEN, queue__in=plans).select_related("queue")
    for case in cases.order_by("pk"):
        plan = plans[case.queue_id]
        if is_blind_first(case, plan):
            case.reviews.filter(kind=ReviewKind.FIRST, state=ReviewState.WAITING, evidence__isnull=True).update(
                blind=True
            )
        if chance("golden", case.pk) < plan.golden_rate:
            golden.plant(beside=case, blind=chance("golden-blind", case.pk) < plan.blind_rate)


def is_blind_first(case: Case, plan: QualityPlan) -> bool:
    """Whether the case is one that is judged first without the model's opinion."""
    return case.why_shown != WhyShown.RANDOM_AUDIT and chance("blind", case.pk) < plan.blind_rate


def is_judged_twice(case: Case) -> bool:
    """Whether the case is one that a second reviewer judges too: as drawn, and not if it has been decided before."""
    plan = QualityPlan.objects.filter(queue=case.queue_id).first()
    return plan is not None and chance("double", case.pk) < plan.double_rate and not case.decisions.exists()
