"""Webhook endpoints: added, changed, their secrets rotated, tried out with a ping."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from moderation import audit, enqueue
from moderation.errors import InvalidInput, NotFound
from moderation.models import DeliveryAttempt, User, WebhookEndpoint
from moderation.permissions import Permission, require
from moderation.services import breakers, webhook_client, webhook_messages

CONCURRENCY_LIMIT = 32


@transaction.atomic
def add(*, url: str, concurrency: int = 4, acting_user: User) -> WebhookEndpoint:
    """A new active endpoint with a fresh secret; it hears of what becomes due from now on.

    Raises ``NotPermitted``, and ``InvalidInput`` where delivery would refuse the address.
    """
    require(acting_user, Permission.MANAGE)
    _check(url, concurrency)
    endpoint = WebhookEndpoint.objects.create(url=url, concurrency=concurrency, secret=webhook_client.new_secret())
    audit.webhook_changed(endpoint, actor=acting_user, change="added")
    return endpoint


@transaction.atomic
def change(
    *,
    endpoint_id: int,
    acting_user: User,
    url: str | None = None,
    is_active: bool | None = None,
    concurrency: int | None = None,
) -> WebhookEndpoint:
    """Change what is given. Switching it on closes its breaker; what waits for it is tried at once.

    While it is off, what waits for it stays, and becomes a dead letter when its time is over. Raises ``NotPermitted``,
    ``NotFound``, ``InvalidInput``.
    """
    require(acting_user, Permission.MANAGE)
    endpoint = _lock(endpoint_id)
    url = endpoint.url if url is None else url
    concurrency = endpoint.concurrency if concurrency is None else concurrency
    _check(url if url != endpoint.url else None, concurrency)
    endpoint.url, endpoint.concurrency = url, concurrency
    if is_active is not None:
        if is_active:
            endpoint.failures, endpoint.open_until, endpoint.gone_at = 0, None, None
        endpoint.is_active = is_active
    endpoint.save()
    audit.webhook_changed(endpoint, actor=acting_user, change="changed")
    enqueue.nudge_delivery()
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoint_id: int, acting_user: User) -> WebhookEndpoint:
    """A fresh secret; the one before signs beside it for ``WEBHOOK_ROTATION_HOURS``. Raises as ``change``."""
    require(acting_user, Permission.MANAGE)
    endpoint = _lock(endpoint_id)
    endpoint.previous_secret, endpoint.secret = endpoint.secret, webhook_client.new_secret()
    endpoint.previous_secret_until = timezone.now() + timedelta(hours=settings.WEBHOOK_ROTATION_HOURS)
    endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    audit.webhook_changed(endpoint, actor=acting_user, change="rotated")
    return endpoint


def ping(*, endpoint_id: int, acting_user: User) -> DeliveryAttempt:
    """Send a signed test message now and log what came of it. A success closes the breaker.

    Raises ``NotPermitted``, ``NotFound``.
    """
    require(acting_user, Permission.MANAGE)
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    now = timezone.now()
    body = webhook_messages.as_json({"type": "ping", "timestamp": now.isoformat(), "data": {}})
    # Nothing is locked, and no transaction open, while the receiver takes its time.
    attempt = webhook_client.attempt(webhook_messages.sign(endpoint, key=str(uuid.uuid4()), body=body, now=now))
    with transaction.atomic():
        if attempt.succeeded:
            breakers.note([(endpoint.pk, attempt)])
        audit.webhook_changed(endpoint, actor=acting_user, change="pinged")
        return DeliveryAttempt.objects.create(
            endpoint=endpoint,
            status_code=attempt.status,
            error=attempt.problem,
            milliseconds=attempt.milliseconds,
            started_at=attempt.started_at,
        )


def _lock(endpoint_id: int) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint.")
    return endpoint


def _check(url: str | None, concurrency: int) -> None:
    if url is not None:
        webhook_client.resolve(url)
    if not 1 <= concurrency <= CONCURRENCY_LIMIT:
        raise InvalidInput(f"Between 1 and {CONCURRENCY_LIMIT} deliveries at a time.", pointer="/concurrency")
