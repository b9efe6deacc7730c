"""Routing rules: what they ask, what follows, and what they hit."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from moderation.enums import ActionKind, RuleState
from moderation.models.access import User
from moderation.models.content import Content, ContentRevision
from moderation.models.policy import Policy
from moderation.models.queue import Queue


class RoutingRule(models.Model):
    """If its condition holds, its outcome follows; of the live rules the first that matches decides.

    The condition is a document of ``moderation.conditions``. Condition and outcome change in a draft only: what a
    rule has hit was hit by the rule as it stands here. A change of a live rule is a draft that ``replaces`` it.
    """

    position = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=RuleState.choices, default=RuleState.DRAFT)
    version = models.PositiveIntegerField(default=1, help_text="Grows with each change, so that none is overwritten.")
    condition = models.JSONField()
    opens_cases = models.BooleanField(
        default=False, help_text="Also opens a case for what nobody reported and nothing flagged."
    )
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="rules")
    priority_boost = models.FloatField(default=0)
    holds_for_senior = models.BooleanField(default=False, help_text="Only seniors may decide.")
    automates = models.ForeignKey(
        Policy, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Decided without a person as a violation of this policy, where its precision is guaranteed.",
    )  # fmt: skip
    automatic_actions = ArrayField(models.CharField(max_length=20, choices=ActionKind.choices), default=list)
    audit_rate = models.FloatField(
        null=True, blank=True, help_text="Share of what nobody would see otherwise that this rule shows to people."
    )
    replaces = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="drafts",
        help_text="Retired when this goes live.",
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    state_changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RuleState.values), name="routing_rule_state_known"),
            models.CheckConstraint(
                condition=Q(priority_boost__gte=-100, priority_boost__lte=100), name="routing_rule_boost_is_bounded"
            ),
            models.CheckConstraint(
                condition=Q(audit_rate__isnull=True)
                | Q(audit_rate__gt=0, audit_rate__lte=1, opens_cases=True, automates__isnull=True),
                name="routing_rule_audit_only_looks",
            ),
            models.CheckConstraint(
                condition=Q(automates__isnull=False) | Q(automatic_actions__len=0),
                name="routing_rule_acts_under_a_policy",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RuleHit(models.Model):
    """A rule's condition held for one wording of a content. Immutable.

    ``decided``: it was the first to match. ``shadow``: it was in shadow, so nothing followed.
    """

    rule = models.ForeignKey(RoutingRule, on_delete=models.PROTECT, related_name="hits")
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="rule_hits")
    shadow = models.BooleanField()
    decided = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "revision", "shadow"], name="rule_hit_once")]
        indexes = [models.Index(fields=["rule", "created_at"], name="rule_hit_time_idx")]

    def __str__(self) -> str:
        return f"hit of rule {self.rule_id}"


class ChangeStamp(models.Model):
    """A value that differs after every change of what it names; set by triggers, kept beside what was compiled."""

    name = models.CharField(max_length=20, primary_key=True)
    value = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
