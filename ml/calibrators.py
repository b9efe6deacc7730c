"""Calibrations beside the one that is shipped, to see what it leaves: isotonic and beta.

Neither is affine in the logit, so neither can be folded into the weights of an additive model (`ml.calibrate`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.optimize

from ml.metrics import Bools, Floats

Calibrator = Callable[[Floats], Floats]
"""Logits (n,) to probabilities (n,)."""

_LEAST = 1e-9


def isotonic(logits: Floats, labels: Bools) -> Calibrator:
    """Return the best rising step function, linear between its steps (Zadrozny & Elkan 2002)."""
    order = np.argsort(logits, kind="stable")
    found = scipy.optimize.isotonic_regression(labels[order].astype(np.float64))
    at, means = logits[order], np.asarray(found.x)
    return lambda given: np.asarray(np.interp(given, at, means))


def beta(logits: Floats, labels: Bools) -> Calibrator:
    """Return log odds `a ln p - b ln(1 - p) + c` of the stated p, a and b at least 0 (Kull et al. 2017)."""

    def sides(given: Floats) -> tuple[Floats, Floats]:
        return -np.logaddexp(0.0, -given), np.logaddexp(0.0, given)

    left, right = sides(logits)

    def loss(point: Floats) -> tuple[float, Floats]:
        final = point[0] * left + point[1] * right + point[2]
        gap = np.exp(-np.logaddexp(0.0, -final)) - labels
        total = float(np.mean(np.logaddexp(0.0, final) - labels * final))
        return total, np.array([gap @ left, gap @ right, gap.sum()]) / labels.size

    bounds = [(0.0, None), (0.0, None), (None, None)]
    a, b, c = scipy.optimize.minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x

    def calibrated(given: Floats) -> Floats:
        above, below = sides(given)
        return np.asarray(np.exp(-np.logaddexp(0.0, -(a * above + b * below + c))).clip(_LEAST, 1.0 - _LEAST))

    return calibrated
