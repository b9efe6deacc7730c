"""Making logits log odds: affine, because that folds into the weights of an additive model (Platt 1999)."""

from __future__ import annotations

import numpy as np
import scipy.optimize

from ml.corpus import Bools
from ml.features import Floats
from ml.metrics import log_odds
from ml.weighting import effective_size

_LEAST_SLOPE = 1e-3


def affine(logits: Floats, labels: Bools, weights: Floats) -> tuple[float, float]:
    """Return the positive slope and the offset that make `logits` log odds; all three are (n,).

    `weights` say how much each label counts; only their proportions matter. Targets are drawn in from 0 and 1 by what
    the labels are worth (Kish's effective size of each class), as Platt has it.
    """
    shares = weights / weights.sum()
    positives, negatives = effective_size(weights[labels]), effective_size(weights[~labels])
    targets = np.where(labels, (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0))

    def loss(point: Floats) -> tuple[float, Floats]:
        final = point[0] * logits + point[1]
        gap = shares * (np.exp(-np.logaddexp(0.0, -final)) - targets)
        total = float(shares @ (np.logaddexp(0.0, final) - targets * final))
        return total, np.array([gap @ logits, gap.sum()])

    # Convex in both; the bound keeps the slope positive where scores say nothing.
    start = np.array([1.0, log_odds(base_rate(labels, weights))])
    found = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(_LEAST_SLOPE, None), (None, None)]
    )
    return float(found.x[0]), float(found.x[1])


def base_rate(labels: Bools, weights: Floats) -> float:
    """Return the share of positives, each label counting its weight."""
    return float(weights[labels].sum() / weights.sum())


def shift_to(prevalence: float, labels: Bools, weights: Floats) -> float:
    """Return what takes log odds from the labels' own base rate to `prevalence` (Saerens et al. 2002)."""
    return log_odds(prevalence) - log_odds(base_rate(labels, weights))
