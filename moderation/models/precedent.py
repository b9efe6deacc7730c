"""Where decided cases are found again by what they are like."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from moderation.models.case import Case
from moderation.models.content import ContentRevision


class Precedent(models.Model):
    """A decided case's wording as a sketch (see ``ml.likeness``): no text; the decision stands in its case."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="precedents")
    revision = models.ForeignKey(ContentRevision, on_delete=models.CASCADE, related_name="+")
    sketch = ArrayField(models.IntegerField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "revision"], name="precedent_once_a_wording")]
        indexes = [GinIndex(fields=["sketch"], name="precedent_sketch_idx", fastupdate=False)]

    def __str__(self) -> str:
        return f"precedent {self.pk}"
