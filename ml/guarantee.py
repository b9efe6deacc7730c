"""Automation thresholds whose precision is guaranteed: learn-then-test on random-audit samples.

The question of one threshold t: is the share of violations among what scores at least t at or above p0? With the
sampling probability q of each audited text and its weight w = 1/q, the precision is at most p0 exactly where

    E[X] <= 0,   X = w * (violates - p0) * 1(score >= t),

because weighting by 1/q undoes the sampling (Horvitz & Thompson 1952): the ratio has become one bounded mean, and
a one-sided test of a bounded mean applies, with no normal approximation and no variance estimated.

The test bets against E[X] <= 0 (Waudby-Smith & Ramdas 2024). With a bound W known beforehand of the weights of texts
that score t or more (the audit may draw those more often than others), X is at least -W * p0, so for a stake c in
(0, 1) the capital prod(1 + c * X / (W * p0)) never goes below zero. For independent samples its expectation is at
most 1 if the mean of the E[X_i] is at most 0: by the inequality of the means
prod(1 + c * m_i) <= (1 + c * mean(m_i))^n <= 1. So the samples need not be identically distributed: it holds for
texts drawn from a changing stream, and for a fixed stock of texts sampled one by one (Poisson sampling), where near
duplicates do no harm. The stakes are fixed and their capitals averaged, hence no order among the samples either; by
Markov's inequality 1 / average capital is a p-value at every sample size.

Thresholds are tested from strict to loose with the error of the whole shared among them, and what a rejected one
had passes on to the next (Angelopoulos et al. 2021, Learn then Test: fixed-sequence testing; in the form of the
fallback procedure of Wiens 2003, where every threshold is a starting point). All the error on the strictest would be
the classic walk, which ends at once where few texts score that high; so it can start wherever texts are. The grid must
be fixed before the samples are looked at.
Recalibrations share one error budget: the k-th spends 6 / (pi^2 k^2) of it, and these sum to all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STAKES = (np.arange(40) + 0.5) / 40.0  # a uniform mixture: no guess at the true precision is needed
GRID_STEPS = 24
_BISECTIONS = 20  # to a millionth


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What a calibration found.

    `threshold` is the loosest score (probability) whose precision is promised, `None` if the samples promise none.
    `lower_bound` is the one-sided confidence bound of the precision at this threshold alone, at the error the
    threshold was tested at; what is promised of the whole procedure is `precision`. `n` counts the samples at or
    above the threshold (all samples where there is none) and `delta_spent` is this calibration's part of the error.
    """

    threshold: float | None
    lower_bound: float | None
    precision: float
    n: int
    delta_spent: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What `runs` simulated calibrations came to.

    `found` of them gave a threshold; in `broken` of them its true precision was below the promise, which may
    happen in a share `delta` of all runs. `share_automated` is the mean share of violations at or above the
    threshold where one was found, `None` where none was.
    """

    runs: int
    found: int
    broken: int
    delta: float
    share_automated: float | None

    @property
    def kept(self) -> bool:
        """Whether `broken / runs` is at most `delta` within three standard errors."""
        return self.broken / self.runs <= self.delta + 3.0 * math.sqrt(self.delta * (1.0 - self.delta) / self.runs)


def delta_of_recalibration(delta: float, number: int) -> float:
    """Return the error that the `number`-th calibration (from 1) may spend of the budget `delta` of all of them.

    Raises `InputError` where `delta` is not strictly between 0 and 1 or `number` is below 1.
    """
    _between_0_and_1("the error", delta)
    if number < 1:
        raise InputError("recalibrations are counted from 1")
    return delta * 6.0 / (math.pi * number) ** 2


def grid_from(loosest: float, *, strictest: float = 0.9995, steps: int = GRID_STEPS) -> Floats:
    """Return `steps` thresholds (steps,), strict to loose, evenly spaced in log odds from `strictest` to `loosest`.

    A model whose recommended threshold is stricter than `strictest` gets that one threshold. Raises `InputError`
    where a bound is not strictly between 0 and 1.
    """
    _between_0_and_1("a threshold", loosest)
    _between_0_and_1("a threshold", strictest)
    if loosest >= strictest:
        return np.array([loosest])
    first, last = (math.log(bound) - math.log1p(-bound) for bound in (strictest, loosest))
    return _sigmoid(np.linspace(first, last, steps))


def calibrate(
    scores: Floats,
    violates: Bools,
    probabilities: Floats,
    *,
    grid: Floats,
    precision: float,
    delta: float,
    smallest_probability: float | Floats,
) -> Guarantee:
    """Return the loosest threshold of `grid` whose precision is at least `precision`, wrongly in `delta` of cases.

    `scores` (n,) are probabilities, `violates` (n,) what people judged, `probabilities` (n,) the chance with which
    each text was drawn. `smallest_probability` is the smallest chance that the audit gives to any text, drawn or
    not, that scores at or above a threshold, one number or one a threshold (m,): a property of the design, never
    taken from the samples, or the weights' bound would depend on the draw.
    `grid` (m,) holds strictly falling thresholds chosen without a look at these labels. Raises `InputError`
    where shapes differ, a value is out of its range, or a text was drawn with less than the smallest probability.
    """
    _check_samples(scores, violates, probabilities, grid)
    _between_0_and_1("the precision", precision)
    _between_0_and_1("the error", delta)
    order = np.argsort(-scores, kind="stable")
    truth, chances = violates[order], probabilities[order]
    above = np.searchsorted(-scores[order], -grid, side="right")
    floors = np.broadcast_to(np.asarray(smallest_probability, dtype=np.float64), grid.shape)
    _check_design(chances, above, floors)
    reached = _walk(_evidence(truth, chances, above, floors, precision), delta)
    if reached is None:
        return _none_found(precision, delta, int(scores.size))
    place, level = reached
    n = int(above[place])
    bound = _lower_bound(truth[:n], floors[place] / chances[:n], precision, level)
    return _found(float(grid[place]), bound, precision, n, delta)


def simulate(
    runs: int = 1000,
    *,
    precision: float = 0.955,
    delta: float = 0.05,
    deviation: float = 3.0,
    offset: float = 0.0,
    population: int = 20_000,
    audit_rates: tuple[float, float] = (0.02, 0.5),
    seed: int = 0,
) -> Simulation:
    """Calibrate `runs` times on simulated traffic of known truth and count the promises that were broken.

    A text's logit is normal around -2 with that `deviation`; it violates with probability `sigmoid(logit + offset)`
    (the grid reaches down to 0.3, where the precision is far below the promise). Texts
    that score below 0.5 are audited with the first rate, the others with the second, independently. The true
    precision is that of the distribution, integrated; as preset, one threshold's is 0.954, where a promise of 0.955
    is most easily broken. Deterministic in `seed`.
    """
    random = np.random.default_rng(seed)
    grid = grid_from(0.3)
    floors = np.where(grid < 0.5, min(audit_rates), audit_rates[1])
    truths = _true_precisions(grid, deviation, offset)
    found, broken, automated = 0, 0, []
    for _ in range(runs):
        logits = random.normal(-2.0, deviation, population)
        rates = np.where(logits < 0.0, *audit_rates)
        drawn = random.random(population) < rates
        logits, rates = logits[drawn], rates[drawn]
        violates = random.random(logits.size) < _sigmoid(logits + offset)
        result = calibrate(
            _sigmoid(logits),
            violates,
            rates,
            grid=grid,
            precision=precision,
            delta=delta,
            smallest_probability=floors,
        )
        if result.threshold is not None:
            place = int(np.flatnonzero(grid == result.threshold)[0])
            found += 1
            broken += int(truths[place, 0] < precision)
            automated.append(float(truths[place, 1]))
    return Simulation(runs, found, broken, delta, float(np.mean(automated)) if automated else None)


def _check_samples(scores: Floats, violates: Bools, probabilities: Floats, grid: Floats) -> None:
    if scores.ndim != 1 or scores.shape != violates.shape or scores.shape != probabilities.shape:
        raise InputError("scores, judgements and sampling probabilities must be vectors of one length")
    if not (np.isfinite(scores).all() and np.all((probabilities > 0.0) & (probabilities <= 1.0))):
        raise InputError("scores must be finite, and sampling probabilities above 0 and at most 1")
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.diff(grid) < 0.0):
        raise InputError("the grid must hold thresholds from strict to loose")


def _check_design(chances: Floats, above: NDArray[np.int64], floors: Floats) -> None:
    """Refuse samples that the audit's design excludes; `chances` (n,) are in the order of falling scores."""
    if not np.all((floors > 0.0) & (floors <= 1.0)):
        raise InputError("the smallest sampling probability must be above 0 and at most 1")
    lowest = np.minimum.accumulate(np.concatenate([[1.0], chances]))
    if np.any(lowest[above] < floors):
        raise InputError("a text was drawn with less than the smallest sampling probability of the audit's design")


def _between_0_and_1(what: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise InputError(f"{what} must be strictly between 0 and 1")


def _evidence(truth: Bools, chances: Floats, above: NDArray[np.int64], floors: Floats, precision: float) -> Floats:
    """Return the log capital against each threshold, (m,)."""
    evidence = np.zeros(above.size)
    for floor in np.unique(floors):
        rows = floors == floor
        n = int(above[rows].max())
        evidence[rows] = _log_capitals(truth[:n], floor / chances[:n], precision)[above[rows]]
    return evidence


def _log_capitals(truth: Bools, shares: Floats, precision: float) -> Floats:
    """Return the log of the averaged capital after each of the first 0 to n samples, (n + 1,).

    `shares` (n,) are the weights over their bound.
    """
    capitals = np.vstack([np.zeros(STAKES.size), np.cumsum(_steps(truth, shares, precision), axis=0)])
    return np.asarray(np.logaddexp.reduce(capitals, axis=1) - math.log(STAKES.size))


def _steps(truth: Bools, shares: Floats, precision: float) -> Floats:
    """Return what each sample adds to the log capital of each stake, (n, k)."""
    gains = shares * (truth - precision) / precision
    return np.asarray(np.log1p(gains[:, None] * STAKES))


def _walk(evidence: Floats, delta: float) -> tuple[int, float] | None:
    """Return the loosest place rejected and the error it was tested at, `None` if there is none.

    `evidence` (m,) is the log capital against each threshold, strict to loose.
    """
    share = delta / evidence.size
    level, reached = 0.0, None
    for place, capital in enumerate(evidence.tolist()):
        level += share
        if capital >= -math.log(level):
            reached = (place, level)
        else:
            level = 0.0
    return reached


def _lower_bound(truth: Bools, shares: Floats, precision: float, level: float) -> float:
    """Return the highest precision that the samples reject at `level`, at least `precision`, which they do reject.

    The capital falls as the precision tested rises, so bisection finds it.
    """
    low, high = precision, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        capital = np.logaddexp.reduce(_steps(truth, shares, middle).sum(axis=0)) - math.log(STAKES.size)
        if capital >= -math.log(level):
            low = middle
        else:
            high = middle
    return low


def _found(threshold: float, lower_bound: float, precision: float, n: int, delta: float) -> Guarantee:
    sentence = (
        f"From a score of {threshold:.4f} on, at least {precision:.1%} are violations: {n} audited texts bear it out, "
        f"and a calibration like this one is wrong at most once in {1.0 / delta:.0f}."
    )
    return Guarantee(threshold, lower_bound, precision, n, delta, sentence)


def _none_found(precision: float, delta: float, n: int) -> Guarantee:
    sentence = (
        f"The {n} audited texts promise a precision of {precision:.1%} at no score: "
        "the model is not that precise, or too few texts with high scores were audited."
    )
    return Guarantee(None, None, precision, n, delta, sentence)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def _true_precisions(grid: Floats, deviation: float, offset: float) -> Floats:
    """Return the precision of each threshold and the share of violations at or above it, (m, 2), by integration."""
    logits = np.linspace(-2.0 - 9.0 * deviation, -2.0 + 9.0 * deviation, 400_001)
    density = np.exp(-0.5 * ((logits + 2.0) / deviation) ** 2)
    violating = density * _sigmoid(logits + offset)
    tails = np.cumsum(np.stack([density, violating])[:, ::-1], axis=1)[:, ::-1]
    places = np.searchsorted(logits, np.log(grid) - np.log1p(-grid))
    return np.stack([tails[1, places] / tails[0, places], tails[1, places] / tails[1, 0]], axis=1)
