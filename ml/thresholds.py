"""From which score on a text is flagged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.corpus import Bools
from ml.features import Floats
from ml.metrics import log_odds
from ml.model import Model

_SERVED_VIOLATIONS = 0.5  # how far the texts like those served stand for violations when a threshold is chosen
_SERVED_BENIGN = 0.9  # and for what is benign: other sets' negatives are mostly abuse of another kind
_MIN_PRECISION = 0.5
_PROBE_MARGIN = 0.002
_INTERCEPT_MARGIN = 0.01
_MAX_INTERCEPT_SHIFT = 0.5


def best_threshold(logits: Floats, labels: Bools, weights: Floats, served: Bools, prevalence: float) -> float:
    """Return the score that maximises F2 where positives are as frequent as declared, at precision 0.5 or more.

    All arrays are (n,). F2 counts recall twice as much as precision: a flag asks a person, it punishes nobody.
    Violations are half like those of the source served, what is benign mostly; inside either each label counts its
    weight. Where no score is that precise, the most precise is taken. The score lies half way, in log odds, between the
    last text it flags and the first that it does not.
    """
    order = np.argsort(-logits, kind="stable")
    recall = np.cumsum(_mass(labels, weights, served, _SERVED_VIOLATIONS)[order])
    alarms = np.cumsum(_mass(~labels, weights, served, _SERVED_BENIGN)[order])
    flagged = prevalence * recall + (1.0 - prevalence) * alarms
    precision = prevalence * recall / flagged
    gain = 5.0 * prevalence * recall / (flagged + 4.0 * prevalence)
    precise = precision >= _MIN_PRECISION
    best = int(np.argmax(np.where(precise, gain, -1.0) if precise.any() else precision))
    ranked = logits[order]
    limit = (ranked[best] + ranked[min(best + 1, ranked.size - 1)]) / 2.0
    return _rounded(float(1.0 / (1.0 + np.exp(-limit))))


def raised_above(model: Model, benign: Sequence[str]) -> dict[str, float]:
    """Return the model's thresholds, raised where one of the `benign` texts would be flagged."""
    if not benign:
        return dict(model.thresholds)
    highest = 1.0 / (1.0 + np.exp(-model.decision_function(benign).max(axis=0)))
    return {
        policy: max(model.thresholds[policy], _rounded(float(score) + _PROBE_MARGIN))
        for policy, score in zip(model.policies, highest, strict=True)
    }


def excess_over(model: Model, benign: Sequence[str]) -> Floats:
    """Return how far, in log odds and at most 0.5, the `benign` texts cross each threshold, (n_policies,)."""
    if not benign:
        return np.zeros(len(model.policies))
    limits = np.array([log_odds(model.thresholds[policy]) for policy in model.policies])
    over = model.decision_function(benign).max(axis=0) - limits
    return np.where(over >= 0.0, np.minimum(over + _INTERCEPT_MARGIN, _MAX_INTERCEPT_SHIFT), 0.0)


def _mass(members: Bools, weights: Floats, served: Bools, share: float) -> Floats:
    """Return the mass (n,) of each member of a class: it sums to one, `share` of it on those like the served."""
    inside, outside = weights * (members & served), weights * (members & ~served)
    if not inside.any() or not outside.any():
        return np.asarray((inside + outside) / (inside + outside).sum())
    return np.asarray(share * inside / inside.sum() + (1.0 - share) * outside / outside.sum())


def _rounded(threshold: float) -> float:
    return min(max(round(threshold, 3), 0.001), 0.999)
