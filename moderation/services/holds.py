"""A second person for what nobody may decide alone: approve, and it binds; send back, and the case is judged anew."""

from django.db import transaction
from django.utils import timezone

from moderation import audit
from moderation.enums import CaseStatus, HoldState, ReviewKind
from moderation.errors import AlreadyDecided, Conflict, NotPermitted, StaleVersion
from moderation.models import Case, Decision, Hold, JudgementNote, Review, ReviewBar, User
from moderation.permissions import Permission, require
from moderation.selectors import holds as selectors
from moderation.services import decisions


@transaction.atomic
def approve(*, hold_id: int, acting_user: User) -> Decision:
    """Let the held judgement bind; its effects follow. Approving twice does nothing more.

    Raises ``NotPermitted`` for its own author, ``AlreadyDecided`` if it was settled otherwise, ``StaleVersion`` if the
    text was edited since, ``Conflict`` if it was deleted.
    """
    hold, case = _lock(hold_id, acting_user)
    if hold.state == HoldState.APPROVED:
        return hold.judgement.decision
    _refuse_settled(hold)
    if case.status == CaseStatus.WITHDRAWN:
        raise Conflict("The content was deleted on the platform; there is nothing to approve.")
    if case.content.current_revision_id != hold.judgement.evidence.revision_id:
        raise StaleVersion("The text was edited since it was judged; send it back.", version=case.version)
    opinion = decisions.opinion_of(hold.judgement)
    _settle(hold, HoldState.APPROVED, acting_user)
    decision = decisions.bind_judgement(case, hold.judgement, opinion)
    JudgementNote.objects.filter(judgement=hold.judgement).delete()  # it stands beside the decision now
    audit.hold_approved(hold, actor=acting_user)
    return decision


@transaction.atomic
def reject(*, hold_id: int, note: str, acting_user: User) -> Hold:
    """Send the held judgement back: the case waits for someone else. Rejecting twice does nothing more.

    Raises ``NotPermitted`` for its own author, ``AlreadyDecided`` if it was settled otherwise.
    """
    hold, case = _lock(hold_id, acting_user)
    if hold.state == HoldState.REJECTED:
        return hold
    _refuse_settled(hold)
    hold.note = note
    _settle(hold, HoldState.REJECTED, acting_user)
    if case.status == CaseStatus.OPEN:
        review = Review.objects.create(case=case, kind=ReviewKind.FIRST, queue=case.queue, priority=case.priority)
        ReviewBar.objects.create(review=review, user=hold.judgement.reviewer)
    audit.hold_rejected(hold, actor=acting_user)
    return hold


def _lock(hold_id: int, acting_user: User) -> tuple[Hold, Case]:
    require(acting_user, Permission.OVERRIDE)
    case = decisions.lock_case(selectors.get(hold_id).case_id)
    Hold.objects.select_for_update(no_key=True).get(pk=hold_id)
    hold = selectors.get(hold_id)
    if hold.judgement.reviewer_id == acting_user.pk:
        raise NotPermitted("Your own decision needs someone else’s approval.")
    return hold, case


def _refuse_settled(hold: Hold) -> None:
    if hold.state != HoldState.HELD:
        who = hold.settled_by.username if hold.settled_by else "Someone"
        raise AlreadyDecided(f"{who} has settled this: {hold.get_state_display().lower()}.")


def _settle(hold: Hold, state: HoldState, acting_user: User) -> None:
    hold.state, hold.settled_by, hold.settled_at = state, acting_user, timezone.now()
    hold.save(update_fields=["state", "settled_by", "settled_at", "note"])
