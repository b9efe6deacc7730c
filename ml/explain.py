"""Closed-form SHAP values of a linear model, read on the tokens of the original text.

For `logit = b + w·x` with independent features the Shapley value of feature j is `w_j (x_j - E[x_j])`
(Lundberg & Lee 2017, Corollary 1; what `shap.LinearExplainer(model, (mean, None))` computes). Values of
present features go to the tokens they occur in (`ml.features` says how); values of absent ones are summed into one
figure. A context feature is explained as a block: the weight of its bin less the expected weight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ml.features import Explained
from ml.schemas import Attribution, ContextAttribution, PolicyScore

if TYPE_CHECKING:
    from ml.model import Context, Model


def sigmoid(logit: float) -> float:
    """Return `1 / (1 + e^-logit)` without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def explained_scores(
    model: Model,
    explained: Explained,
    contexts: Sequence[Context | None],
    *,
    columns: Sequence[int],
    thresholds: Mapping[str, float],
) -> list[tuple[PolicyScore, ...]]:
    """Return the scores of texts for the policies in `columns`, each with its exact explanation."""
    return [
        tuple(_score(model, explained, row, context, column, thresholds[model.policies[column]]) for column in columns)
        for row, context in enumerate(contexts)
    ]


def _score(
    model: Model, explained: Explained, row: int, context: Context | None, column: int, threshold: float
) -> PolicyScore:
    begin, end = explained.span_at[row], explained.span_at[row + 1]
    values = explained.contributions[begin:end]
    carries: list[bool] = np.any(values != 0.0, axis=1).tolist()
    spans = zip(
        explained.starts[begin:end].tolist(),
        explained.ends[begin:end].tolist(),
        values[:, column].tolist(),
        carries,
        strict=True,
    )
    blocks, context_base = _context_blocks(model, context, column)
    attributions = tuple(Attribution(start, end, value) for start, end, value, kept in spans if kept)
    logit = float(explained.logits[row, column]) + context_base + math.fsum(block.contribution for block in blocks)
    score = sigmoid(logit)
    return PolicyScore(
        model.policies[column],
        score,
        logit,
        threshold,
        score >= threshold,
        float(model.scorer.base[column]) + context_base,
        float(explained.absent[row, column]),
        attributions,
        blocks,
    )


def _context_blocks(model: Model, context: Context | None, column: int) -> tuple[tuple[ContextAttribution, ...], float]:
    """Return what each context feature adds beyond its expectation, and the sum of the expectations."""
    blocks = []
    base = 0.0
    for feature in model.context:
        value = (context or {}).get(feature.name)
        expected = float(feature.mean @ feature.weights[:, column])
        contribution = float(feature.weights[feature.bin(value), column]) - expected
        blocks.append(ContextAttribution(feature.name, value, contribution))
        base += expected
    return tuple(blocks), base
