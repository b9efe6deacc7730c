"""Learning curves: what more labels are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.errors import TrainingError
from ml.evaluate import labelled, logits_of
from ml.metrics import Estimate, average_precision, bootstrap, roc_auc
from ml.model import Model
from ml.schemas import Example

Fit = Callable[[Sequence[Example]], Model]


@dataclass(frozen=True, slots=True)
class Point:
    """Figures on the test examples of a model fitted on `size` training examples, `positives` of them positive."""

    policy: str
    size: int
    positives: int
    average_precision: Estimate
    roc_auc: Estimate


def learning_curve(
    fit: Fit, policy: str, train: Sequence[Example], test: Sequence[Example], sizes: Sequence[int], *, seed: int = 0
) -> list[Point]:
    """Return a point a size, rising, as far as `train` goes; each sample holds the smaller ones.

    A size that is too small to be fitted (`TrainingError`) is left out.
    """
    rows, labels = labelled(train, policy)
    order = np.random.default_rng(seed).permutation(rows.size)
    points = []
    for size in sorted(size for size in set(sizes) if size <= rows.size):
        try:
            model = fit([train[rows[place]] for place in order[:size]])
        except TrainingError:
            continue
        points.append(_point(model, policy, size, int(labels[order[:size]].sum()), test, seed))
    return points


def _point(model: Model, policy: str, size: int, positives: int, test: Sequence[Example], seed: int) -> Point:
    rows, labels = labelled(test, policy)
    scores = logits_of(model, [test[row] for row in rows])[:, model.column(policy)]
    estimates = [bootstrap(metric, labels, scores, seed=seed) for metric in (average_precision, roc_auc)]
    return Point(policy, size, positives, *estimates)
