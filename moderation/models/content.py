"""What is judged: accounts, content, its revisions, and the complaints about it.

Texts and identifiers live here and may be erased; every other aggregate refers to these rows by key.
"""

from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Upper
from django.utils import timezone

from moderation.enums import ReportOutcome, ReportSource, ScoringState, Split
from moderation.models.access import User
from moderation.models.policy import Policy

# Scripts that put no spaces between words, Thai to Khmer, kana and Han: in search each of their signs is a word.
UNSPACED = "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])"
# A text as search looks words up: of any language, none of which is stemmed.
WORDS = SearchVector(
    Func(
        F("text"),
        Value(UNSPACED),
        Value(r" \1 "),
        Value("g"),
        function="regexp_replace",
        output_field=models.TextField(),
    ),
    config="simple",
)


class Account(models.Model):
    """A user of the platform: an author or a reporter."""

    external_id = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 (null: erased)
    created_at = models.DateTimeField(null=True, help_text="When the platform's account was created.")
    attributes = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [GinIndex(OpClass(Upper("external_id"), name="gin_trgm_ops"), name="account_trigrams_idx")]

    def __str__(self) -> str:
        return self.external_id or f"erased account {self.pk}"


class TextGroup(models.Model):
    """Texts that are near-duplicates of each other; the whole group lies on one side of the split, for good."""

    split = models.CharField(max_length=10, choices=Split.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(split__in=Split.values), name="text_group_split_known")]

    def __str__(self) -> str:
        return f"group {self.pk} ({self.split})"


class TextGroupBand(models.Model):
    """One locality-sensitive hash of a group's texts; sharing one makes two texts near-duplicates."""

    value = models.BigIntegerField()
    group = models.ForeignKey(TextGroup, on_delete=models.CASCADE, related_name="bands")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["value", "group"], name="text_group_band_once")]

    def __str__(self) -> str:
        return f"band {self.value} of group {self.group_id}"


class Content(models.Model):
    """A message, comment or profile text of the platform, under the platform's own identifier."""

    external_id = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 (null: erased)
    type = models.CharField(max_length=40)
    author = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="contents")
    url = models.CharField(max_length=2000, blank=True)
    language = models.CharField(max_length=35, blank=True)
    attributes = models.JSONField(default=dict, help_text="The platform's own, for routing rules to ask of.")
    created_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    current_revision = models.ForeignKey("ContentRevision", on_delete=models.PROTECT, null=True, related_name="+")
    scoring_state = models.CharField(max_length=10, choices=ScoringState.choices, default=ScoringState.PENDING)
    scoring_attempts = models.PositiveSmallIntegerField(default=0)
    withdrawn_at = models.DateTimeField(null=True, help_text="Deleted upstream.")
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(scoring_state="pending"), name="content_pending_idx"),
            models.Index(fields=["author", "-created_at"], name="content_author_idx"),
            BrinIndex(fields=["received_at"], name="content_received_idx"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(scoring_state__in=ScoringState.values), name="content_scoring_known"),
        ]

    def __str__(self) -> str:
        return self.external_id or f"erased content {self.pk}"


class ContentRevision(models.Model):
    """One wording of a content, with the thread around it as the platform sent it."""

    content = models.ForeignKey(Content, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=20_000)
    digest = models.CharField(max_length=64, help_text="Keyed digest of the text, which outlives it.")
    thread = models.JSONField(default=list, help_text="Earlier messages: author, text, created_at.")
    group = models.ForeignKey(TextGroup, on_delete=models.PROTECT, null=True, related_name="revisions")
    bridges_split = models.BooleanField(
        default=False, help_text="Near-duplicate of texts on two sides of the split: never trained on."
    )
    received_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content", "number"], name="revision_number_once"),
            models.CheckConstraint(condition=Q(erased_at__isnull=True) | Q(text=""), name="revision_erased_is_empty"),
        ]
        # What search looks words up in. They hang on the text itself: what is erased is gone from them.
        indexes = [
            models.Index(fields=["digest"], name="revision_digest_idx"),
            GinIndex(WORDS, name="revision_words_idx"),
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="revision_trigrams_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.content_id} r{self.number}"


class Report(models.Model):
    """Someone's complaint about a content, or a detector's."""

    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="reports")
    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="reports")
    reporter = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="reports_made")
    source = models.CharField(max_length=20, choices=ReportSource.choices)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, null=True, related_name="reports")
    note = models.TextField(max_length=2000, blank=True)
    case = models.ForeignKey("Case", on_delete=models.PROTECT, null=True, related_name="reports")
    outcome = models.CharField(max_length=12, choices=ReportOutcome.choices, default=ReportOutcome.PENDING)
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["content"], condition=Q(case__isnull=True), name="report_unattached_idx"),
            models.Index(fields=["reporter", "outcome"], name="report_reporter_idx"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(source__in=ReportSource.values), name="report_source_known"),
            models.CheckConstraint(condition=Q(outcome__in=ReportOutcome.values), name="report_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"report {self.pk}"
