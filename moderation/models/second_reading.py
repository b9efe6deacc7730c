"""What the second reader said of a revision, beside what the first had said. Append-only."""

from django.db import models

from moderation.models.policy import Policy
from moderation.models.prediction import Prediction


class SecondReading(models.Model):
    """One reading of one predicted revision by one version of the second reader. Immutable.

    ``failure`` names the error where the text could not be read; such a reading has no policies.
    """

    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="second_readings")
    reader = models.CharField(max_length=64, help_text="SHA-256 of the second reader's artifact.")
    failure = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prediction", "reader"], name="second_reading_once_a_reader")]

    def __str__(self) -> str:
        return f"second reading {self.pk}"


class PolicySecondReading(models.Model):
    """Both readers' calibrated logits of one policy, and the stack of both. Immutable."""

    reading = models.ForeignKey(SecondReading, on_delete=models.PROTECT, related_name="policies")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="+")
    first_logit = models.FloatField()
    second_logit = models.FloatField()
    stacked_logit = models.FloatField()
    threshold = models.FloatField(help_text="In force when the first reader scored, as a probability.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reading", "policy"], name="second_reading_policy_once")]

    def __str__(self) -> str:
        return f"{self.policy_id}: {self.second_logit:.3f}"
