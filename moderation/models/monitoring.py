"""What watching the model in use has found: drift, and the thresholds from which its precision is guaranteed."""

from django.db import models
from django.db.models import Q

from moderation.enums import DriftVerdict
from moderation.models.access import User
from moderation.models.learning import ModelVersion
from moderation.models.policy import Policy


class DriftCheck(models.Model):
    """One comparison of recent traffic with what came before it, as one model version saw both. Immutable.

    ``measures`` holds a row a check: name, verdict, sentence, figures.
    """

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="drift_checks")
    verdict = models.CharField(max_length=12, choices=DriftVerdict.choices)
    sentence = models.CharField(max_length=300)
    before_from = models.DateTimeField()
    recent_from = models.DateTimeField()
    recent_until = models.DateTimeField()
    before_count = models.PositiveIntegerField()
    recent_count = models.PositiveIntegerField()
    measures = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=DriftVerdict.values), name="drift_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"drift check {self.pk}"


class AutomationThreshold(models.Model):
    """The score from which a policy's precision is guaranteed, or that none is, by one calibration. Immutable.

    Nothing is automated by this row. ``recalibration`` counts a policy's calibrations: each spends a part of one
    error budget.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="automation_thresholds")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="automation_thresholds")
    recalibration = models.PositiveIntegerField()
    precision = models.FloatField(help_text="What was asked for.")
    threshold = models.FloatField(null=True)
    lower_bound = models.FloatField(null=True, help_text="Of the precision at this threshold.")
    sample_count = models.PositiveIntegerField(help_text="Audited texts there were.")
    used_count = models.PositiveIntegerField(help_text="Of them, at or above the threshold; all where there is none.")
    delta_spent = models.FloatField()
    sentence = models.CharField(max_length=300)
    computed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "recalibration"], name="automation_recalibration_once"),
            models.CheckConstraint(
                condition=Q(threshold__isnull=True, lower_bound__isnull=True)
                | Q(threshold__gt=0, threshold__lt=1, lower_bound__gte=models.F("precision")),
                name="automation_threshold_keeps_its_promise",
            ),
        ]

    def __str__(self) -> str:
        return f"automation threshold {self.pk}"
