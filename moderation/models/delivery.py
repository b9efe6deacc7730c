"""Where the platform listens, and how far each effect has come on its way there."""

from django.db import models
from django.db.models import F, Q

from moderation.enums import DeliveryState
from moderation.models.outbox import OutboxMessage


class WebhookEndpoint(models.Model):
    """Where the platform wants to hear; the secret signs every message (Standard Webhooks).

    After a rotation the secret before signs too until ``previous_secret_until``. ``failures`` counts the attempts that
    failed in a row: from some number on nothing is sent until ``open_until``, then one delivery tries (circuit
    breaker).
    """

    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=100, help_text="whsec_…, shown once.")
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    concurrency = models.PositiveSmallIntegerField(default=4, help_text="So many deliveries at a time at most.")
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True, help_text="When it answered 410 Gone and was switched off.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(concurrency__gte=1, concurrency__lte=32), name="webhook_concurrency_sane"
            ),
        ]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One effect on its way to one endpoint.

    ``attempts`` counts every claim and is its fencing token; ``failed`` counts failures since it was addressed or
    replayed and sets the pause. ``lane``, one of the endpoint's, and ``claimed_until`` are set while a worker sends. It
    is given up at ``expires_at``.
    """

    message = models.ForeignKey(OutboxMessage, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lane = models.PositiveSmallIntegerField(null=True)
    claimed_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    last_error = models.CharField(max_length=300, blank=True)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["message", "endpoint"], name="delivery_once_an_endpoint"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "next_attempt_at"], condition=Q(state="pending"), name="delivery_due_idx"),
            models.Index(F("state"), F("id").desc(), condition=~Q(state="delivered"), name="delivery_unsettled_idx"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"


class DeliveryAttempt(models.Model):
    """One POST and what came of it; a test ping belongs to no delivery. Immutable."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="tries")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, null=True, related_name="tries")
    number = models.PositiveIntegerField(default=1)
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField()
    started_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once")]
        indexes = [models.Index(F("endpoint"), F("id").desc(), name="attempt_endpoint_idx")]

    def __str__(self) -> str:
        return f"attempt {self.number} of delivery {self.delivery_id}"
