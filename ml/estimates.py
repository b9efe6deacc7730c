"""What a random audit of known probabilities says of everything it was drawn from.

A text drawn with probability p stands for 1/p texts (Horvitz & Thompson 1952), so sums over the weighted sample
estimate sums over all texts without bias. Shares are ratios of two such sums (Hájek 1971). Each text is drawn or not by
itself (Poisson sampling), hence the variance of a sum of y/p is estimated by the sum of (1 - p) y^2 / p^2, and that of
a ratio by the same with the residuals y - R x (Särndal, Swensson & Wretman 1992, 5.6). Where not every drawn text has
been judged, p is the probability of being drawn and judged.

Intervals of shares are Wilson's at the sample's effective size R (1 - R) / variance (Korn & Graubard 1998 do the same
with Clopper and Pearson's): they stay between 0 and 1 and hold for rare things, where the normal one does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.agreement import Estimate
from ml.errors import InputError

Floats = NDArray[np.float64]
Values = Sequence[bool] | Sequence[float] | Floats

_Z = 1.959963984540054  # the normal quantile of an interval at 95 %, as agreement.LEVEL


def total(values: Values, probabilities: Values) -> Estimate:
    """Return how much of `values` there is in all, e.g. of violations: the Horvitz-Thompson sum, normal interval.

    `probabilities` (n,) are those with which each of the `values` (n,) came into the sample, in (0, 1]. Raises
    `InputError` for others.
    """
    y, p = _checked(values, probabilities)
    if y.size == 0:
        return Estimate(None, None, None, 0)
    spread = _Z * math.sqrt(float(np.sum((1.0 - p) * y**2 / p**2)))
    value = float(np.sum(y / p))
    return Estimate(value, max(value - spread, float(y.sum())), value + spread, y.size)


def share(of: Values, among: Values, probabilities: Values) -> Estimate:
    """Return the share of those `among` which are also `of`: two rows (n,) of 0 and 1 over one sample.

    With `among` all ones it is a prevalence; with the violations among and the flagged violations of, a recall. `n`
    counts those among. Raises `InputError` for probabilities outside (0, 1] or something `of` that is not `among`.
    """
    y, p = _checked(of, probabilities)
    x, _ = _checked(among, probabilities)
    if np.any(y > x):
        raise InputError("what is counted must be among what it is counted of")
    n = int(x.sum())
    if n == 0:
        return Estimate(None, None, None, 0)
    ratio = float(np.sum(y / p) / np.sum(x / p))
    low, high = _wilson(ratio, _effective_size(ratio, y, x, p))
    return Estimate(ratio, low, high, n)


def _effective_size(ratio: float, y: Floats, x: Floats, p: Floats) -> float:
    """How many texts of a simple random sample would be as certain.

    Where all or none of the sample are `of`, no variance can be seen, and Kish's size (1965) stands in.
    """
    weights = x / p
    variance = float(np.sum((1.0 - p) * (y - ratio * x) ** 2 / p**2)) / float(weights.sum()) ** 2
    if 0.0 < ratio < 1.0:
        return ratio * (1.0 - ratio) / variance if variance > 0.0 else math.inf
    return float(weights.sum()) ** 2 / float(weights @ weights)


def _wilson(ratio: float, n: float) -> tuple[float, float]:
    if math.isinf(n):
        return ratio, ratio
    middle = (ratio + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(ratio * (1 - ratio) / n + _Z**2 / (4 * n**2))
    low = max(middle - half, 0.0) if ratio > 0.0 else 0.0
    return low, min(middle + half, 1.0) if ratio < 1.0 else 1.0


def _checked(values: Values, probabilities: Values) -> tuple[Floats, Floats]:
    y = np.asarray(values, dtype=np.float64)
    p = np.asarray(probabilities, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape:
        raise InputError("there must be one sampling probability a value")
    if not np.all((p > 0.0) & (p <= 1.0)):
        raise InputError("sampling probabilities must be above 0 and at most 1")
    return y, p
