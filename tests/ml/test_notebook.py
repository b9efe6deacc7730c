"""Explanations are SHAP's own: equal to its linear and to its kernel explainer, named by the text's characters."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.features import FeatureSpace
from ml.model import Model
from ml.notebook import ABSENT, dense_values, feature_explanation, shap_explanations
from tests.ml import reference
from tests.ml.conftest import MakeExamples
from tests.ml.test_explain import with_context

shap = pytest.importorskip("shap")


def as_linear(model: Model, column: int) -> LogisticRegression:
    """Return scikit-learn's model with the same weights."""
    linear = LogisticRegression()
    linear.classes_ = np.array([0, 1])
    linear.coef_, linear.intercept_ = model.weights[:, [column]].T, model.intercept[[column]]
    return linear


def test_every_feature_has_the_value_of_the_linear_explainer(small_model: Model, make_examples: MakeExamples) -> None:
    texts = [*(example.text for example in make_examples(20, seed=9)), "", "zzz"]
    column = small_model.column("spam")
    explainer = shap.LinearExplainer(as_linear(small_model, column), (small_model.space.mean, None))

    found = feature_explanation(small_model, texts, "spam")

    assert np.abs(found.values - explainer.shap_values(dense_values(small_model, texts))).max() <= 1e-6
    assert found.base_values == pytest.approx(np.full(len(texts), explainer.expected_value), abs=1e-6)
    assert found.values.sum(axis=1) + found.base_values == pytest.approx(
        small_model.decision_function(texts)[:, column], abs=1e-6
    )


def test_a_small_model_has_the_values_of_the_kernel_explainer() -> None:
    words = [reference.word_key(word) for word in ("bad", "good", "dog", "cat")]
    pairs = [reference.pair_key("bad", "dog"), reference.pair_key("good", "cat", skip=True)]
    chars = [reference.chars_key(gram) for gram in (" ba", "og ")]
    random = np.random.default_rng(3)
    space = FeatureSpace(
        reference.vocabulary([*words, *pairs], chars),
        np.float32(random.uniform(1.0, 3.0, 8)).astype(float),
        np.float32(random.uniform(0.0, 0.3, 8)).astype(float),
    )
    model = Model(
        policies=("p",),
        space=space,
        weights=np.float32(random.normal(size=(8, 1))).astype(float),
        intercept=np.array([0.25]),
        precision=np.ones((8, 1)),
        thresholds={"p": 0.5},
        manifest={},
    )
    texts = ["bad dog", "a good fat cat, a bad bad dog", "cat"]
    values = dense_values(model, texts)
    explainer = shap.KernelExplainer(lambda rows: rows @ model.weights[:, 0] + model.intercept[0], space.mean[None, :])

    expected = explainer.shap_values(values, l1_reg=0, silent=True)

    assert np.abs(feature_explanation(model, texts, "p").values - expected).max() <= 1e-6
    for row, found in enumerate(shap_explanations(model, texts, "p")):
        present = values[row] != 0.0
        assert found.values[:-1].sum() == pytest.approx(expected[row, present].sum(), abs=1e-6)
        assert found.values[-1] == pytest.approx(expected[row, ~present].sum(), abs=1e-6)
        assert found.base_values == pytest.approx(explainer.expected_value, abs=1e-6)


def test_the_parts_of_a_text_are_named_by_its_characters_and_add_up(small_model: Model) -> None:
    model = with_context(small_model)
    text = "the wa\u200bstrel is near"

    [found] = shap_explanations(model, [text], "harassment", [{"account_age_days": 0.5}])

    assert found.feature_names[-2:] == ["account_age_days", ABSENT]
    assert "wa\u200bstrel" in found.feature_names
    logit = model.decision_function([text], [{"account_age_days": 0.5}])[0, model.column("harassment")]
    assert found.values.sum() + found.base_values == pytest.approx(logit, abs=1e-9)
