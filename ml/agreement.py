"""How far people agree beyond chance: Cohen's kappa of pairs, Krippendorff's alpha of all, with bootstrap intervals.

Both compare the disagreement seen with the disagreement that chance alone would bring. Kappa (Cohen 1960) takes each
rater's own leanings as chance, alpha (Krippendorff 2011, nominal) those of all raters together, and any number of
them a unit. Intervals are percentile bootstraps over the units (Efron & Tibshirani 1993): a unit is judged as a whole,
so whoever judged it is drawn with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEVEL = 0.95
RESAMPLES = 999
FEWEST_UNITS = 10  # below, an interval would promise more than it holds


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the bounds of its interval at `LEVEL`, from `n` units.

    `None` stands for what these units cannot tell: the figure where everyone always said the same (chance explains
    all), the bounds where there are fewer than `FEWEST_UNITS` units.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def kappa(first: Sequence[str], second: Sequence[str], *, seed: int = 0) -> Estimate:
    """Return Cohen's kappa of two judgements a unit. Raises `InputError` where they are not one a unit each."""
    if len(first) != len(second):
        raise InputError("each unit must have a first and a second judgement")
    if len(first) == 0:
        return Estimate(None, None, None, 0)
    names = sorted({*first, *second})
    places = {name: place for place, name in enumerate(names)}
    size = len(names)
    cells = np.array([places[a] * size + places[b] for a, b in zip(first, second, strict=True)], dtype=np.int64)
    table = np.bincount(cells, minlength=size * size).reshape(1, size, size)
    draws = _resample(cells, size * size, seed).reshape(-1, size, size) if _enough(len(cells)) else None
    return _estimate(_kappas(table), None if draws is None else _kappas(draws), len(cells))


def alpha(ratings: Sequence[Sequence[str]], *, seed: int = 0) -> Estimate:
    """Return Krippendorff's nominal alpha of any number of judgements a unit; units with one are left out."""
    units = [unit for unit in ratings if len(unit) > 1]
    names = sorted({name for unit in units for name in unit})
    counts = np.array([[unit.count(name) for name in names] for unit in units], dtype=np.int64)
    if len(units) == 0 or len(names) < 2:
        return Estimate(None, None, None, len(units))
    draws = None
    if _enough(len(units)):
        random = np.random.default_rng(seed)
        chosen = random.integers(0, len(units), (RESAMPLES, len(units)))
        draws = np.array([_alpha(counts[rows]) for rows in chosen])
    return _estimate(np.array([_alpha(counts)]), draws, len(units))


def share(successes: int, trials: int) -> Estimate:
    """Return a share with its Wilson interval (1927)."""
    from scipy import stats

    if trials == 0:
        return Estimate(None, None, None, 0)
    bounds = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Estimate(successes / trials, float(bounds.low), float(bounds.high), trials)


def _enough(units: int) -> bool:
    return units >= FEWEST_UNITS


def _resample(cells: Counts, size: int, seed: int) -> Counts:
    """The cells' counts in each bootstrap sample: drawing units with replacement is a multinomial draw of cells."""
    shares = np.bincount(cells, minlength=size) / len(cells)
    drawn: Counts = np.random.default_rng(seed).multinomial(len(cells), shares, size=RESAMPLES)
    return drawn


def _kappas(tables: Counts) -> Floats:
    """Kappa of each table (..., k, k) of counts; nan where chance explains all."""
    shares = tables / tables.sum(axis=(1, 2), keepdims=True).clip(1)
    observed = np.trace(shares, axis1=1, axis2=2)
    expected = (shares.sum(axis=2) * shares.sum(axis=1)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values: Floats = np.where(expected < 1.0, (observed - expected) / (1.0 - expected), np.nan)
    return values


def _alpha(counts: Counts) -> float:
    import krippendorff

    used = counts[:, counts.sum(axis=0) > 0]
    if used.shape[1] < 2:
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(krippendorff.alpha(value_counts=used, level_of_measurement="nominal"))


def _estimate(point: Floats, draws: Floats | None, n: int) -> Estimate:
    value = float(point[0])
    if np.isnan(value):
        return Estimate(None, None, None, n)
    known = draws[~np.isnan(draws)] if draws is not None else np.zeros(0)
    if draws is None or known.size < draws.size / 2:
        return Estimate(value, None, None, n)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n)
