"""Sketches of texts, by which similar ones are found again."""

from dataclasses import dataclass

from ml import likeness, sampling
from moderation.models import ContentRevision, PolicyPrediction
from moderation.selectors.explanations import quotes_of


@dataclass(frozen=True, slots=True)
class Sketch:
    """The numbers a text is found by: those of its own trigrams, and those of what the model reacted to in it."""

    bands: list[int]
    marks: list[int]


def sketch_of(revision: ContentRevision) -> Sketch:
    """The revision's sketch, from its text and the strongest phrases of the policies it was flagged for."""
    rows = PolicyPrediction.objects.filter(
        prediction__revision=revision, prediction__model_version__promoted_at__isnull=False, flagged=True
    )
    quotes = {
        quote for spans in rows.values_list("attributions", flat=True) for quote in quotes_of(revision.text, spans)
    }
    return Sketch(likeness.bands(revision.text), likeness.marks(quotes))


def near_duplicate_bands(text: str) -> list[int]:
    """The near-duplicate bands of a text that need not be any content's."""
    return list(sampling.minhash_bands(text))
