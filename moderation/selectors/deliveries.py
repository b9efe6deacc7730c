"""Reads of webhook endpoints, deliveries and attempts."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from moderation.enums import DeliveryState, OutboxState
from moderation.errors import NotFound
from moderation.models import Delivery, DeliveryAttempt, OutboxMessage, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant; what is ``None`` or empty does not restrict. Times are those of settling."""

    state: str = ""
    endpoint: int | None = None
    topic: str = ""
    since: datetime | None = None
    until: datetime | None = None


def endpoints() -> QuerySet[WebhookEndpoint]:
    """All endpoints, the oldest first, each with the number of its ``waiting`` deliveries and ``dead`` letters."""
    return WebhookEndpoint.objects.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.PENDING)),
        dead=Count("deliveries", filter=Q(deliveries__state=DeliveryState.DEAD)),
    ).order_by("pk")


def endpoint(endpoint_id: int) -> WebhookEndpoint:
    """One of them. Raises ``NotFound``."""
    found = endpoints().filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound("There is no such endpoint.")
    return found


def deliveries(chosen: DeliveryFilter) -> QuerySet[Delivery]:
    """The deliveries the filter names, the newest first."""
    rows = Delivery.objects.select_related("endpoint", "message__content", "message__action").order_by("-pk")
    if chosen.state:
        rows = rows.filter(state=chosen.state)
    if chosen.endpoint is not None:
        rows = rows.filter(endpoint=chosen.endpoint)
    if chosen.topic:
        rows = rows.filter(message__topic=chosen.topic)
    if chosen.since is not None:
        rows = rows.filter(settled_at__gte=chosen.since)
    if chosen.until is not None:
        rows = rows.filter(settled_at__lt=chosen.until)
    return rows


def delivery(delivery_id: int) -> Delivery:
    """One delivery. Raises ``NotFound``."""
    found = deliveries(DeliveryFilter()).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def attempts_of(row: Delivery) -> QuerySet[DeliveryAttempt]:
    """The log of one delivery, the latest attempt first."""
    return row.tries.order_by("-pk")


def attempts_at(target: WebhookEndpoint) -> QuerySet[DeliveryAttempt]:
    """What was sent to an endpoint, pings too, the latest first."""
    return target.tries.select_related("delivery__message").order_by("-pk")


def unaddressed() -> int:
    """How many messages found nobody to tell."""
    return OutboxMessage.objects.filter(state=OutboxState.UNADDRESSED).count()
