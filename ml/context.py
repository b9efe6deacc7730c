"""Weights of what is known around a text: monotone steps, learnt beside the text's own logit once labels suffice.

A feature has bins at quantiles of what the labels show; its weights rise or fall along the bins where a direction is
declared (isotonic steps, as increments of one sign), and the penalised fit takes the text's logit as given. Steps are
centred on the labels' own distribution, so that what a model expects of a text with nothing known about it stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import scipy.optimize

from ml.corpus import Labels
from ml.features import Floats, Ints
from ml.metrics import Bools
from ml.model import ContextFeature
from ml.schemas import Example

DIRECTIONS: Mapping[str, int] = MappingProxyType(
    {
        "account_age_days": -1,
        "author_strikes": 1,
        "reports": 1,
        "reports_upheld_before": 1,
        "reporter_reliability": 1,
        "links": 0,
    }
)
"""Which way a feature may move a score: 1 only up as it grows, -1 only down, 0 either way; a feature that is not named
here is not learnt."""

SUFFICIENT = 200
"""Positives, and negatives, with a feature known that a policy needs before the feature has weight."""

_BINS = 5
_PENALTY = 2.0  # on each step, in units of 1/logit²: some 2 labels' worth of doubt


def learn_context(examples: Sequence[Example], labels: Labels, logits: Floats) -> tuple[ContextFeature, ...]:
    """Return the context features that `examples` suffice for; none where none has enough labels.

    `labels` (n, n_policies) holds 0, 1, or -1 for unknown, `logits` (n, n_policies) what the texts alone say. A
    policy whose labels do not suffice for a feature has weight 0 in all its bins.
    """
    found = []
    for name, direction in DIRECTIONS.items():
        values = np.array([_value(example, name) for example in examples])
        if not _suffices(labels[np.isfinite(values)]).any():
            continue
        edges = _edges(values[np.isfinite(values)])
        if edges:
            found.append((name, direction, edges, _bins(values, edges)))
    if not found:
        return ()
    weights = [np.zeros((len(edges) + 2, labels.shape[1])) for _, _, edges, _ in found]
    for column in range(labels.shape[1]):
        known = labels[:, column] >= 0
        parts = [
            number for number, (_, _, _, bins) in enumerate(found) if _suffices(labels[known & (bins > 0)])[column]
        ]
        if not parts:
            continue
        steps = _fit(
            [(found[part][1], found[part][3][known], len(found[part][2]) + 2) for part in parts],
            labels[known, column] == 1,
            np.array([example.weight for example, kept in zip(examples, known.tolist(), strict=True) if kept]),
            logits[known, column],
        )
        for part, step in zip(parts, steps, strict=True):
            weights[part][:, column] = step
    features = []
    for (name, _, edges, bins), learnt in zip(found, weights, strict=True):
        mean = np.bincount(bins, minlength=len(edges) + 2) / bins.size
        features.append(ContextFeature(name, edges, learnt - mean @ learnt, mean))
    return tuple(features)


def contributions(features: Sequence[ContextFeature], examples: Sequence[Example], policies: int) -> Floats:
    """Return what the features add to the examples' logits, (n_examples, policies)."""
    added = np.zeros((len(examples), policies))
    for feature in features:
        added += feature.weights[[feature.bin((example.context or {}).get(feature.name)) for example in examples]]
    return added


def _value(example: Example, name: str) -> float:
    value = (example.context or {}).get(name)
    return float("nan") if value is None else float(value)


def _suffices(labels: Labels) -> Bools:
    return np.asarray(np.minimum((labels == 1).sum(axis=0), (labels == 0).sum(axis=0)) >= SUFFICIENT)


def _edges(values: Floats) -> tuple[float, ...]:
    """Return the distinct quantiles that part the values into bins of like size; none where all are one."""
    cuts = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _BINS + 1)[1:-1], method="higher"))
    return tuple(cuts[cuts > values.min()].tolist())


def _bins(values: Floats, edges: tuple[float, ...]) -> Ints:
    """Return the bin of each value as `ContextFeature.bin` counts them: 0 is unknown."""
    return np.where(np.isfinite(values), 1 + np.searchsorted(edges, values, side="right"), 0).astype(np.int64)


def _fit(
    parts: Sequence[tuple[int, Ints, int]],
    labels: Bools,
    importance: Floats,
    offset: Floats,
) -> list[Floats]:
    """Return the weights of each part's bins, by a logistic fit of one policy with a free intercept.

    A part is (direction, bin of each text, number of bins). Weights of a direction are sums of steps of its sign.
    How often the labels are positive depends on what was put before people: the intercept is fitted and left out.
    """
    columns: list[Floats] = []
    bounds: list[tuple[float | None, float | None]] = []
    for direction, bins, count in parts:
        columns.append((bins == 0)[:, None].astype(np.float64))
        bounds.append((None, None))
        columns.append((bins[:, None] > np.arange(1, count - 1)).astype(np.float64))
        bounds += [{1: (0.0, None), -1: (None, 0.0), 0: (None, None)}[direction]] * (count - 2)
    design = np.hstack([*columns, np.ones((labels.size, 1))])
    signs = np.where(labels, 1.0, -1.0)
    penalty = np.append(np.full(design.shape[1] - 1, _PENALTY), 0.0)

    def loss(steps: Floats) -> tuple[float, Floats]:
        margin = signs * (offset + design @ steps)
        value = importance @ np.logaddexp(0.0, -margin) + 0.5 * penalty @ steps**2
        slope = -importance * signs * np.exp(-np.logaddexp(0.0, margin))
        return float(value), design.T @ slope + penalty * steps

    start = np.zeros(design.shape[1])
    done = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)])
    weights, at = [], 0
    for _, _, count in parts:
        unknown, steps = done.x[at], done.x[at + 1 : at + count - 1]
        weights.append(np.concatenate([[unknown, 0.0], np.cumsum(steps)]))
        at += count - 1
    return weights
