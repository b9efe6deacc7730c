"""Whether what comes in still looks like what came in before: scores, features, and the share of violations.

Each check gives a verdict at documented bounds and one plain sentence. `steady` means: no more than chance explains,
or too little to matter. `watch` and `drifted` need both a change beyond chance (at error `alpha`) and a size that
matters; what is large enough to matter is the constant beside each check.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Verdict = Literal["steady", "watch", "drifted", "insufficient"]

MIN_TEXTS = 200  # on each side, for distributions
PSI_BINS = 10
PSI_WATCH, PSI_DRIFTED = 0.1, 0.25  # the bounds credit scoring has used since Siddiqi (2006)
ACCURACY_DRIFTED = 0.6  # a classifier that tells the two sides apart this often
MAX_COMPARED = 5000  # texts a side in the two-sample test
MIN_JUDGED = 20  # violations and non-violations each, for label shift
MIN_SEPARATION = 0.2  # true less false positive rate: below, flags say too little about the share
RATIO_DRIFTED = 1.5  # the share of violations grew or shrank by this factor
_RIDGE = 1.0
_NEWTON_STEPS = 15


@dataclass(frozen=True, slots=True)
class Drift:
    """One check's verdict with its figures. `insufficient` means too little data: neither steady nor drifted."""

    name: str
    verdict: Verdict
    figures: Mapping[str, float | int | None]
    sentence: str


def population_stability(before: Floats, recent: Floats, *, name: str, alpha: float = 0.05) -> Drift:
    """Compare two samples (n,), (m,) of one number; NaN stands for unknown and is a bin of its own.

    The population stability index over bins of the earlier deciles. Undrifted, it is about
    (1/n + 1/m) * chi-squared with one degree of freedom less than bins (Yurdakul & Naranjo 2020); `watch` lies above
    both that quantile at `alpha` and 0.1, `drifted` above both it and 0.25. Raises `InputError` where an argument is
    no vector.
    """
    _vector(before, "before")
    _vector(recent, "recent")
    if min(before.size, recent.size) < MIN_TEXTS:
        return _too_few(name, before.size, recent.size)
    index, bins = _stability_index(before, recent)
    by_chance = (1.0 / before.size + 1.0 / recent.size) * _chi_squared(bins - 1, 1.0 - alpha)
    verdict: Verdict = "steady"
    if index > max(PSI_WATCH, by_chance):
        verdict = "drifted" if index > max(PSI_DRIFTED, by_chance) else "watch"
    figures = {
        "psi": index,
        "psi_by_chance": by_chance,
        "before": before.size,
        "recent": recent.size,
        "mean_before": _mean(before),
        "mean_recent": _mean(recent),
    }
    words = {
        "steady": f"{name} is distributed as before",
        "watch": f"{name} has moved somewhat",
        "drifted": f"{name} has moved clearly",
    }[verdict]
    return Drift(name, verdict, figures, f"{words} (stability index {index:.2f}).")


def two_sample(
    before: Floats, recent: Floats, *, name: str = "all together", seed: int = 0, alpha: float = 0.05
) -> Drift:
    """Ask a classifier to tell recent rows (m, d) from earlier ones (n, d); NaN stands for unknown.

    Classifier two-sample test (Lopez-Paz & Oquab 2017): a ridge logistic regression on the features, their squares and
    what is unknown learns on half of equally many rows of both sides; its accuracy on the other half has a binomial
    p-value. `watch` below `alpha`, `drifted` if the accuracy is at least 0.6 besides. Raises `InputError` where the
    two are no tables of the same width.
    """
    if before.ndim != 2 or recent.ndim != 2 or before.shape[1] != recent.shape[1] or before.shape[1] == 0:
        raise InputError("the two samples must be tables of the same features")
    if min(len(before), len(recent)) < MIN_TEXTS:
        return _too_few(name, len(before), len(recent))
    random = np.random.default_rng(seed)
    half = min(len(before), len(recent), MAX_COMPARED) // 2
    sides = [table[random.choice(len(table), 2 * half, replace=False)] for table in (before, recent)]
    learn = np.concatenate([side[:half] for side in sides])
    test = np.concatenate([side[half:] for side in sides])
    is_recent = np.repeat([0.0, 1.0], half)
    learned, tested = _features(learn, learn), _features(test, learn)
    right = int(np.sum((tested @ _logistic(learned, is_recent) > 0.0) == is_recent.astype(np.bool_)))
    accuracy, p_value = right / (2 * half), _binomial_tail(right, 2 * half)
    verdict: Verdict = "steady"
    if p_value < alpha:
        verdict = "drifted" if accuracy >= ACCURACY_DRIFTED else "watch"
    words = {
        "steady": "Recent texts cannot be told from earlier ones",
        "watch": "Recent texts differ slightly from earlier ones",
        "drifted": "Recent texts differ clearly from earlier ones",
    }[verdict]
    sentence = f"{words}: a classifier is right about {accuracy:.0%} of them, and guessing about 50%."
    figures = {"accuracy": accuracy, "p_value": p_value, "before": len(before), "recent": len(recent)}
    return Drift(name, verdict, figures, sentence)


def label_shift(
    violates: Bools,
    flags: Bools,
    weights: Floats,
    recent_flags: Bools,
    *,
    name: str,
    alpha: float = 0.05,
) -> Drift:
    """Estimate the recent share of violations from flags alone, and compare it with the judged share before.

    `violates` (n,) is what people judged, `flags` (n,) what the model said, `weights` (n,) one over the sampling
    probability; `recent_flags` (m,) are unjudged. Black-box shift estimation (Lipton et al. 2018), for two classes:
    (flagged share - false positive rate) / (true - false positive rate), right if violations look as they did and
    only their share moved. The intervals are normal ones at `alpha`, their errors by linearisation. `watch`
    where the interval of the change leaves out 0, `drifted` where the share has also grown by half or fallen by a
    third. Raises `InputError` where shapes differ.
    """
    if violates.ndim != 1 or not violates.shape == flags.shape == weights.shape or recent_flags.ndim != 1:
        raise InputError("judgements, flags and weights must be vectors of one length")
    positives = int(violates.sum())
    figures: dict[str, float | int | None] = {
        "judged": violates.size,
        "violating": positives,
        "recent": recent_flags.size,
    }
    if min(positives, violates.size - positives) < MIN_JUDGED or recent_flags.size < MIN_TEXTS:
        sentence = (
            f"Too little evidence: {positives} of {violates.size} audited texts violate and {recent_flags.size} recent "
            f"ones were scored; {MIN_JUDGED} of each kind and {MIN_TEXTS} are needed."
        )
        return Drift(name, "insufficient", figures, sentence)
    found = _estimate(violates, flags, weights, float(recent_flags.mean()), recent_flags.size)
    if found.separation < MIN_SEPARATION:
        sentence = "The model's flags say too little about violations to estimate their share from them."
        return Drift(name, "insufficient", figures, sentence)
    width = NormalDist().inv_cdf(1.0 - alpha / 2.0)
    low, high = (min(max(found.recent + sign * width * found.recent_error, 0.0), 1.0) for sign in (-1.0, 1.0))
    figures |= {
        "share_before": found.before,
        "share_recent": found.recent,
        "share_recent_low": low,
        "share_recent_high": high,
    }
    verdict: Verdict = "steady"
    if abs(found.recent - found.before) > width * found.change_error:
        large = not found.before / RATIO_DRIFTED < found.recent < found.before * RATIO_DRIFTED
        verdict = "drifted" if large else "watch"
    words = {"steady": "is as before", "watch": "has moved somewhat", "drifted": "has moved clearly"}[verdict]
    sentence = (
        f"The share of violations {words}: {found.before:.1%} before, {found.recent:.1%} now "
        f"(between {low:.1%} and {high:.1%})."
    )
    return Drift(name, verdict, figures, sentence)


def _vector(values: Floats, what: str) -> None:
    if values.ndim != 1:
        raise InputError(f"{what} must be a vector")


def _too_few(name: str, before: int, recent: int) -> Drift:
    sentence = f"Too little data: {before} earlier and {recent} recent texts, {MIN_TEXTS} of each are needed."
    return Drift(name, "insufficient", {"before": before, "recent": recent}, sentence)


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _stability_index(before: Floats, recent: Floats) -> tuple[float, int]:
    """Return the index, and how many bins hold anything; half a text is added to each bin of either side."""
    known = before[~np.isnan(before)]
    edges = np.unique(np.quantile(known, np.arange(1, PSI_BINS) / PSI_BINS)) if known.size else np.array([])
    counts = []
    for values in (before, recent):
        bins = np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values, side="left"))
        counts.append(np.bincount(bins, minlength=edges.size + 2).astype(np.float64))
    used = counts[0] + counts[1] > 0.0
    shares = [(count[used] + 0.5) / (count[used] + 0.5).sum() for count in counts]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0]))), int(used.sum())


def _chi_squared(degrees: int, quantile: float) -> float:
    """Return the quantile by Wilson & Hilferty (1931): within 2 % from one degree of freedom on, at 0.9 and above."""
    if degrees < 1:
        return 0.0
    spread = 2.0 / (9.0 * degrees)
    return degrees * (1.0 - spread + NormalDist().inv_cdf(quantile) * math.sqrt(spread)) ** 3


def _features(rows: Floats, measure: Floats) -> Floats:
    """Return ones, the features in units of `measure`'s deviation, their squares, and what is unknown."""
    unknown = np.isnan(measure)
    known = np.maximum((~unknown).sum(axis=0), 1)
    middle = np.where(unknown, 0.0, measure).sum(axis=0) / known
    spread = np.sqrt((np.where(unknown, 0.0, measure - middle) ** 2).sum(axis=0) / known)
    scaled = np.clip((np.where(np.isnan(rows), middle, rows) - middle) / np.where(spread > 0.0, spread, 1.0), -5.0, 5.0)
    return np.concatenate([np.ones((len(rows), 1)), scaled, scaled**2 - 1.0, np.isnan(rows)], axis=1)


def _logistic(rows: Floats, truth: Floats) -> Floats:
    """Return ridge logistic regression weights (d,) by Newton's method."""
    weights = np.zeros(rows.shape[1])
    for _ in range(_NEWTON_STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30.0, 30.0)))
        slope = rows.T @ (chances - truth) + _RIDGE * weights
        curve = (rows * (chances * (1.0 - chances))[:, None]).T @ rows + _RIDGE * np.eye(weights.size)
        weights = weights - np.linalg.solve(curve, slope)
    return weights


def _binomial_tail(hits: int, trials: int) -> float:
    """Return the chance of at least `hits` of `trials` by guessing."""
    counts = range(hits, trials + 1)
    whole = math.lgamma(trials + 1) - trials * math.log(2.0)
    return min(sum(math.exp(whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1)) for k in counts), 1.0)


@dataclass(frozen=True, slots=True)
class _ShareEstimate:
    """Shares of violations before and recently, what separates the flags of the two, and standard errors."""

    before: float
    recent: float
    separation: float
    recent_error: float
    change_error: float


def _estimate(violates: Bools, flags: Bools, weights: Floats, flagged: float, m: int) -> _ShareEstimate:
    """Estimate both shares; errors by linearisation (delta method), of weighted ratios and of `m` recent flags."""
    mass = weights / weights.sum()
    before = float(mass[violates].sum())
    of_violating, of_fine = mass * violates / before, mass * ~violates / (1.0 - before)
    true_rate, false_rate = float(of_violating @ flags), float(of_fine @ flags)
    separation = true_rate - false_rate
    recent = float(np.clip((flagged - false_rate) / max(separation, 1e-6), 0.0, 1.0))
    influence = -(recent * of_violating * (flags - true_rate) + (1.0 - recent) * of_fine * (flags - false_rate))
    influence = influence / max(separation, 1e-6)
    of_flags = flagged * (1.0 - flagged) / m / max(separation, 1e-6) ** 2
    change = influence - mass * (violates - before)
    errors = [math.sqrt(float(part @ part) + of_flags) for part in (influence, change)]
    return _ShareEstimate(before, recent, separation, *errors)
