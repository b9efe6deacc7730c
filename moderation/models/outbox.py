"""Effects on their way to the platform, written in the decision's transaction."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moderation.enums import OutboxState, OutboxTopic
from moderation.models.content import Content
from moderation.models.decision import Action, Decision


class OutboxMessage(models.Model):
    """One effect: what to tell the platform, when at the earliest, and how far delivery has come.

    ``sequence`` orders the messages of a content: the next goes out once the one before it is settled.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4, help_text="The receiver's means to tell a repeat.")
    topic = models.CharField(max_length=30, choices=OutboxTopic.choices)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="outbox")
    sequence = models.PositiveIntegerField()
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="outbox")
    action = models.ForeignKey(Action, on_delete=models.PROTECT, null=True, related_name="outbox")
    state = models.CharField(max_length=10, choices=OutboxState.choices, default=OutboxState.PENDING)
    not_before = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=300, blank=True)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content", "sequence"], name="outbox_sequence_once"),
            models.CheckConstraint(condition=Q(state__in=OutboxState.values), name="outbox_state_known"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="outbox_due_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class WebhookEndpoint(models.Model):
    """Where the platform wants to hear; the secret signs every message (Standard Webhooks)."""

    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=100, help_text="whsec_…, shown once.")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """That an endpoint has acknowledged a message, so that a retry spares it; it goes with its endpoint."""

    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    status_code = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["message", "endpoint"], name="delivery_once_an_endpoint")]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
