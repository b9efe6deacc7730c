"""What is known around a text gets weight once labels suffice, one way only, and is explained exactly."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ml.context import SUFFICIENT, learn_context
from ml.continuation import continue_from
from ml.model import Model
from ml.schemas import Example
from tests.ml.conftest import MakeExamples


def around(count: int, seed: int, *, effect: float = 2.0) -> tuple[list[Example], np.ndarray, np.ndarray]:
    """Examples whose labels follow the author's strikes alone, with the labels and text logits of 0."""
    random = np.random.default_rng(seed)
    strikes = random.integers(0, 5, count).astype(float)
    labels = random.random(count) < 1.0 / (1.0 + np.exp(-(effect * (strikes - 2.0))))
    examples = [
        Example("words", {"spam": bool(label)}, context={"author_strikes": strike, "account_age_days": age})
        for label, strike, age in zip(labels, strikes, random.exponential(100.0, count), strict=True)
    ]
    return examples, labels.astype(np.int8)[:, None], np.zeros((count, 1))


def test_few_labels_give_no_weight() -> None:
    assert learn_context(*around(2 * SUFFICIENT - 20, seed=1)) == ()


def test_weights_follow_the_labels_and_their_direction() -> None:
    features = {feature.name: feature for feature in learn_context(*around(3000, seed=2))}

    strikes = features["author_strikes"].weights[1:, 0]
    assert np.all(np.diff(strikes) >= 0.0)
    assert strikes[-1] - strikes[0] > 4.0
    age = features["account_age_days"].weights[1:, 0]
    assert np.all(np.diff(age) <= 0.0)
    assert np.ptp(age) < 0.5


def test_a_feature_that_works_against_its_direction_has_no_weight() -> None:
    [strikes] = [item for item in learn_context(*around(3000, seed=3, effect=-2.0)) if item.name == "author_strikes"]

    assert np.ptp(strikes.weights[1:, 0]) == pytest.approx(0.0, abs=1e-6)


def test_expectation_over_the_labels_is_nothing() -> None:
    for feature in learn_context(*around(3000, seed=4)):
        assert feature.mean @ feature.weights == pytest.approx(0.0, abs=1e-9)


def test_continuation_learns_context_and_explains_it(small_model: Model, make_examples: MakeExamples) -> None:
    random = np.random.default_rng(5)
    rows = [
        replace(row, context={"author_strikes": float(random.integers(0, 2) + 3 * row.labels.get("spam", False))})
        for row in make_examples(1500, seed=41)
    ]
    candidate = continue_from(small_model, rows)
    assert [feature.name for feature in candidate.context] == ["author_strikes"]

    column = candidate.column("spam")
    few, many = candidate.explain(["see you at the tower"] * 2, [{"author_strikes": 0.0}, {"author_strikes": 4.0}])
    assert many[column].logit > few[column].logit
    for scores in (few, many):
        score = scores[column]
        parts = [item.value for item in score.attributions] + [item.contribution for item in score.context_attributions]
        assert math.fsum([score.base_value, score.absent, *parts]) == pytest.approx(score.logit, abs=1e-9)


def test_without_context_the_champions_stays(small_model: Model, make_examples: MakeExamples) -> None:
    assert continue_from(small_model, make_examples(1500, seed=42)).context == small_model.context
