"""Judgements, the decisions that bind, their actions, strikes and appeals."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from moderation.enums import ActionKind, AppealState, DecisionKind, Verdict
from moderation.models.access import User
from moderation.models.case import Case, Evidence, Review
from moderation.models.content import Account
from moderation.models.policy import Policy


class Judgement(models.Model):
    """What one reviewer concluded from the evidence they were shown. Immutable.

    ``spans`` are the [start, end] code points the reviewer marked as violating.
    """

    review = models.OneToOneField(Review, on_delete=models.PROTECT, related_name="judgement")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="judgements")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="judgements")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    policies = ArrayField(models.SlugField(max_length=40), default=list)
    actions = ArrayField(models.CharField(max_length=20, choices=ActionKind.choices), default=list)
    spans = models.JSONField(default=list)
    seconds = models.FloatField(help_text="From the claim to the judgement.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="judgement_verdict_known"),
            models.CheckConstraint(
                condition=Q(verdict="violates", policies__len__gt=0) | Q(verdict="ok", policies__len=0),
                name="judgement_names_policies_iff_violating",
            ),
        ]

    def __str__(self) -> str:
        return f"judgement {self.pk}"


class Decision(models.Model):
    """The binding outcome of a case. Immutable; overturned only by a later one that supersedes it.

    A case has one first decision and an unbroken chain from there. An undo is a decision without a verdict.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    judgement = models.OneToOneField(Judgement, on_delete=models.PROTECT, null=True, related_name="decision")
    kind = models.CharField(max_length=10, choices=DecisionKind.choices)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, null=True)  # noqa: DJ001 (null: undone)
    policies = ArrayField(models.SlugField(max_length=40), default=list)
    actions = ArrayField(models.CharField(max_length=20, choices=ActionKind.choices), default=list)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="decisions")
    supersedes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="superseded_by")
    undo_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=Q(supersedes__isnull=True), name="decision_one_first_a_case"
            ),
            models.CheckConstraint(condition=Q(kind__in=DecisionKind.values), name="decision_kind_known"),
            models.CheckConstraint(
                condition=Q(kind="undo", verdict__isnull=True, policies__len=0)
                | Q(verdict="violates", policies__len__gt=0)
                | Q(verdict="ok", policies__len=0),
                name="decision_names_policies_iff_violating",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["undo", "override", "appeal"]) | Q(supersedes__isnull=False),
                name="decision_overturn_supersedes",
            ),
            models.CheckConstraint(
                condition=~Q(kind="review") | Q(judgement__isnull=False),
                name="decision_of_review_has_judgement",
            ),
        ]
        indexes = [models.Index(F("decided_by"), F("created_at").desc(), name="decision_person_idx")]

    def __str__(self) -> str:
        return f"decision {self.pk}"


class Rationale(models.Model):
    """The free words beside a decision, kept apart so that they may be erased."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="rationale")
    text = models.TextField(max_length=2000)

    def __str__(self) -> str:
        return f"rationale of decision {self.decision_id}"


class Action(models.Model):
    """One thing the platform is asked to do because of a decision, or to take back. Immutable."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="requested_actions")
    kind = models.CharField(max_length=20, choices=ActionKind.choices)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ActionKind.values), name="action_kind_known"),
            models.UniqueConstraint(fields=["decision", "kind", "reverses"], name="action_once_a_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of decision {self.decision_id}"


class Strike(models.Model):
    """An upheld violation that counts against an account until it is lifted."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="strikes")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="strikes")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    lifted_by = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, related_name="strikes_lifted")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["decision", "policy"], name="strike_once_a_decision")]

    def __str__(self) -> str:
        return f"strike {self.pk}"


class Appeal(models.Model):
    """A contested decision, decided by someone other than its first decider."""

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    appellant = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="appeals")
    statement = models.TextField(max_length=2000, help_text="In the appellant's words; may be erased.")
    state = models.CharField(max_length=10, choices=AppealState.choices, default=AppealState.OPEN)
    resolution = models.OneToOneField(Decision, on_delete=models.PROTECT, null=True, related_name="resolves")
    resolved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    rationale = models.TextField(max_length=2000, blank=True, help_text="Why the decision was upheld.")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=AppealState.values), name="appeal_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at__isnull=True)
                | Q(state__in=["upheld", "overturned"], resolved_at__isnull=False, resolved_by__isnull=False),
                name="appeal_resolved_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk}"
