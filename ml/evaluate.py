"""How good a model is, and whether a candidate may take the champion's place.

Calibration figures (Brier score, expected calibration error) are taken at the share of positives that the
examples themselves have: a model states probabilities for its declared prevalence, and on a set that was
gathered to be half abuse they would otherwise show nothing but that shift (Saerens et al. 2002).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.features import Floats
from ml.model import Model
from ml.schemas import Example

Bools = NDArray[np.bool_]

ECE_BINS = 15


def average_precision(labels: Bools, scores: Floats, weights: Floats | None = None) -> float | None:
    """Return average precision (area under the step-wise precision-recall curve), `None` without positives.

    Ties count as one step, as in scikit-learn's `average_precision_score`.
    """
    hits, misses, _ = _curve(labels, scores, weights)
    if hits.size == 0 or hits[-1] == 0:
        return None
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / (hits + misses)) / hits[-1])


def roc_auc(labels: Bools, scores: Floats) -> float | None:
    """Return the area under the ROC curve, `None` where one of the two classes is missing."""
    hits, misses, _ = _curve(labels, scores, None)
    if hits.size == 0 or hits[-1] == 0 or misses[-1] == 0:
        return None
    heights = (hits + np.concatenate([[0.0], hits[:-1]])) / 2.0
    return float(np.sum(np.diff(misses, prepend=0.0) * heights) / (hits[-1] * misses[-1]))


def recall_at_precision(labels: Bools, scores: Floats, precision: float) -> float | None:
    """Return the highest recall of any threshold with at least `precision`; `None` without positives."""
    hits, misses, _ = _curve(labels, scores, None)
    if hits.size == 0 or hits[-1] == 0:
        return None
    good = hits / (hits + misses) >= precision
    return float(hits[good].max() / hits[-1]) if good.any() else 0.0


def expected_calibration_error(labels: Bools, probabilities: Floats) -> float:
    """Return the mean gap between stated and seen frequency over 15 bins of equal width (Guo et al. 2017)."""
    bins = np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    stated = np.bincount(bins, probabilities, ECE_BINS)
    seen = np.bincount(bins, labels.astype(np.float64), ECE_BINS)
    return float(np.abs(stated - seen).sum() / labels.size)


def log_odds(share: float) -> float:
    """Return the log odds of a share strictly between 0 and 1."""
    return float(np.log(share) - np.log1p(-share))


def probabilities_at(logits: Floats, share: float, declared: float) -> Floats:
    """Return probabilities (n,) of logits stated at prevalence `declared`, for prevalence `share`."""
    shifted = logits + log_odds(share) - log_odds(declared)
    return np.asarray(np.exp(-np.logaddexp(0.0, -shifted)))


def _curve(labels: Bools, scores: Floats, weights: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Return weighted true and false positives at every distinct threshold, falling, and the thresholds."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    mass = np.ones(labels.size) if weights is None else weights[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if ranked.size else np.array([], int)
    truth = labels[order]
    hits = np.cumsum(mass * truth)[ends]
    misses = np.cumsum(mass * ~truth)[ends]
    return hits, misses, ranked[ends]
