"""Cases, the reviews people lease, and the evidence they were shown."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from moderation.enums import CaseStatus, ReviewKind, ReviewState, SkipReason, WhyShown
from moderation.models.access import User
from moderation.models.content import Content, ContentRevision, TextGroup
from moderation.models.prediction import Prediction
from moderation.models.queue import Queue
from moderation.models.second_reading import SecondReading


class OrdinaryCases(models.Manager["Case"]):
    """Cases that are about something: golden ones, which only test their reviewer, are left out."""

    def get_queryset(self) -> models.QuerySet["Case"]:
        """Every case but golden ones."""
        return super().get_queryset().exclude(why_shown=WhyShown.GOLDEN)


class Case(models.Model):
    """A content that waits for, or has had, people's judgement; at most one open a content.

    ``priority`` is the index key: the sum of ``priority_parts`` less what waiting has not yet earned, so it stays
    still while the case ages (see ``moderation.services.priority``).

    ``objects`` leaves golden cases out, so that nothing counts, sweeps or binds them by oversight; ``including_golden``
    is for what handles a case that someone reviews.
    """

    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="cases")
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="cases")
    status = models.CharField(max_length=10, choices=CaseStatus.choices, default=CaseStatus.OPEN)
    why_shown = models.CharField(max_length=12, choices=WhyShown.choices)
    sampling_probability = models.FloatField(default=1.0)
    rule_hits = models.JSONField(default=list, help_text="Names and keys of the rules and bank entries that matched.")
    priority = models.FloatField()
    priority_parts = models.JSONField(default=list)
    policy = models.SlugField(max_length=40, blank=True, help_text="The policy it is about first of all.")
    score = models.FloatField(null=True, help_text="Of that policy.")
    version = models.PositiveIntegerField(default=1)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = OrdinaryCases()
    including_golden: models.Manager["Case"] = models.Manager()

    class Meta:
        base_manager_name = "including_golden"
        constraints = [
            models.UniqueConstraint(
                fields=["content"],
                condition=Q(status="open") & ~Q(why_shown="golden"),
                name="case_one_open_a_content",
            ),
            models.CheckConstraint(condition=Q(status__in=CaseStatus.values), name="case_status_known"),
            models.CheckConstraint(
                condition=Q(sampling_probability__gt=0, sampling_probability__lte=1),
                name="case_sampling_is_a_probability",
            ),
            models.CheckConstraint(
                condition=Q(status="open", closed_at__isnull=True) | ~Q(status="open"),
                name="case_open_has_no_end",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "-priority", "id"], condition=Q(status="open"), name="case_queue_idx"),
            models.Index(fields=["queue", "opened_at"], condition=Q(status="open"), name="case_age_idx"),
            models.Index(fields=["policy", "score"], name="case_policy_idx"),
        ]

    def __str__(self) -> str:
        return f"case {self.pk}"


# What may be decided unseen: waits for its first judge, who is to see what the model thinks.
BATCHABLE = Q(state="waiting", kind="first", blind=False)


class Review(models.Model):
    """One person's judgement of a case, from waiting to judged. The lease with its fencing token lives here.

    What a claim or a batch looks for stands beside the state: queue, priority, and the lane (language, policy, score,
    near-duplicate group), taken over from the case when the review is made and kept up by routing.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=12, choices=ReviewKind.choices, default=ReviewKind.FIRST)
    follows = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="followed_by", help_text="The review that led to it."
    )
    blind = models.BooleanField(default=False, help_text="The model's opinion is hidden until it is judged.")
    state = models.CharField(max_length=10, choices=ReviewState.choices, default=ReviewState.WAITING)
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="+", db_index=False)
    priority = models.FloatField(help_text="The case's, beside the state it is claimed by.")
    language = models.CharField(max_length=8, blank=True)
    policy = models.SlugField(max_length=40, blank=True)
    score = models.FloatField(null=True)
    group = models.ForeignKey(TextGroup, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    passed_by = ArrayField(
        models.BigIntegerField(), default=list, help_text="Who skipped or judged the case: they come last."
    )
    reserved = models.BooleanField(default=False, help_text="Leased ahead: its holder has been shown nothing of it.")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="reviews")
    lease_token = models.BigIntegerField(null=True, unique=True)
    leased_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    judged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ReviewState.values), name="review_state_known"),
            models.CheckConstraint(
                condition=~Q(state="leased")
                | Q(reviewer__isnull=False, lease_token__isnull=False, lease_expires_at__isnull=False),
                name="review_lease_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(reviewer__isnull=True, lease_token__isnull=True),
                name="review_waiting_has_no_owner",
            ),
            models.CheckConstraint(condition=Q(kind__in=ReviewKind.values), name="review_kind_known"),
            models.CheckConstraint(condition=Q(reserved=False) | Q(state="leased"), name="review_reserved_is_leased"),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state__in=["waiting", "leased"]), name="review_one_pending_a_case"
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "-priority", "id"], condition=Q(state="waiting"), name="review_claim_idx"),
            models.Index(
                fields=["queue", "language", "policy", "-priority", "id"],
                condition=Q(state="waiting"),
                name="review_lane_idx",
            ),
            models.Index(fields=["policy", "score"], condition=BATCHABLE, name="review_score_idx"),
            models.Index(fields=["group"], condition=BATCHABLE, name="review_group_idx"),
            GinIndex(fields=["passed_by"], condition=Q(state="waiting") & ~Q(passed_by=[]), name="review_passed_idx"),
            models.Index(fields=["lease_expires_at"], condition=Q(state="leased"), name="review_expiry_idx"),
            models.Index(fields=["reviewer", "queue"], condition=Q(state="leased"), name="review_held_idx"),
            models.Index(
                fields=["case"], condition=Q(blind=True, state__in=["waiting", "leased"]), name="review_blind_idx"
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new review stands in its case's lane, and knows who has passed the case over or judged it."""
        if self._state.adding:
            self.take_lane()
            self.passed_by = self._passed_before()
        super().save(*args, **kwargs)

    def take_lane(self) -> None:
        """Take over from the case by what the review is looked for."""
        content = self.case.content
        revision = content.current_revision
        self.language = content.language.partition("-")[0].lower()[:8]
        self.policy, self.score = self.case.policy, self.case.score
        self.group_id = revision.group_id if revision else None

    def _passed_before(self) -> list[int]:
        people: set[int] = set()
        for passed_by, state, reviewer in Review.objects.filter(case=self.case_id).values_list(
            "passed_by", "state", "reviewer"
        ):
            people.update(passed_by)
            # A second look is for the very person who judged.
            if state == ReviewState.JUDGED and self.kind != ReviewKind.INFORMED:
                people.add(reviewer)
        return sorted(people)


class ReviewSkip(models.Model):
    """Who passed a review over, and why; it is offered to them last. Immutable."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="skips")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=12, choices=SkipReason.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"skip of review {self.review_id}"


class ReviewBar(models.Model):
    """Who may not have a review, because they judged the case, or its text, before. Immutable."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="bars")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "user"], name="review_bar_once")]

    def __str__(self) -> str:
        return f"bar of review {self.review_id}"


class Escalation(models.Model):
    """A case handed to the queue above, by whom, why, and whether they took it back. Only the note can be erased."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="escalations")
    escalated_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="escalations")
    from_queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="+")
    to_queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(max_length=2000, blank=True)
    undo_until = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["escalated_by", "-created_at"], name="escalation_person_idx")]

    def __str__(self) -> str:
        return f"escalation {self.pk}"


class Evidence(models.Model):
    """What a person was shown: frozen at the claim, named by the judgement. Immutable.

    ``policies`` holds a row a policy: slug, policy_version, score, logit, threshold, flagged, reported, shown.
    The text stands in the revision, the attributions in the prediction; both are referred to, never copied.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="evidence")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    case_version = models.PositiveIntegerField()
    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="+")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, null=True, related_name="+")
    second_reading = models.ForeignKey(SecondReading, on_delete=models.PROTECT, null=True, related_name="+")
    shown_to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    policies = models.JSONField()
    rule_hits = models.JSONField()
    report_ids = models.JSONField()
    priority_parts = models.JSONField()
    why_shown = models.CharField(max_length=12, choices=WhyShown.choices)
    sampling_probability = models.FloatField()
    blind = models.BooleanField(default=False, help_text="The model's opinion was hidden from them.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            # What the judgement's composite foreign key refers to.
            models.UniqueConstraint(fields=["id", "review"], name="evidence_of_its_review"),
        ]
        indexes = [models.Index(fields=["shown_to", "-created_at"], name="evidence_person_idx")]

    def __str__(self) -> str:
        return f"evidence {self.pk}"
