"""A circuit breaker for each endpoint: after failures in a row nothing is sent for a while, then one delivery tries."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from moderation import audit
from moderation.models import WebhookEndpoint
from moderation.services.webhook_client import Attempt

OPENS_AFTER = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
_GONE = 410


def is_trying(endpoint: WebhookEndpoint) -> bool:
    """Whether the endpoint has failed so often that only one delivery may try it."""
    return endpoint.failures >= OPENS_AFTER


def pause_after(failures: int) -> timedelta | None:
    """How long nothing is sent after so many failures in a row; ``None`` below the threshold."""
    if failures < OPENS_AFTER:
        return None
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - OPENS_AFTER, 30)
    return min(doubled, LONGEST_PAUSE)


def note(attempts: Sequence[tuple[int, Attempt]]) -> None:
    """Count attempts, given with their endpoints' keys in the order they ended; 410 Gone switches an endpoint off.

    Call in a transaction. An endpoint that works as before is not even locked.
    """
    failed = {pk for pk, attempt in attempts if not attempt.succeeded}
    troubled = WebhookEndpoint.objects.filter(failures__gt=0, pk__in={pk for pk, _ in attempts})
    concerned = failed | set(troubled.values_list("pk", flat=True))
    if not concerned:
        return
    for endpoint in WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk__in=concerned).order_by("pk"):
        _count(endpoint, [attempt for pk, attempt in attempts if pk == endpoint.pk])


def _count(endpoint: WebhookEndpoint, attempts: Sequence[Attempt]) -> None:
    now = timezone.now()
    for attempt in attempts:
        endpoint.failures = 0 if attempt.succeeded else endpoint.failures + 1
    pause = pause_after(endpoint.failures)
    endpoint.open_until = now + pause if pause else None
    if endpoint.is_active and any(attempt.status == _GONE for attempt in attempts):
        endpoint.is_active, endpoint.gone_at = False, now
        audit.webhook_changed(endpoint, actor=None, change="gone")
    endpoint.save(update_fields=["failures", "open_until", "is_active", "gone_at"])
