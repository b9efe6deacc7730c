"""Dropping what has served its time, and nothing else."""

from datetime import timedelta

from django.utils import timezone

from moderation.models import ApiKey, IdempotencyRecord, RateWindow, User
from moderation.services import housekeeping, idempotency
from tests import factories


def test_old_idempotency_records_go_and_young_ones_stay(integrator: User) -> None:
    for key in ("old", "young"):
        idempotency.once(user=integrator, api_key=None, key=key, request="r", act=lambda: 1)
    old = IdempotencyRecord.objects.order_by("pk")[0]
    IdempotencyRecord.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    assert housekeeping.drop_expired() == 1
    assert not IdempotencyRecord.objects.filter(pk=old.pk).exists()
    assert idempotency.once(user=integrator, api_key=None, key="young", request="r", act=lambda: 2).value == 1


def test_past_rate_windows_go(integrator: User) -> None:
    factories.api_client(integrator)
    key = ApiKey.objects.get()
    now = int(timezone.now().timestamp() // 60)
    for minute in (now - 5, now):
        RateWindow.objects.create(api_key=key, minute=minute, calls=1)
    assert housekeeping.drop_expired() == 1
    assert RateWindow.objects.get().minute == now
