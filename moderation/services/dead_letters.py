"""Queueing dead letters again: one, all, or those of a filter; what was superseded meanwhile is cancelled instead."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from moderation import audit, enqueue
from moderation.enums import DeliveryState, OutboxState, OutboxTopic
from moderation.errors import Conflict, NotFound
from moderation.models import Action, Content, Delivery, OutboxMessage, User
from moderation.permissions import Permission, require
from moderation.selectors.deliveries import DeliveryFilter, deliveries
from moderation.services.delivery import GIVE_UP_AFTER, sum_up

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many dead letters were queued again, and how many cancelled because they were superseded."""

    queued: int
    cancelled: int


def replay(*, delivery_id: int, acting_user: User) -> Delivery:
    """Queue one dead letter again, or cancel it. Raises ``NotPermitted``, ``NotFound``, ``Conflict``."""
    require(acting_user, Permission.MANAGE)
    with transaction.atomic():
        found = _replay([delivery_id], acting_user)
    if found:
        return found[0]
    delivery = Delivery.objects.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    raise Conflict(f"Only a dead letter can be replayed, not one that is {delivery.state}.")


def replay_all(*, chosen: DeliveryFilter, acting_user: User) -> Replayed:
    """Queue all dead letters the filter names again, in batches of a transaction each. Raises ``NotPermitted``."""
    require(acting_user, Permission.MANAGE)
    queued = cancelled = last = 0
    dead = deliveries(chosen).filter(state=DeliveryState.DEAD, settled_at__lte=timezone.now()).order_by("pk")
    while batch := list(dead.filter(pk__gt=last).values_list("pk", flat=True)[:_BATCH]):
        last = batch[-1]
        with transaction.atomic():
            found = _replay(batch, acting_user)
        cancelled += sum(delivery.state == DeliveryState.CANCELLED for delivery in found)
        queued += sum(delivery.state == DeliveryState.PENDING for delivery in found)
    return Replayed(queued, cancelled)


def _replay(delivery_ids: Sequence[int], acting_user: User) -> list[Delivery]:
    """The dead letters among the deliveries, replayed. Contents are locked first, as where decisions are overturned."""
    messages = OutboxMessage.objects.filter(deliveries__in=delivery_ids)
    list(Content.objects.select_for_update(no_key=True).filter(outbox__in=messages).order_by("pk").values_list("pk"))
    list(messages.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    now = timezone.now()
    found = list(
        _with_superseded(Delivery.objects.filter(pk__in=delivery_ids, state=DeliveryState.DEAD))
        .select_for_update(no_key=True, of=("self",))
        .select_related("message")
        .order_by("pk")
    )
    for delivery in found:
        if delivery.superseded:  # type: ignore[attr-defined]
            delivery.state = DeliveryState.CANCELLED
        else:
            delivery.state, delivery.settled_at = DeliveryState.PENDING, None
            delivery.failed, delivery.next_attempt_at, delivery.expires_at = 0, now, now + GIVE_UP_AFTER
    Delivery.objects.bulk_update(found, ["state", "settled_at", "failed", "next_attempt_at", "expires_at"])
    sum_up([delivery.message_id for delivery in found])
    audit.deliveries_replayed(found, actor=acting_user)
    if found:
        enqueue.nudge_delivery()
    return found


def _with_superseded(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Each delivery with ``superseded``: whether sending it now would undo something newer.

    An action is superseded by its inverse; an inverse by the same action being asked for again, since until then the
    platform may still enforce what nobody decided; news of a decision by newer news of the same case.
    """
    newer = OutboxMessage.objects.filter(
        content=OuterRef("message__content"), sequence__gt=OuterRef("message__sequence")
    ).exclude(state=OutboxState.CANCELLED)
    asked_again = newer.filter(topic=OutboxTopic.ACTION_REQUESTED, action__kind=OuterRef("message__action__kind"))
    told_anew = newer.filter(topic=OutboxTopic.DECISION_MADE, decision__case=OuterRef("message__decision__case"))
    reversed_since = Action.objects.filter(reverses=OuterRef("message__action"))
    return rows.annotate(
        superseded=Case(
            When(Q(message__topic=OutboxTopic.ACTION_REVERSED) & Exists(asked_again), then=Value(True)),
            When(Q(message__topic=OutboxTopic.ACTION_REQUESTED) & Exists(reversed_since), then=Value(True)),
            When(Q(message__topic=OutboxTopic.DECISION_MADE) & Exists(told_anew), then=Value(True)),
            default=Value(False),
        )
    )
