"""Queues."""

from django.db import models
from django.db.models import Q


class Queue(models.Model):
    """A line of cases that wait for people, with the time in which they should be seen."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=300, blank=True)
    sla_minutes = models.PositiveIntegerField(default=24 * 60, help_text="A case should be decided within this time.")
    position = models.PositiveSmallIntegerField(default=0)
    is_default = models.BooleanField(default=False, help_text="Takes what no rule routes.")
    seniors_only = models.BooleanField(default=False, help_text="Only seniors and administrators may claim here.")
    escalates_to = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="escalated_from",
        help_text="Where a moderator's escalation goes.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="queue_one_default"),
            models.CheckConstraint(condition=Q(sla_minutes__gt=0), name="queue_sla_positive"),
            models.CheckConstraint(condition=~Q(escalates_to=models.F("pk")), name="queue_escalates_elsewhere"),
        ]

    def __str__(self) -> str:
        return self.name
