"""What a model is worth on labelled examples: the figures that cards, gates and tests read.

Calibration figures (Brier score, expected calibration error) are taken at the share of positives that the
examples themselves have: a model states probabilities for its declared prevalence, and on a set that was
gathered to be half abuse they would otherwise show nothing but that shift (Saerens et al. 2002).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError
from ml.metrics import (
    Bools,
    Floats,
    average_precision,
    brier,
    expected_calibration_error,
    f1_at,
    logit_of,
    precision_at,
    probabilities_at,
    recall_at,
    recall_at_95_precision,
    roc_auc,
)
from ml.model import Model
from ml.schemas import Example

Figures = dict[str, float | int | None]


def figures(model: Model, examples: Sequence[Example]) -> dict[str, Figures]:
    """Return, a policy, what the model is worth on the examples that label it.

    Keys: `n`, `positives`, `average_precision`, `roc_auc`, `recall_at_95_precision`, `brier`, `ece`, and
    `precision`, `recall` and `f1` at the model's threshold. A figure that the examples cannot give is `None`.
    """
    logits = logits_of(model, examples)
    found: dict[str, Figures] = {}
    for column, policy in enumerate(model.policies):
        rows, labels = labelled(examples, policy)
        scores = logits[rows, column]
        limit = logit_of(model.thresholds[policy])
        found[policy] = {
            "n": int(labels.size),
            "positives": int(labels.sum()),
            "average_precision": average_precision(labels, scores),
            "roc_auc": roc_auc(labels, scores),
            "recall_at_95_precision": recall_at_95_precision(labels, scores),
            **calibration_figures(labels, scores, declared_prevalence(model, policy)),
            "precision": precision_at(labels, scores, limit),
            "recall": recall_at(labels, scores, limit),
            "f1": f1_at(labels, scores, limit),
        }
    return found


def logits_of(model: Model, examples: Sequence[Example]) -> Floats:
    """Return the logits (n_examples, n_policies) of the examples in their context."""
    return model.decision_function([example.text for example in examples], [example.context for example in examples])


def labelled(examples: Sequence[Example], policy: str) -> tuple[NDArray[np.int64], Bools]:
    """Return the rising positions (k,) of the examples that label `policy`, and those labels (k,)."""
    rows = np.array([row for row, item in enumerate(examples) if policy in item.labels], dtype=np.int64)
    return rows, np.array([examples[row].labels[policy] for row in rows], dtype=np.bool_)


def stated_probabilities(labels: Bools, logits: Floats, declared: float) -> Floats | None:
    """Return what logits (n,) at prevalence `declared` state at the labels' own, `None` where a class is missing."""
    share = float(labels.mean()) if labels.size else 0.0
    return probabilities_at(logits, share, declared) if 0.0 < share < 1.0 else None


def calibration_figures(labels: Bools, logits: Floats, declared: float) -> dict[str, float | None]:
    """Return `brier` and `ece` of logits (n,) at prevalence `declared`; both `None` where a class is missing."""
    stated = stated_probabilities(labels, logits, declared)
    if stated is None:
        return {"brier": None, "ece": None}
    return {"brier": brier(labels, stated), "ece": expected_calibration_error(labels, stated)}


def declared_prevalence(model: Model, policy: str) -> float:
    """Return the prevalence the model states `policy` at; raises `InputError` where its manifest names none."""
    prevalence = model.manifest.get("prevalence")
    if not isinstance(prevalence, Mapping) or policy not in prevalence:
        raise InputError(f"the model's manifest declares no prevalence of {policy}")
    return float(prevalence[policy])
