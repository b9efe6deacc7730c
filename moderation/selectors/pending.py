"""What a person did last and may still take back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from moderation.enums import CaseStatus, DecisionKind, HoldState, ReviewKind, ReviewState, Standing
from moderation.models import Case, Decision, Escalation, Hold, Judgement, Review, User


@dataclass(frozen=True, slots=True)
class LastAct:
    """The last thing a person did to a case, as their undo takes it back: a decision, or what does not bind yet.

    ``until`` is when its effects go out, the last moment it can be undone, or, where it waits for someone else, when
    the notice of it need not be shown any more; ``words`` stand for it where there is no decision.
    """

    case_id: int
    until: datetime
    decision: Decision | None = None
    words: str = ""


def last_act_of(user: User) -> LastAct | None:
    """What an undo would take back: the newest act of the person, if that one can be undone.

    Never an earlier one: whoever presses undo after an escalation means the escalation.
    """
    judged = Judgement.objects.filter(reviewer=user).select_related("review__case").order_by("-pk").first()
    escalation = Escalation.objects.filter(escalated_by=user, undone_at__isnull=True).order_by("-pk").first()
    undone = Decision.objects.filter(decided_by=user, kind=DecisionKind.UNDO).order_by("-pk").first()
    times = [row.created_at for row in (judged, escalation, undone) if row is not None]
    if escalation is not None and escalation.created_at == max(times):
        return _of_escalation(escalation, user)
    if judged is None or judged.created_at < max(times):
        return None
    decision = Decision.objects.select_related("superseded_by").filter(judgement=judged).first()
    if decision is None:
        return _of_judgement(judged, user)
    return None if hasattr(decision, "superseded_by") else LastAct(decision.case_id, decision.undo_until, decision)


def escalation_of(case: Case, user: User) -> Escalation | None:
    """The person's escalation of the case, while it can be undone and is the last thing that happened to it."""
    last = _untouched_escalation(case, user)
    return last if last is not None and last.undo_until > timezone.now() else None


def escalation_over(case: Case, user: User) -> Escalation | None:
    """The person's escalation of the case that nobody has taken up, but that can be undone no more."""
    last = _untouched_escalation(case, user)
    return last if last is not None and last.undo_until <= timezone.now() else None


def judgement_of(case: Case, user: User) -> Judgement | None:
    """The person's judgement of the case that waits for someone else who has not begun."""
    return _waiting(user).filter(review__case=case).order_by("-pk").first()


def _untouched_escalation(case: Case, user: User) -> Escalation | None:
    last = Escalation.objects.select_related("review", "to_queue").filter(review__case=case).order_by("-pk").first()
    if last is None or last.escalated_by_id != user.pk or last.undone_at is not None:
        return None
    untouched = last.review.state == ReviewState.WAITING and last.review.queue_id == last.to_queue_id
    return last if untouched else None


def _waiting(user: User) -> QuerySet[Judgement]:
    # A second look of one's own is no one else's turn: taken back, the blind judgement would not be blind any more.
    next_one = Review.objects.filter(follows=OuterRef("review"), state=ReviewState.WAITING).exclude(
        kind=ReviewKind.INFORMED
    )
    held = Hold.objects.filter(judgement=OuterRef("pk"), state=HoldState.HELD)
    return (
        Judgement.objects.select_related("review__queue", "review__case")
        .filter(Q(Exists(next_one)) | Q(Exists(held)), reviewer=user, review__case__status=CaseStatus.OPEN)
        .exclude(review__kind=ReviewKind.GOLDEN)
    )


def _of_escalation(escalation: Escalation, user: User) -> LastAct | None:
    case = escalation.review.case
    if escalation_of(case, user) is None:
        return None
    return LastAct(case.pk, escalation.undo_until, words=f"Escalated to “{escalation.to_queue.name}”")


def _of_judgement(judgement: Judgement, user: User) -> LastAct | None:
    waits = judgement_of(judgement.review.case, user)
    if waits is None or waits.pk != judgement.pk:
        return None
    until = judgement.created_at + timedelta(seconds=settings.UNDO_SECONDS)
    words = Standing.HELD.label if Hold.objects.filter(judgement=judgement).exists() else Standing.AWAITS_SECOND.label
    return LastAct(judgement.review.case_id, until, words=str(words))
