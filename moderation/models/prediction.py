"""What a model said of a revision, with exact attributions. Append-only: a rescore adds, never changes."""

from django.db import models

from moderation.models.content import ContentRevision
from moderation.models.learning import ModelVersion
from moderation.models.policy import Policy


class PredictionQuerySet(models.QuerySet["Prediction"]):
    """Named filters over predictions."""

    def served(self) -> "PredictionQuerySet":
        """Predictions people may be shown: by versions that were champion once, never by one in shadow."""
        return self.filter(model_version__promoted_at__isnull=False)


class Prediction(models.Model):
    """One scoring of one revision by one model version, with the context features as they were then."""

    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="predictions")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="predictions")
    context = models.JSONField(default=dict, help_text="Context features as snapshotted: name to number.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "model_version"], name="prediction_once_a_model")]
        indexes = [models.Index(fields=["model_version", "created_at"], name="prediction_model_time_idx")]

    def __str__(self) -> str:
        return f"prediction {self.pk}"


class PolicyPrediction(models.Model):
    """The score of one policy: logit = base_value + absent + sum(attributions) + sum(context), to 1e-9.

    ``attributions`` holds [start, end, value] in code points of the revision's text;
    ``context_attributions`` holds [feature, value, contribution].
    """

    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="policies")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    score = models.FloatField()
    logit = models.FloatField()
    threshold = models.FloatField(help_text="In force at scoring.")
    flagged = models.BooleanField()
    base_value = models.FloatField()
    absent = models.FloatField()
    attributions = models.JSONField(default=list)
    context_attributions = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prediction", "policy"], name="prediction_policy_once")]

    def __str__(self) -> str:
        return f"{self.policy_id}: {self.score:.3f}"
