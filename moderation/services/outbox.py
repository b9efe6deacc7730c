"""Effects of decisions: written in the decision's transaction, sent by the delivery worker."""

from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from moderation import enqueue
from moderation.enums import DeliveryState, OutboxState, OutboxTopic
from moderation.models import Action, Content, Decision, OutboxMessage


def request_actions(decision: Decision) -> list[Action]:
    """Ask for the decision's actions once its undo window has passed, and tell of the decision itself."""
    content = decision.case.content
    actions = [Action.objects.create(decision=decision, kind=kind) for kind in decision.actions]
    for action in actions:
        _append(content, decision, OutboxTopic.ACTION_REQUESTED, not_before=decision.undo_until, action=action)
    _append(content, decision, OutboxTopic.DECISION_MADE, not_before=decision.undo_until)
    enqueue.nudge_delivery()
    return actions


def take_back(overturned: Decision, *, by: Decision) -> None:
    """Undo the effects of an overturned decision.

    What has not gone out is cancelled; each action that may have is followed by its inverse; what nobody was there to
    hear needs none. A decision that was told of is not untold: the message of the new decision names the one it
    supersedes.
    """
    content = overturned.case.content
    for message in overturned.outbox.select_for_update().order_by("sequence"):
        if message.topic == OutboxTopic.ACTION_REVERSED:
            continue  # what an earlier decision did stays taken back
        if message.state == OutboxState.PENDING and message.attempts == 0:
            message.state = OutboxState.CANCELLED
            message.settled_at = timezone.now()
            message.save(update_fields=["state", "settled_at"])
            message.deliveries.update(state=DeliveryState.CANCELLED, settled_at=message.settled_at)
        elif message.state == OutboxState.UNADDRESSED:
            continue
        elif message.topic == OutboxTopic.ACTION_REQUESTED and message.action is not None:
            inverse = Action.objects.create(decision=by, kind=message.action.kind, reverses=message.action)
            _append(content, by, OutboxTopic.ACTION_REVERSED, not_before=timezone.now(), action=inverse)
    enqueue.nudge_delivery()


def tell_of(decision: Decision) -> None:
    """Tell the platform of a decision that asks for nothing (an undo)."""
    _append(decision.case.content, decision, OutboxTopic.DECISION_MADE, not_before=decision.undo_until)
    enqueue.nudge_delivery()


def _append(
    content: Content,
    decision: Decision,
    topic: OutboxTopic,
    *,
    not_before: datetime,
    action: Action | None = None,
) -> OutboxMessage:
    """The caller holds the content's row lock, which orders the sequence."""
    last = OutboxMessage.objects.filter(content=content).aggregate(last=Max("sequence"))["last"] or 0
    return OutboxMessage.objects.create(
        topic=topic,
        content=content,
        sequence=last + 1,
        decision=decision,
        action=action,
        not_before=not_before,
    )
