"""Logistic regression whose slopes cannot be negative: a score that rises may never lower what is made of it."""

from __future__ import annotations

import numpy as np

from ml.features import Floats


def fit_rising(features: Floats, labels: Floats, weights: Floats, *, ridge: float = 1e-3) -> tuple[float, Floats]:
    """Return intercept and slopes (n_features,) >= 0 of the weighted maximum-likelihood fit, lightly shrunk.

    `features` is (n, n_features), `labels` (n,) of 0 and 1, `weights` (n,) >= 0. Raises `ValueError` where one of the
    two classes is missing.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    if not 0.0 < float(labels @ weights) < float(weights.sum()):
        raise ValueError("both classes are needed to fit a logistic regression")
    scale = features.std(axis=0) + 1e-9
    scaled, share = features / scale, weights / weights.sum()

    def loss(found: Floats) -> tuple[float, Floats]:
        logits = found[0] + scaled @ found[1:]
        value = share @ (np.logaddexp(0.0, logits) - labels * logits) + ridge * found[1:] @ found[1:]
        slope = share * (expit(logits) - labels)
        return float(value), np.concatenate([[slope.sum()], scaled.T @ slope + 2.0 * ridge * found[1:]])

    count = features.shape[1]
    found = minimize(
        loss,
        np.r_[0.0, np.full(count, 0.1)],
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), *[(0.0, None)] * count],
    )
    return float(found.x[0]), np.asarray(found.x[1:] / scale)
