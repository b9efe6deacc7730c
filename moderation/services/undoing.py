"""Taking back what does not bind yet: an escalation, or a judgement that waits for someone else."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from moderation import audit
from moderation.enums import CaseStatus, HoldState, ReviewState
from moderation.errors import AlreadyDecided, Conflict
from moderation.models import Case, Escalation, Hold, Judgement, Review, User
from moderation.permissions import Permission, require
from moderation.selectors import pending
from moderation.services import claims, decisions, priority, second_opinions


@transaction.atomic
def take_back(*, case_id: int, acting_user: User) -> claims.Claim:
    """Undo one's own last act on the case while nobody has built on it; the case is leased to them again.

    What they hold in that queue goes back to it. Raises ``AlreadyDecided`` where there is nothing to take back any
    more, ``NotFound``.
    """
    require(acting_user, Permission.REVIEW)
    claims.take_turn(acting_user)
    case = decisions.lock_case(case_id)
    escalation = pending.escalation_of(case, acting_user)
    judgement = pending.judgement_of(case, acting_user)
    if escalation is not None:
        _take_back_escalation(case, escalation, acting_user)
    elif judgement is not None:
        _take_back_judgement(case, judgement, acting_user)
    else:
        raise AlreadyDecided(_why_not(case, acting_user))
    claims.put_aside(queue=case.queue, acting_user=acting_user)
    return claims.claim_case(case=case, acting_user=acting_user, within_limit=False)


def _why_not(case: Case, user: User) -> str:
    over = pending.escalation_over(case, user)
    if over is not None:
        told = _("The time to take this escalation back is over; the case waits in “%(queue)s”.")
        return told % {"queue": over.to_queue.name}
    return _("There is nothing of yours to take back on this case; someone has gone on with it.")


def _take_back_escalation(case: Case, escalation: Escalation, user: User) -> None:
    review = Review.objects.select_for_update().get(pk=escalation.review_id)
    if review.state != ReviewState.WAITING or case.status != CaseStatus.OPEN:
        raise Conflict("Someone has taken the case since you escalated it.")
    priority.place(case, escalation.from_queue)
    case.version += 1
    case.save(update_fields=["queue", "due_at", "priority", "version"])
    review.queue, review.priority = case.queue, case.priority
    review.save(update_fields=["queue", "priority"])
    escalation.undone_at = timezone.now()
    escalation.save(update_fields=["undone_at"])
    audit.escalation_undone(escalation, actor=user)


def _take_back_judgement(case: Case, judgement: Judgement, user: User) -> None:
    """What should have followed is cancelled, and a review like the judged one opens."""
    judged = judgement.review
    following = Review.objects.select_for_update().filter(follows=judged, state=ReviewState.WAITING).first()
    held = Hold.objects.select_for_update().filter(judgement=judgement, state=HoldState.HELD).first()
    if held is not None:
        held.state, held.settled_by, held.settled_at = HoldState.WITHDRAWN, user, timezone.now()
        held.save(update_fields=["state", "settled_by", "settled_at"])
    elif following is not None:
        following.state = ReviewState.CANCELLED
        following.save(update_fields=["state"])
    else:
        raise Conflict("Someone has taken the case since you judged it.")
    again = Review.objects.create(
        case=case,
        kind=judged.kind,
        follows=judged.follows,
        blind=judged.blind,
        queue=judged.queue,
        priority=case.priority,
    )
    second_opinions.bar(again, besides=user.pk)
    audit.judgement_withdrawn(judgement, actor=user)
