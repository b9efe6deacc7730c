"""Policies: what is not allowed, in versions, with severity and guidance."""

from django.db import models
from django.db.models import Q

from moderation.enums import Severity


class Policy(models.Model):
    """A rule of the community that content can violate; the model has one head per slug."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices, default=Severity.MODERATE)
    graphic = models.BooleanField(default=False, help_text="Text is masked until the moderator reveals it.")
    threshold = models.FloatField(
        null=True,
        blank=True,
        help_text="Scores from here on are flagged. Empty: what the model recommends.",
    )
    appeal_days = models.PositiveSmallIntegerField(
        default=184,
        help_text="Days in which a decision that names this policy can be appealed. 0: not at all.",
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Order, and the key (1-9) that picks it.")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "slug"]
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__isnull=True) | Q(threshold__gt=0, threshold__lt=1),
                name="policy_threshold_is_a_probability",
            ),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="policy_severity_known"),
        ]

    def __str__(self) -> str:
        return self.name


class PolicyVersion(models.Model):
    """The wording of a policy at a time; evidence names the version a decision was made under. Immutable."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    guidance = models.TextField(max_length=10_000, help_text="What moderators read: what violates, what does not.")
    legal_category = models.CharField(
        max_length=80, blank=True, help_text="DSA statement category, e.g. STATEMENT_CATEGORY_VIOLENCE."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["policy", "-number"]
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="policy_version_number_once")]

    def __str__(self) -> str:
        return f"{self.policy.slug} v{self.number}"
