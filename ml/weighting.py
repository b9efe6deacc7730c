"""How much each label counts: undoing how labels were chosen, balancing classes, sharing out among sources.

Labels come from a queue, which is no fair sample: what the champion was sure about is hardly in it. A text that was
labelled with probability p stands for 1/p texts (Horvitz & Thompson 1952), so losses and figures weighted by
1/p are those of everything that could have been chosen; dividing by the sum of weights (Hájek 1971) makes
them independent of the scale of p, at a bias of order 1/n.

**Bias against variance.** One rare text of weight 1,000 can be all that a model learns from. Weights are therefore
clipped. What is clipped off is bias towards the sample as it was drawn; what it buys is variance, seen in
`effective_size`. Clipping at `sqrt(n)` times the mean (Ionides 2008) lets the bias vanish as labels grow.
A probability of zero cannot be undone by any weight: texts that are never sampled must be sampled at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError
from ml.schemas import Example

Floats = NDArray[np.float64]


def importance_weights(probabilities: Sequence[float] | Floats, *, largest: float | None = None) -> Floats:
    """Return a weight for each label, (n,), that sums to n: `1/p`, clipped at `largest` times the mean of `1/p`.

    `probabilities` (n,) are those with which each labelled text was chosen, in (0, 1]. `largest` is at least 1; by
    default `sqrt(n)`. 1 weights all labels alike unless they are rarer than the mean; infinity clips nothing. Raises
    `InputError` for a probability outside (0, 1] or a `largest` below 1.
    """
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != 1 or not np.all((chances > 0.0) & (chances <= 1.0)):
        raise InputError("sampling probabilities must be a row of numbers above 0 and at most 1")
    limit = max(1.0, float(np.sqrt(chances.size))) if largest is None else largest
    if not limit >= 1.0:
        raise InputError("largest must be at least 1")
    if chances.size == 0:
        return chances
    weights = 1.0 / chances
    clipped = np.minimum(weights, limit * weights.mean())
    return np.asarray(clipped / clipped.mean())


def weighted_examples(
    examples: Sequence[Example], probabilities: Sequence[float] | Floats, *, largest: float | None = None
) -> list[Example]:
    """Return the examples, their weights multiplied by `importance_weights`, on average 1, of `probabilities` (n,).

    Errors as `importance_weights`, and where there is not one probability an example.
    """
    weights = importance_weights(probabilities, largest=largest)
    if weights.size != len(examples):
        raise InputError(f"{len(examples)} examples came with {weights.size} sampling probabilities")
    return [
        replace(example, weight=example.weight * float(weight))
        for example, weight in zip(examples, weights, strict=True)
    ]


def effective_size(weights: Floats) -> float:
    """Return how many equally weighted labels would be as certain, between 1 and n (Kish 1965); 0 for none."""
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def balanced(labels: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return weights (n,) in which the rarer class weighs more, by the square root of how much rarer it is."""
    positive = float(weights[labels].sum())
    negative = float(weights[~labels].sum())
    half = (positive + negative) / 2.0
    return np.asarray(weights * np.where(labels, np.sqrt(half / positive), np.sqrt(half / negative)))


def shared_out(weights: Floats, served: NDArray[np.bool_], share: float) -> Floats:
    """Return weights (n,) in which the texts like those served sum to `share` of what all others sum to."""
    if not served.any() or served.all():
        return weights
    factor = share * float(weights[~served].sum()) / float(weights[served].sum())
    return np.asarray(np.where(served, weights * factor, weights))
