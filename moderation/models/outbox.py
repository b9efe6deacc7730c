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

    ``sequence`` orders the messages of a content: to an endpoint the next goes out once the one before it is settled.
    Once due it is addressed: it gets a delivery for each active endpoint, and its ``state`` sums those up. While
    ``attempts`` is 0 nothing has gone out.
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4, help_text="The receiver's means to tell a repeat.")
    topic = models.CharField(max_length=30, choices=OutboxTopic.choices)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="outbox")
    sequence = models.PositiveIntegerField()
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="outbox")
    action = models.ForeignKey(Action, on_delete=models.PROTECT, null=True, related_name="outbox")
    state = models.CharField(max_length=12, choices=OutboxState.choices, default=OutboxState.PENDING)
    not_before = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0, help_text="Over all endpoints.")
    addressed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content", "sequence"], name="outbox_sequence_once"),
            models.CheckConstraint(condition=Q(state__in=OutboxState.values), name="outbox_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state="pending", addressed_at__isnull=True),
                name="outbox_unaddressed_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"
