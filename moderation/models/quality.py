"""What keeps people's judgements honest: plans a queue, golden cases, audits, holds, and what was measured."""

from django.db import models
from django.db.models import Q

from moderation.enums import HoldReason, HoldState, ReportKind, Severity
from moderation.models.access import User
from moderation.models.case import Case
from moderation.models.content import Account, ContentRevision
from moderation.models.decision import Judgement
from moderation.models.learning import GoldenItem
from moderation.models.queue import Queue


def _is_share(field: str) -> Q:
    return Q(**{f"{field}__gte": 0, f"{field}__lte": 1})


class QualityPlan(models.Model):
    """How the judgements in a queue are checked. A queue without a plan is not."""

    queue = models.OneToOneField(Queue, on_delete=models.CASCADE, related_name="quality_plan")
    golden_rate = models.FloatField(default=0.0, help_text="Golden cases mixed in, per case that opens (0 to 1).")
    double_rate = models.FloatField(default=0.0, help_text="Share of cases that a second reviewer judges too (0 to 1).")
    blind_rate = models.FloatField(
        default=0.0, help_text="Share of cases judged before the model's opinion is shown (0 to 1)."
    )
    hold_from_severity = models.PositiveSmallIntegerField(
        choices=Severity.choices,
        null=True,
        blank=True,
        help_text="A violation of a policy this grave needs a second person. Empty: none does.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=_is_share("golden_rate") & _is_share("double_rate") & _is_share("blind_rate"),
                name="quality_plan_rates_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return f"plan of {self.queue}"


class ProtectedAccount(models.Model):
    """An account against which nobody acts alone."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="protection")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"protection of account {self.account_id}"


class GoldenCase(models.Model):
    """That a golden item was put before people as a case, once beside an ordinary one. Immutable."""

    case = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="golden")
    item = models.ForeignKey(GoldenItem, on_delete=models.PROTECT, related_name="cases")
    beside = models.OneToOneField(Case, on_delete=models.PROTECT, related_name="golden_beside")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"golden case {self.case_id}"


class AuditDraw(models.Model):
    """That a revision was drawn at random, with which probability, when it was first scored. Immutable.

    ``score`` is the largest of its policies' scores then: the stratum it was drawn from.
    """

    revision = models.OneToOneField(ContentRevision, on_delete=models.PROTECT, related_name="audit_draw")
    probability = models.FloatField()
    score = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lte=1), name="audit_draw_is_a_probability"
            ),
        ]

    def __str__(self) -> str:
        return f"draw of revision {self.revision_id}"


class JudgementNote(models.Model):
    """The free words beside a judgement, kept apart so that they may be erased."""

    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, related_name="note")
    text = models.TextField(max_length=2000)

    def __str__(self) -> str:
        return f"note of judgement {self.judgement_id}"


class Hold(models.Model):
    """A judgement that binds only once a second person has approved it."""

    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, related_name="hold")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=12, choices=HoldReason.choices)
    state = models.CharField(max_length=10, choices=HoldState.choices, default=HoldState.HELD)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    settled_at = models.DateTimeField(null=True)
    note = models.TextField(max_length=2000, blank=True, help_text="Why it was sent back; may be erased.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=HoldState.values), name="hold_state_known"),
            models.CheckConstraint(
                condition=Q(state="held", settled_at__isnull=True, settled_by__isnull=True)
                | (~Q(state="held") & Q(settled_at__isnull=False, settled_by__isnull=False)),
                name="hold_settled_by_someone",
            ),
            models.UniqueConstraint(fields=["case"], condition=Q(state="held"), name="hold_one_a_case"),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"


class QualityReport(models.Model):
    """What was measured at a time. Immutable; the figures' shape is that of ``moderation.services.measuring``."""

    kind = models.CharField(max_length=12, choices=ReportKind.choices)
    figures = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "-id"], name="quality_report_newest_idx")]

    def __str__(self) -> str:
        return f"{self.kind} report {self.pk}"
