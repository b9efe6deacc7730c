"""Many cases decided as one: by score, by campaign, by account, or picked one by one."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from moderation.enums import ActionKind, BatchCaseState, BatchMode, BatchState, LeftOut, Verdict
from moderation.models.access import User
from moderation.models.case import Case
from moderation.models.content import Account, TextGroup
from moderation.models.decision import Decision
from moderation.models.queue import Queue


class Batch(models.Model):
    """One decision on many cases, most of them unseen; undone as one.

    Which cases it is about stands in its rows from the start, so that whoever goes on with it decides those and no
    others. ``sample_count`` is how many of them its maker had looked at; ``follows`` lets later near-duplicates take
    the same decision where automation is guaranteed.
    """

    mode = models.CharField(max_length=10, choices=BatchMode.choices)
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.DECIDING)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, null=True, related_name="+")
    policy = models.SlugField(max_length=40, blank=True)
    score_from = models.FloatField(null=True)
    score_to = models.FloatField(null=True)
    group = models.ForeignKey(TextGroup, on_delete=models.PROTECT, null=True, related_name="batches")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="batches")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    policies = ArrayField(models.SlugField(max_length=40), default=list)
    actions = ArrayField(models.CharField(max_length=20, choices=ActionKind.choices), default=list)
    rationale = models.TextField(max_length=2000, blank=True, help_text="May be erased.")
    follows = models.BooleanField(default=False)
    sample_count = models.PositiveIntegerField(default=0)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="batches")
    undone_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "batches"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="batch_state_known"),
            models.CheckConstraint(
                condition=Q(mode="score", score_from__isnull=False, score_to__gte=models.F("score_from"))
                | Q(mode="campaign", group__isnull=False)
                | Q(mode="account", account__isnull=False)
                | Q(mode="picked"),
                name="batch_says_what_it_is_about",
            ),
            models.CheckConstraint(
                condition=Q(verdict="violates", policies__len__gt=0) | Q(verdict="ok", policies__len=0),
                name="batch_names_policies_iff_violating",
            ),
            models.CheckConstraint(
                condition=Q(follows=False) | Q(mode="campaign", verdict="violates"), name="batch_follows_a_campaign"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["deciding", "undoing"]), name="batch_at_work_idx"),
        ]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class BatchCase(models.Model):
    """A case of a batch, as it stood when the batch was made, and what became of it."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="cases", db_index=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    case_version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=BatchCaseState.choices, default=BatchCaseState.PENDING)
    reason = models.CharField(max_length=12, choices=LeftOut.choices, blank=True)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, null=True, related_name="in_batch")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "case"], name="batch_case_once"),
            models.CheckConstraint(condition=Q(state__in=BatchCaseState.values), name="batch_case_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "left_out"], decision__isnull=True)
                | Q(state__in=["decided", "undone", "kept"], decision__isnull=False),
                name="batch_case_decided_by_a_decision",
            ),
        ]
        indexes = [models.Index(fields=["batch", "state", "id"], name="batch_case_next_idx")]

    def __str__(self) -> str:
        return f"case {self.case_id} of batch {self.batch_id}"
