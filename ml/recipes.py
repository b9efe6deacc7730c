"""What a policy is fitted as: parts, each a penalty and a scaling of the features, and the mean of some of them.

A mean of additive models is an additive model, so a recipe of several parts is explained as exactly as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.corpus import Bools, Rows
from ml.features import Floats
from ml.solver import Solved, solve

_SERVED_SCALE = 5.0  # a column this large is next to unpenalised
_LEAST_SQUARE = 0.01  # of the typical squared factor: no weight is held more firmly than that allows


@dataclass(frozen=True, slots=True)
class Part:
    """One fit: the inverse penalty `c`, and what features are scaled by.

    `plain` is nothing; `ratio` their naive-Bayes log-count ratio (Wang & Manning 2012) by value, `presence` by whether
    they occur, each with so much added to every count.
    """

    c: float
    scaling: Literal["plain", "ratio", "presence"] = "plain"
    added: float = 1.0

    def __str__(self) -> str:
        return f"{self.scaling} {self.c:g}" if self.added == 1.0 else f"{self.scaling}+{self.added:g} {self.c:g}"


Recipe = tuple[Part, ...]
"""A policy's weights are the mean of its parts'."""

PARTS = (
    Part(4.0),
    Part(4.0, "ratio"),
    Part(2.0, "presence", added=10.0),
    Part(5.0, "presence", added=10.0),
    Part(16.0),
    Part(4.0, "ratio", added=3.0),
    Part(20.0, "presence", added=10.0),
    Part(10.0, "presence", added=30.0),
)
RECIPES: tuple[Recipe, ...] = (
    *((part,) for part in PARTS),
    (PARTS[0], PARTS[3]),
    (PARTS[1], PARTS[3]),
    (PARTS[0], PARTS[1], PARTS[3]),
    (PARTS[4], PARTS[3]),
    (PARTS[4], PARTS[6]),
)
"""What inner validation chooses from."""


_MUCH = 10_000  # texts from which the parts that suit small sets are not tried
_FOR_MUCH = 4


def parts_for(texts: int) -> tuple[Part, ...]:
    """Return the parts worth trying on so many texts; a recipe is, where all its parts are."""
    return PARTS[:_FOR_MUCH] if texts >= _MUCH else PARTS


@dataclass(frozen=True, slots=True)
class PolicyData:
    """What one policy is fitted to, a row a text.

    `importance` is how much each label counts in figures, `weights` how much in the loss: classes balanced, sources
    shared out. `served` marks the texts like those the model will serve. All but `rows` are (n,).
    """

    rows: Rows
    labels: Bools
    importance: Floats
    weights: Floats
    served: Bools


def fit_parts(
    parts: Sequence[Part], data: PolicyData, *, left_out: Bools | None = None, shares: Floats | None = None
) -> tuple[Solved, Floats]:
    """Fit `parts`, at most eight, at once; return them with the features' factors, (n_features, parts).

    Rows that `left_out` (n,) marks are not learnt from. `shares` (n, parts) are where to start. How much rarer or more
    frequent violations are among the texts like those served is a column of its own, left out of what is returned:
    their register shall not count for or against a text.
    """
    weights = data.weights if left_out is None else np.where(left_out, 0.0, data.weights)
    factors = _factors(parts, data, weights)
    mixed = data.served.any() and not data.served.all()
    solved = solve(
        data.rows,
        data.labels,
        weights[:, None] * np.array([part.c for part in parts]),
        factors,
        extra=np.where(data.served, _SERVED_SCALE, 0.0) if mixed else None,
        shares=shares,
    )
    return solved, factors


def naive_bayes_ratio(sums: Floats, added: float) -> Floats:
    """Return the log-count ratio (n_features,) of what features sum to in positives and negatives, (n_features, 2).

    `added` is added to every sum; 0 where a feature never occurs.
    """
    logs = np.log(sums + added)
    logs -= np.log((sums + added).sum(axis=0))
    ratio: Floats = logs[:, 0] - logs[:, 1]
    ratio[(sums == 0.0).all(axis=1)] = 0.0
    return ratio


def prior_precision(part: Part, factors: Floats) -> Floats:
    """Return the penalty on each weight (n_features,), in units of the unscaled features.

    A feature that never occurred for the policy has no log-count ratio; it gets the typical one.
    """
    squares = factors**2
    typical = float(squares[squares > 0.0].mean())
    return np.asarray(1.0 / part.c / np.maximum(squares, _LEAST_SQUARE * typical).clip(min=1e-6))


def curvature(rows: Rows, logits: Floats, weights: Floats) -> Floats:
    """Return the diagonal of the logistic loss's second derivative, (n_features,)."""
    chance = np.exp(-np.logaddexp(0.0, -logits))
    return rows.column_squares(weights * chance * (1.0 - chance))


def _factors(parts: Sequence[Part], data: PolicyData, weights: Floats) -> Floats:
    factors = np.ones((data.rows.columns, len(parts)))
    if all(part.scaling == "plain" for part in parts):
        return factors
    valued, present = data.rows.column_sums(np.column_stack([weights * data.labels, weights * ~data.labels]))
    sums = {"ratio": valued, "presence": present}
    for lane, part in enumerate(parts):
        if part.scaling != "plain":
            factors[:, lane] = naive_bayes_ratio(sums[part.scaling], part.added)
    return factors
