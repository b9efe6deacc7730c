"""Labels: what decisions teach, with lineage."""

from django.db import models
from django.db.models import Q

from moderation.enums import WhyShown
from moderation.models.case import Evidence
from moderation.models.content import ContentRevision
from moderation.models.decision import Decision
from moderation.models.policy import Policy


class LabelQuerySet(models.QuerySet["Label"]):
    """Named filters over labels."""

    def current(self) -> "LabelQuerySet":
        """Labels nothing supersedes."""
        return self.filter(superseded_by__isnull=True)


class Label(models.Model):
    """Whether a revision violates a policy, by a human decision. Immutable; superseded, never changed.

    ``value`` is null where an undo withdrew what was said before.
    """

    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="labels")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    value = models.BooleanField(null=True)
    weight = models.FloatField(default=1.0)
    why_shown = models.CharField(max_length=12, choices=WhyShown.choices)
    sampling_probability = models.FloatField()
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="labels")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="+")
    supersedes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="superseded_by")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LabelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "policy"],
                condition=Q(supersedes__isnull=True),
                name="label_one_first_a_revision_and_policy",
            ),
            models.UniqueConstraint(fields=["decision", "revision", "policy"], name="label_once_a_decision"),
        ]

    def __str__(self) -> str:
        return f"label {self.pk}"
