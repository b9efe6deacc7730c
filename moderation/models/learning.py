"""Model versions and the training sets they came from."""

from django.db import models
from django.db.models import Q

from moderation.enums import ModelStatus, Split
from moderation.models.access import User


class TrainingSet(models.Model):
    """The labels a candidate learned from and was tested on, frozen. Immutable."""

    digest = models.CharField(max_length=64, help_text="SHA-256 over the label keys and their split, in order.")
    label_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"training set {self.pk}"


class TrainingSetItem(models.Model):
    """One label of a training set, with the side of the split it stood on. Immutable."""

    training_set = models.ForeignKey(TrainingSet, on_delete=models.PROTECT, related_name="items")
    label = models.ForeignKey("Label", on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=10, choices=Split.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["training_set", "label"], name="training_set_label_once")]

    def __str__(self) -> str:
        return f"{self.training_set_id}: {self.label_id}"


class ModelVersion(models.Model):
    """A model file in the store, pinned by its hash, with the figures of its gates."""

    number = models.PositiveIntegerField(unique=True)
    status = models.CharField(max_length=10, choices=ModelStatus.choices, default=ModelStatus.CANDIDATE)
    sha256 = models.CharField(max_length=64)
    folder = models.CharField(max_length=300, help_text="Inside the model store.")
    manifest = models.JSONField()
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    training_set = models.ForeignKey(TrainingSet, on_delete=models.PROTECT, null=True, related_name="models")
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    shadowed_at = models.DateTimeField(null=True, help_text="Since when it scores, or last scored, in shadow.")
    promoted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="champion"), name="model_one_champion"),
            models.UniqueConstraint(fields=["status"], condition=Q(status="shadow"), name="model_one_shadow"),
            models.CheckConstraint(
                condition=~Q(status="shadow") | Q(shadowed_at__isnull=False, promoted_at__isnull=True),
                name="model_shadow_never_served",
            ),
            models.CheckConstraint(condition=Q(status__in=ModelStatus.values), name="model_status_known"),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class Gate(models.Model):
    """One check a candidate had to pass, with its figures. Immutable."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="gates")
    champion = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    passed = models.BooleanField()
    insufficient = models.BooleanField(default=False, help_text="Too little evidence to promote by itself.")
    figures = models.JSONField()
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.name} of {self.model_version_id}"


class GoldenItem(models.Model):
    """A content whose truth is known: a gate for models, a test for reviewers. Never trained on.

    ``truth`` holds policy slug to true or false for each policy judged.
    """

    revision = models.OneToOneField("ContentRevision", on_delete=models.PROTECT, related_name="golden")
    truth = models.JSONField()
    is_active = models.BooleanField(default=True, help_text="Mixed in among cases to test their reviewers.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"golden item {self.pk}"

    @property
    def known(self) -> list[str]:
        """The policies the text is known to violate."""
        return sorted(slug for slug, violates in self.truth.items() if violates)
