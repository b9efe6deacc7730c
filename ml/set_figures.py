"""What a model is worth on one set, every figure with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml.evaluate import declared_prevalence, labelled, logits_of, stated_probabilities
from ml.metrics import (
    Bools,
    Calibration,
    Estimate,
    Floats,
    Metric,
    average_precision,
    bootstrap,
    brier,
    calibration,
    expected_calibration_error,
    f1_at,
    logit_of,
    recall_at_95_precision,
    roc_auc,
)
from ml.model import Model
from ml.schemas import Example


@dataclass(frozen=True, slots=True)
class SetFigures:
    """One policy on one set's test part, with intervals; F1 at the model's own threshold."""

    source: str
    policy: str
    n: int
    positives: int
    average_precision: Estimate
    roc_auc: Estimate
    f1: Estimate
    recall_at_95_precision: Estimate
    brier: Estimate
    ece: Estimate
    calibration: Calibration | None


def set_figures(model: Model, source: str, examples: Sequence[Example], *, seed: int = 0) -> list[SetFigures]:
    """Return figures with intervals for every policy that the examples label and the model knows."""
    logits = logits_of(model, examples)
    found = []
    for column, policy in enumerate(model.policies):
        rows, labels = labelled(examples, policy)
        if labels.size:
            limit = logit_of(model.thresholds[policy])
            declared = declared_prevalence(model, policy)
            found.append(figures_of(source, policy, labels, logits[rows, column], limit, declared, seed))
    return found


def figures_of(
    source: str, policy: str, labels: Bools, logits: Floats, limit: float, declared: float, seed: int
) -> SetFigures:
    """Return the figures of logits (n,) stated at prevalence `declared` and flagged from `limit` on."""
    stated = stated_probabilities(labels, logits, declared)

    def estimate(metric: Metric, scores: Floats | None) -> Estimate:
        return Estimate(None) if scores is None else bootstrap(metric, labels, scores, seed=seed)

    return SetFigures(
        source=source,
        policy=policy,
        n=int(labels.size),
        positives=int(labels.sum()),
        average_precision=estimate(average_precision, logits),
        roc_auc=estimate(roc_auc, logits),
        f1=estimate(lambda truth, scores, weights: f1_at(truth, scores, limit, weights), logits),
        recall_at_95_precision=estimate(recall_at_95_precision, logits),
        brier=estimate(brier, stated),
        ece=estimate(expected_calibration_error, stated),
        calibration=None if stated is None else calibration(labels, stated, seed=seed),
    )
