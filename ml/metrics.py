"""Figures of scores against labels in numpy alone, their bootstrap intervals, and calibration beyond chance.

In every signature `labels` is (n,) of booleans, `scores` (n,) in any unit that rises with suspicion, `probabilities`
(n,) between 0 and 1, and `weights` (n,) of at least 0, by default all 1. A figure that the rows cannot give is `None`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Metric = Callable[[Bools, Floats, Floats | None], float | None]
"""A figure of labels and scores (or probabilities) under weights."""

ECE_BINS = 15
RESAMPLES = 1000
LEVEL = 0.95
_MIN_RESAMPLES = 20  # an interval of fewer resamples in which the figure exists says nothing


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the ends of its 95 % bootstrap percentile interval, `None` where it could not be had."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error beside what a perfectly calibrated model shows on as many rows.

    `chance` is the mean error of such a model, `chance_high` its 95 % quantile, `excess = ece - chance`: about 0 for a
    calibrated model, and beyond chance where `ece > chance_high`.
    """

    ece: float
    chance: float
    chance_high: float
    excess: float


def average_precision(labels: Bools, scores: Floats, weights: Floats | None = None) -> float | None:
    """Return average precision (area under the step-wise precision-recall curve), `None` without positives.

    Ties count as one step, as in scikit-learn's `average_precision_score`.
    """
    hits, misses = _curve(labels, scores, weights)
    if hits.size == 0 or hits[-1] == 0:
        return None
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / (hits + misses)) / hits[-1])


def roc_auc(labels: Bools, scores: Floats, weights: Floats | None = None) -> float | None:
    """Return the area under the ROC curve, `None` where one of the two classes is missing."""
    hits, misses = _curve(labels, scores, weights)
    if hits.size == 0 or hits[-1] == 0 or misses[-1] == 0:
        return None
    heights = (hits + np.concatenate([[0.0], hits[:-1]])) / 2.0
    return float(np.sum(np.diff(misses, prepend=0.0) * heights) / (hits[-1] * misses[-1]))


def recall_at_precision(labels: Bools, scores: Floats, precision: float, weights: Floats | None = None) -> float | None:
    """Return the highest recall of any threshold with at least `precision`; `None` without positives."""
    hits, misses = _curve(labels, scores, weights)
    if hits.size == 0 or hits[-1] == 0:
        return None
    good = hits / (hits + misses) >= precision
    return float(hits[good].max() / hits[-1]) if good.any() else 0.0


def recall_at_95_precision(labels: Bools, scores: Floats, weights: Floats | None = None) -> float | None:
    """Return `recall_at_precision` for a precision of 0.95."""
    return recall_at_precision(labels, scores, 0.95, weights)


def precision_at(labels: Bools, scores: Floats, threshold: float, weights: Floats | None = None) -> float | None:
    """Return the share of positives among scores of at least `threshold`, `None` where there is none."""
    flags = scores >= threshold
    flagged = _total(flags, weights)
    return _total(flags & labels, weights) / flagged if flagged else None


def recall_at(labels: Bools, scores: Floats, threshold: float, weights: Floats | None = None) -> float | None:
    """Return the share of positives that score at least `threshold`, `None` without positives."""
    positives = _total(labels, weights)
    return _total((scores >= threshold) & labels, weights) / positives if positives else None


def f1_at(labels: Bools, scores: Floats, threshold: float, weights: Floats | None = None) -> float | None:
    """Return the harmonic mean of precision and recall at `threshold`, `None` without positives."""
    positives = _total(labels, weights)
    flags = scores >= threshold
    return 2.0 * _total(flags & labels, weights) / (positives + _total(flags, weights)) if positives else None


def brier(labels: Bools, probabilities: Floats, weights: Floats | None = None) -> float | None:
    """Return the mean squared distance of probability and label (Brier 1950), `None` without rows."""
    return float(np.average((probabilities - labels) ** 2, weights=weights)) if labels.size else None


def expected_calibration_error(labels: Bools, probabilities: Floats, weights: Floats | None = None) -> float:
    """Return the mean gap between stated and seen frequency over 15 bins of equal width (Guo et al. 2017)."""
    mass = np.ones(labels.size) if weights is None else weights
    gaps = np.bincount(_bins(probabilities), mass * (probabilities - labels), ECE_BINS)
    return float(np.abs(gaps).sum() / mass.sum())


def reliability(labels: Bools, probabilities: Floats) -> list[tuple[float, float, int]]:
    """Return mean stated probability, share of positives and number of rows of every non-empty bin, rising."""
    bins = _bins(probabilities)
    counts = np.bincount(bins, minlength=ECE_BINS)
    stated = np.bincount(bins, probabilities, ECE_BINS)
    seen = np.bincount(bins, labels.astype(np.float64), ECE_BINS)
    return [
        (float(stated[place] / counts[place]), float(seen[place] / counts[place]), int(counts[place]))
        for place in np.flatnonzero(counts)
    ]


def calibration(labels: Bools, probabilities: Floats, *, seed: int = 0, simulations: int = RESAMPLES) -> Calibration:
    """Return the calibration error and how much of it chance explains.

    Even the truth shows an error on finitely many rows. What it shows here is simulated: `simulations` times, labels
    are drawn from the stated probabilities themselves (Bröcker & Smith 2007, consistency resampling). The same seed
    gives the same figures. Raises `ValueError` without rows.
    """
    if not labels.size:
        raise ValueError("calibration needs rows")
    random = np.random.default_rng(seed)
    drawn = np.array(
        [
            expected_calibration_error(random.random(labels.size) < probabilities, probabilities)
            for _ in range(simulations)
        ]
    )
    ece = expected_calibration_error(labels, probabilities)
    chance = float(drawn.mean())
    return Calibration(ece, chance, float(np.quantile(drawn, LEVEL)), ece - chance)


def bootstrap(metric: Metric, labels: Bools, scores: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Return `metric` of the rows with its percentile interval over rows drawn anew (Efron & Tibshirani 1993).

    Resamples in which the figure does not exist are left out; where fewer than 20 remain there is no interval. The
    interval of an error that is never negative (calibration error) lies too high: see `calibration` for its chance
    level. The same seed gives the same interval.
    """
    order = np.argsort(-scores, kind="stable")  # sorted once, every resample is a matter of weights
    truth, ranked = labels[order], scores[order]
    value = metric(truth, ranked, None) if truth.size else None
    if value is None:
        return Estimate(None)
    random = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(resamples):
        drawn = random.integers(0, truth.size, truth.size)
        again = metric(truth, ranked, np.bincount(drawn, minlength=truth.size).astype(np.float64))
        if again is not None:
            found.append(again)
    return Estimate(value, *_interval(found))


def bootstrap_mean(values: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Return the mean of `values` (n,) with its percentile interval; no figure without values."""
    if not values.size:
        return Estimate(None)
    drawn = np.random.default_rng(seed).integers(0, values.size, (resamples, values.size))
    return Estimate(float(values.mean()), *_interval(list(values[drawn].mean(axis=1))))


def bootstrap_ratio(above: Floats, below: Floats, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Return `sum(above) / sum(below)` of paired values (n,) with its percentile interval over pairs drawn anew."""
    if not below.sum():
        return Estimate(None)
    drawn = np.random.default_rng(seed).integers(0, below.size, (resamples, below.size))
    tops, bottoms = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    kept = bottoms > 0
    return Estimate(float(above.sum() / below.sum()), *_interval(list(tops[kept] / bottoms[kept])))


def log_odds(share: float) -> float:
    """Return the log odds of a share strictly between 0 and 1."""
    return float(np.log(share) - np.log1p(-share))


def logit_of(threshold: float) -> float:
    """Return the logit at which a score reaches `threshold`: infinite for 0 and 1."""
    if threshold <= 0.0:
        return -np.inf
    return np.inf if threshold >= 1.0 else log_odds(threshold)


def probabilities_at(logits: Floats, share: float, declared: float) -> Floats:
    """Return probabilities (n,) of logits stated at prevalence `declared`, for prevalence `share`."""
    shifted = logits + log_odds(share) - log_odds(declared)
    return np.asarray(np.exp(-np.logaddexp(0.0, -shifted)))


def precision_recall_curve(labels: Bools, scores: Floats) -> list[tuple[float, float]]:
    """Return recall and precision at every distinct threshold, highest threshold first; empty without positives."""
    hits, misses = _curve(labels, scores, None)
    if hits.size == 0 or hits[-1] == 0:
        return []
    return list(zip((hits / hits[-1]).tolist(), (hits / (hits + misses)).tolist(), strict=True))


def _curve(labels: Bools, scores: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return weighted true and false positives at every distinct threshold, highest first."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    mass = np.ones(labels.size) if weights is None else weights[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if ranked.size else np.array([], int)
    truth = labels[order]
    hits = np.cumsum(mass * truth)[ends]
    misses = np.cumsum(mass * ~truth)[ends]
    return hits[hits + misses > 0.0], misses[hits + misses > 0.0]


def _bins(probabilities: Floats) -> NDArray[np.int64]:
    return np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def _total(members: Bools, weights: Floats | None) -> float:
    return float(members.sum() if weights is None else weights[members].sum())


def _interval(found: list[float]) -> tuple[float | None, float | None]:
    if len(found) < _MIN_RESAMPLES:
        return None, None
    low, high = np.quantile(found, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return float(low), float(high)
