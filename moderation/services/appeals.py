"""Appeals: a binding decision contested, and decided anew by someone else."""

from django.db import transaction
from django.utils import timezone

from moderation import audit
from moderation.enums import AppealState, DecisionKind, ReviewKind
from moderation.errors import AlreadyDecided, AppealClosed, InvalidInput, NotFound, NotPermitted
from moderation.models import Account, Appeal, Decision, User
from moderation.permissions import Permission, require
from moderation.selectors.appeals import deadline, deciders
from moderation.services import decisions


@transaction.atomic
def open_appeal(*, decision_id: int, appellant: Account | None, statement: str, acting_user: User | None) -> Appeal:
    """Contest a binding decision, once and in time. Nobody acts where the signed link does.

    Raises ``AlreadyDecided``, ``AppealClosed``, ``NotFound``.
    """
    decision = decisions.lock_decision(decision_id)
    if decision.verdict is None:
        raise AlreadyDecided("The decision was undone; there is nothing to appeal.")
    if Appeal.objects.filter(decision=decision).exists():
        raise AlreadyDecided("This decision has been appealed already.")
    if timezone.now() >= deadline(decision):
        raise AppealClosed("The time in which this decision could be appealed has passed.")
    appeal = Appeal.objects.create(decision=decision, appellant=appellant, statement=statement)
    audit.appeal_opened(appeal, actor=acting_user)
    return appeal


@transaction.atomic
def resolve_appeal(
    *, appeal_id: int, opinion: decisions.Opinion | None, acting_user: User, rationale: str = ""
) -> Appeal:
    """Uphold the decision (no opinion, with ``rationale``) or overturn it with another; never by its first decider.

    Raises ``NotPermitted``, ``AlreadyDecided``, ``NotFound``, ``InvalidInput``.
    """
    require(acting_user, Permission.RESOLVE_APPEALS)
    appeal = Appeal.objects.select_related("decision").filter(pk=appeal_id).first()
    if appeal is None:
        raise NotFound("There is no such appeal.")
    overturned = decisions.lock_decision(appeal.decision_id)
    appeal = Appeal.objects.select_for_update().get(pk=appeal_id)
    if appeal.state != AppealState.OPEN:
        raise AlreadyDecided("This appeal has been resolved already.")
    if acting_user.pk in deciders(overturned):
        raise NotPermitted("An appeal is decided by someone other than who made the decision.")
    if opinion is not None and _says_the_same(opinion, overturned):
        raise InvalidInput("This is the decision as it stands: uphold it, or say what should change.")
    if opinion is not None:
        appeal.resolution = decisions.replace_decision(
            overturned,
            opinion,
            kind=DecisionKind.APPEAL,
            review_kind=ReviewKind.APPEAL,
            acting_user=acting_user,
        )
    appeal.state = AppealState.UPHELD if opinion is None else AppealState.OVERTURNED
    appeal.rationale = rationale if opinion is None else ""
    appeal.resolved_by = acting_user
    appeal.resolved_at = timezone.now()
    appeal.save()
    audit.appeal_resolved(appeal, actor=acting_user)
    return appeal


def _says_the_same(opinion: decisions.Opinion, decision: Decision) -> bool:
    return (opinion.verdict, set(opinion.policies), set(opinion.actions)) == (
        decision.verdict,
        set(decision.policies),
        set(decision.actions),
    )
