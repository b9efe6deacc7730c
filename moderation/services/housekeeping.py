"""Dropping what has served its time."""

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from moderation.models import IdempotencyRecord, RateWindow, VisitWindow


def drop_expired() -> int:
    """Delete idempotency records past their days and rate windows past their minute; how many rows."""
    oldest = timezone.now() - timedelta(days=settings.IDEMPOTENCY_DAYS)
    records, _ = IdempotencyRecord.objects.filter(created_at__lt=oldest).delete()
    past = int(time.time() // 60) - 1
    windows, _ = RateWindow.objects.filter(minute__lt=past).delete()
    visits, _ = VisitWindow.objects.filter(minute__lt=past).delete()
    return records + windows + visits
