"""Making decided cases findable by what they are like."""

from moderation.learning.likeness import sketch_of
from moderation.models import Decision, Evidence, Precedent


def remember(decision: Decision, evidence: Evidence) -> None:
    """Keep the sketch of what was decided, once a case and wording. Call it in the decision's transaction."""
    sketch = sketch_of(evidence.revision)
    row = Precedent(case=decision.case, revision=evidence.revision, sketch=sorted({*sketch.bands, *sketch.marks}))
    Precedent.objects.bulk_create([row], ignore_conflicts=True)
