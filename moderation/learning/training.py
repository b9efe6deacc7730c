"""Candidates: trained from a frozen training set, judged by gates against the champion."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from ml import datasets, gates
from ml.errors import TrainingError
from ml.model import Model
from ml.schemas import Example, GateResult
from moderation.enums import Split
from moderation.errors import TrainingFailed
from moderation.models import GoldenItem, TrainingSet

__all__ = [
    "Example",
    "GateResult",
    "base_test_examples",
    "examples_of",
    "golden_examples",
    "promotable",
    "run_gates",
    "train_candidate",
]


def examples_of(training_set: TrainingSet) -> list[Example]:
    """The training set's texts with their labels, one example a revision; an erased text is left out."""
    items = (
        training_set.items.select_related("label__revision", "label__policy", "label__evidence__prediction")
        .exclude(label__revision__erased_at__isnull=False)
        .order_by("label__revision_id", "label__policy_id")
    )
    labels: dict[int, dict[str, bool]] = {}
    first: dict[int, Example] = {}
    for item in items:
        label = item.label
        revision = label.revision
        if label.value is None:
            continue
        labels.setdefault(revision.pk, {})[label.policy.slug] = label.value
        prediction = label.evidence.prediction
        first.setdefault(
            revision.pk,
            Example(
                text=revision.text,
                labels=labels[revision.pk],
                weight=label.weight,
                context=_numbers(prediction.context) if prediction else None,
                group=str(revision.group_id),
                split=item.split,
                source="decisions",
            ),
        )
    return list(first.values())


def golden_examples() -> list[Example]:
    """Every golden item's text with its known truth; never trained on."""
    return [
        Example(text=item.revision.text, labels=item.truth, split=Split.TEST, source="golden")
        for item in GoldenItem.objects.select_related("revision").filter(revision__erased_at__isnull=True)
    ]


def base_test_examples() -> list[Example]:
    """The held-out parts of the base data where ``EVENHAND_BASE_DATA`` names a folder, else none."""
    if not settings.BASE_DATA:
        return []
    return datasets.held_out(Path(settings.BASE_DATA))


def train_candidate(champion: Model, examples: Sequence[Example], *, seed: int) -> Model:
    """Continue from the champion on the examples' train side, pulled towards its weights (L2).

    Raises ``TrainingFailed`` if nothing on that side has a label the champion knows.
    """
    from ml import train  # scipy comes with it, which processes that train nothing do without

    train_side = [example for example in examples if example.split == Split.TRAIN]
    try:
        return train.continue_from(champion, train_side, seed=seed)
    except TrainingError as error:
        raise TrainingFailed(f"The labels cannot train a candidate: {error}.") from error


def run_gates(champion: Model, candidate: Model, examples: Sequence[Example], *, seed: int) -> list[GateResult]:
    """Compare candidate and champion on labels' test side, golden items and the base data where configured."""
    test_side = [example for example in examples if example.split == Split.TEST]
    return gates.gates(
        champion,
        candidate,
        [*test_side, *base_test_examples()],
        golden_examples(),
        learnt_from=[example for example in examples if example.split == Split.TRAIN],
        seed=seed,
    )


def promotable(results: Sequence[GateResult]) -> tuple[bool, str]:
    """Whether the gates allow promotion without a person, and one sentence why."""
    return gates.promotable(list(results))


def _numbers(context: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in context.items() if value is not None}
