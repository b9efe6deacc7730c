"""Both readers' opinions as one calibrated logit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.contextual.logistic import fit_rising
from ml.features import Floats


@dataclass(frozen=True, slots=True)
class Stack:
    """`logit = intercept + first * (first reader's logit) + second * (second's)`; neither slope is negative."""

    intercept: float
    first: float
    second: float

    def logits(self, first: Floats, second: Floats) -> Floats:
        """Return the stacked logits, of the shape of both arguments."""
        return self.intercept + self.first * first + self.second * second


def fit_stack(first: Floats, second: Floats, labels: Floats, weights: Floats | None = None) -> Stack:
    """Return the stack fitted to texts that neither reader was trained on; all arguments are (n,).

    Raises `ValueError` where all labels are equal.
    """
    even = np.ones(len(labels)) if weights is None else weights
    intercept, slopes = fit_rising(np.column_stack([first, second]), labels, even)
    return Stack(intercept, float(slopes[0]), float(slopes[1]))


def stacks_of(manifest: Mapping[str, Mapping[str, float]]) -> dict[str, Stack]:
    """Return the stacks a manifest states, a policy."""
    return {policy: Stack(**{key: float(value) for key, value in item.items()}) for policy, item in manifest.items()}
