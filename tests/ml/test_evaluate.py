"""Figures of a model on labelled examples: `None` where they cannot be had, never zero."""

import numpy as np
import pytest

from ml.errors import InputError
from ml.evaluate import calibration_figures, declared_prevalence, figures, stated_probabilities
from ml.model import Model
from ml.schemas import Example


def test_figures_without_positives_are_none_not_zero(small_model: Model) -> None:
    found = figures(small_model, [Example("the castle", {"spam": False})])

    assert (found["spam"]["n"], found["spam"]["positives"]) == (1, 0)
    assert found["spam"]["average_precision"] is None
    assert found["harassment"] == {
        "n": 0,
        "positives": 0,
        "average_precision": None,
        "roc_auc": None,
        "recall_at_95_precision": None,
        "brier": None,
        "ece": None,
        "precision": None,
        "recall": None,
        "f1": None,
    }


def test_probabilities_are_stated_at_the_labels_own_prevalence() -> None:
    labels = np.array([True, False])

    # Even odds at prevalence 0.1 are a likelihood ratio of 9.
    assert stated_probabilities(labels, np.array([0.0, 0.0]), 0.1) == pytest.approx([0.9, 0.9])
    assert calibration_figures(labels, np.zeros(2), 0.1)["brier"] == pytest.approx((0.01 + 0.81) / 2)
    assert calibration_figures(~labels[:1], np.zeros(1), 0.1) == {"brier": None, "ece": None}


def test_a_policy_without_declared_prevalence_is_an_error(small_model: Model) -> None:
    with pytest.raises(InputError, match="no prevalence of hate"):
        declared_prevalence(small_model, "hate")
