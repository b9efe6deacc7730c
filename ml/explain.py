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

from ml.features import Floats, TextFeatures
from ml.schemas import Attribution, ContextAttribution, PolicyScore

if TYPE_CHECKING:
    from ml.model import Context, Model


def sigmoid(logit: float) -> float:
    """Return `1 / (1 + e^-logit)` without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def explain_text(
    model: Model,
    text: str,
    context: Context | None,
    *,
    columns: Sequence[int],
    thresholds: Mapping[str, float],
) -> tuple[PolicyScore, ...]:
    """Return the scores of one text for the policies in `columns`, each with its exact explanation."""
    found = model.space.vectorise(text)
    weights = model.weights[found.index]
    mean = model.space.mean[found.index]
    phi = weights * (found.values - mean)[:, None]
    present_mean = mean @ weights
    expected = model.text_base - model.intercept
    spans, by_span = _by_span(found, phi)
    scores = []
    for column in columns:
        policy = model.policies[column]
        blocks, context_base = _context_blocks(model, context, column)
        base = float(model.text_base[column]) + context_base
        absent = float(present_mean[column] - expected[column])
        attributions = tuple(
            Attribution(start, end, float(value)) for (start, end), value in zip(spans, by_span[:, column], strict=True)
        )
        logit = math.fsum(
            [base, absent, *(item.value for item in attributions), *(item.contribution for item in blocks)]
        )
        score = sigmoid(logit)
        threshold = thresholds[policy]
        scores.append(
            PolicyScore(policy, score, logit, threshold, score >= threshold, base, absent, attributions, blocks)
        )
    return tuple(scores)


def _by_span(found: TextFeatures, phi: Floats) -> tuple[list[tuple[int, int]], Floats]:
    """Return disjoint spans that carry features, in text order, and their values (n_spans, n_policies).

    Tokens that stand for the same original character (one character may normalise to several) are one span.
    """
    spans: list[tuple[int, int]] = []
    span_of_token = np.empty(len(found.tokens), dtype=np.int64)
    for position, token in enumerate(found.tokens):
        if spans and token.start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], token.end))
        else:
            spans.append((token.start, token.end))
        span_of_token[position] = len(spans) - 1
    halves = phi[found.slot] * (found.share / 2.0)[:, None]
    values = np.zeros((len(spans), phi.shape[1]))
    touched = np.zeros(len(spans), dtype=bool)
    for tokens in (found.first, found.second):
        places = span_of_token[tokens]
        np.add.at(values, places, halves)
        touched[places] = True
    kept = np.flatnonzero(touched)
    return [spans[place] for place in kept], values[kept]


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
