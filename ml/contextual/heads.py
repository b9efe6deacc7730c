"""Linear heads on frozen embeddings: how the second reader learns from decisions without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import TrainingError
from ml.features import Floats

_FEWEST = 10  # labels of either kind without which a head stays as it is


@dataclass(frozen=True, slots=True)
class Heads:
    """One logit a policy: `embeddings @ weights + intercept`; `weights` is (width, n_policies) in float32."""

    policies: tuple[str, ...]
    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def logits(self, embeddings: NDArray[np.float32]) -> Floats:
        """Return logits (n, n_policies) of `embeddings` (n, width)."""
        return np.asarray(embeddings @ self.weights + self.intercept, dtype=np.float64)


def refit(
    heads: Heads,
    embeddings: NDArray[np.float32],
    labels: Sequence[Mapping[str, bool]],
    weights: Sequence[float] | None = None,
    *,
    strength: float = 1.0,
) -> Heads:
    """Return heads that start from `heads` and follow `labels`, a policy each text.

    A policy's new head is the old logit (slope and intercept refitted) plus a correction on the embedding, shrunk to
    nothing by an L2 penalty of `1 / strength`: few labels move it little. A policy with fewer than ten labels of either
    kind keeps its head. Raises `TrainingError` where rows, labels and weights differ in number.
    """
    if len(embeddings) != len(labels) or (weights is not None and len(weights) != len(labels)):
        raise TrainingError("embeddings, labels and weights must be as many")
    new_weights, new_intercept = heads.weights.copy(), heads.intercept.copy()
    for column, policy in enumerate(heads.policies):
        known = np.flatnonzero([policy in row for row in labels])
        truth = np.array([labels[int(row)][policy] for row in known], dtype=np.int64)
        if min(truth.sum(), len(truth) - truth.sum()) < _FEWEST:
            continue
        weight = None if weights is None else np.array([weights[int(row)] for row in known])
        head = _refit_one(heads.weights[:, column], heads.intercept[column], embeddings[known], truth, weight, strength)
        new_weights[:, column], new_intercept[column] = head
    return Heads(heads.policies, new_weights, new_intercept)


def _refit_one(
    old: NDArray[np.float32],
    intercept: np.float32,
    embeddings: NDArray[np.float32],
    truth: NDArray[np.int64],
    weight: Floats | None,
    strength: float,
) -> tuple[NDArray[np.float32], np.float32]:
    from sklearn.linear_model import LogisticRegression

    before = embeddings @ old + intercept
    centre, spread = embeddings.mean(axis=0), embeddings.std(axis=0) + 1e-6
    # The old logit comes in large, so that the penalty hardly touches its slope.
    columns = np.column_stack([100.0 * before, (embeddings - centre) / spread])
    fitted = LogisticRegression(C=strength / 100.0, max_iter=2000).fit(columns, truth, sample_weight=weight)
    slope, correction = 100.0 * fitted.coef_[0, 0], fitted.coef_[0, 1:] / spread
    weights = (slope * old + correction).astype(np.float32)
    moved = slope * float(intercept) + float(fitted.intercept_[0]) - float(correction @ centre)
    return weights, np.float32(moved)
