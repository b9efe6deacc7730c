"""Explanations are exact, on the right characters, and what SHAP computes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.errors import InputError
from ml.features import FeatureSpace
from ml.model import ContextFeature, Model
from ml.schemas import PolicyScore
from tests.ml import reference
from tests.ml.conftest import MakeExamples

PIECES = st.sampled_from(
    [
        "you ",
        "idiot",
        "I'll kill ",
        "free\u200b nitro ",
        "o\ufb03ce",
        "e\u0301",
        "👍🏽",
        "½",
        "㎏",
        "\ufdfa",
        "ＦＲＥＥ ",
        "https://x.test ",
    ]
)
ANY_TEXT = st.one_of(st.text(st.characters(exclude_categories=[])), st.lists(PIECES).map("".join))
# Known words that share character n-grams, told apart and repeated, with unknown ones that share some of them too.
REPEATING = st.lists(
    st.sampled_from(["hate", "hated", "the", "then", "you", "thehate", "hatethe", "...", "😀", "zzyou"])
)


def total(score: PolicyScore) -> float:
    """Return what the parts of an explanation add up to."""
    parts = [item.value for item in score.attributions]
    parts += [item.contribution for item in score.context_attributions]
    return math.fsum([score.base_value, score.absent, *parts])


def with_context(model: Model) -> Model:
    """Return `model` with one binned context feature that has weight."""
    feature = ContextFeature(
        "account_age_days",
        (1.0, 30.0),
        np.array([[0.1, 0.0], [1.5, 2.0], [0.2, 0.4], [-0.7, -0.1]]),
        np.array([0.1, 0.2, 0.3, 0.4]),
    )
    return Model(
        policies=model.policies,
        space=model.space,
        weights=model.weights,
        intercept=model.intercept,
        precision=model.precision,
        thresholds=model.thresholds,
        context=(feature,),
        manifest=model.manifest,
    )


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_parts_add_up_to_the_logit_on_any_text(starter: Model, text: str) -> None:
    [scores] = starter.explain([text])
    [logits] = starter.decision_function([text])

    for score, logit in zip(scores, logits, strict=True):
        assert abs(total(score) - score.logit) <= 1e-9
        assert abs(score.logit - logit) <= 1e-9
        assert score.score == pytest.approx(1.0 / (1.0 + math.exp(-score.logit)), abs=1e-12)
        assert score.flagged == (score.score >= score.threshold)


@settings(max_examples=300, deadline=None)
@given(st.one_of(ANY_TEXT, REPEATING.map(" ".join)))
def test_a_logit_is_the_sum_over_the_features_of_the_text(starter: Model, text: str) -> None:
    found = starter.scorer.vectorise([text])
    weights = starter.weights.astype(np.float32).astype(np.float64)
    mean = starter.space.mean.astype(np.float32).astype(np.float64)
    explained = starter.scorer.explain([text])
    assert explained.logits[0] == pytest.approx(starter.intercept + found.values @ weights[found.indices], abs=1e-9)
    present = mean[found.indices] @ weights[found.indices]
    assert explained.absent[0] == pytest.approx(present - mean @ weights, abs=1e-9)
    excess = (found.values - mean[found.indices]) @ weights[found.indices]
    assert explained.contributions.sum(axis=0) == pytest.approx(excess, abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_attributed_spans_lie_in_the_text_and_never_overlap(starter: Model, text: str) -> None:
    for score in starter.explain([text])[0]:
        edges = [edge for item in score.attributions for edge in (item.start, item.end)]

        assert edges == sorted(edges)
        assert all(item.start < item.end for item in score.attributions)
        assert not edges or (edges[0] >= 0 and edges[-1] <= len(text))


def test_the_word_that_decides_is_the_one_highlighted(small_model: Model) -> None:
    text = "👍 the dra\u200bgon is with my wa\u200bstrel and castle"
    score = small_model.explain([text], policies=["harassment"])[0][0]

    strongest = max(score.attributions, key=lambda item: item.value)
    assert text[strongest.start : strongest.end] == "wa\u200bstrel"


def test_empty_text_scores_the_intercept(small_model: Model) -> None:
    score = small_model.explain([""], policies=["spam"])[0][0]

    assert score.attributions == ()
    assert score.logit == pytest.approx(small_model.intercept[small_model.column("spam")], abs=1e-12)


def test_attributions_equal_shap_linear_explainer(small_model: Model, make_examples: MakeExamples) -> None:
    shap = pytest.importorskip("shap")
    from sklearn.linear_model import LogisticRegression

    texts = [example.text for example in make_examples(20, seed=9)]
    found = small_model.space.vectorise(texts)
    dense = np.zeros((len(texts), len(small_model.space.vocabulary)))
    dense[np.repeat(np.arange(len(texts)), np.diff(found.indptr)), found.indices] = found.values
    linear = LogisticRegression()
    linear.classes_ = np.array([0, 1])
    linear.coef_ = small_model.weights[:, :1].T
    linear.intercept_ = small_model.intercept[:1]
    explainer = shap.LinearExplainer(linear, (small_model.space.mean, None))
    expected = explainer.shap_values(dense)

    for row, [score] in enumerate(small_model.explain(texts, policies=["harassment"])):
        present = dense[row] != 0.0
        assert score.base_value == pytest.approx(explainer.expected_value, abs=1e-6)
        assert score.absent == pytest.approx(expected[row, ~present].sum(), abs=1e-6)
        assert sum(item.value for item in score.attributions) == pytest.approx(expected[row, present].sum(), abs=1e-6)


def test_a_feature_is_shared_among_the_tokens_it_occurs_in() -> None:
    known = [reference.word_key("bad"), reference.pair_key("bad", "dog")]
    vocabulary = reference.vocabulary(known, [reference.chars_key(" do")])
    space = FeatureSpace(vocabulary, np.ones(3), np.array([0.125, 0.25, 0.375]))
    model = Model(
        policies=("p",),
        space=space,
        weights=np.array([[2.0], [4.0], [8.0]]),
        intercept=np.zeros(1),
        precision=np.ones((3, 1)),
        thresholds={"p": 0.5},
        manifest={},
    )
    first = 1.0 + math.log(2.0)
    length = math.sqrt(first**2 + 1.0)
    word, pair, chars = 2.0 * (first / length - 0.125), 4.0 * (1.0 / length - 0.25), 8.0 * (1.0 - 0.375)

    [[score]] = model.explain(["bad, bad dog"])

    assert [(item.start, item.end) for item in score.attributions] == [(0, 3), (5, 8), (9, 12)]
    expected = [word / 2, word / 2 + pair / 2, pair / 2 + chars]
    assert [item.value for item in score.attributions] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("context", "weight"),
    [
        (None, 0.1),
        ({}, 0.1),
        ({"account_age_days": 0.5}, 1.5),
        ({"account_age_days": 1}, 0.2),
        ({"account_age_days": 30.0}, -0.7),
    ],
)
def test_context_is_scored_by_its_bin_and_explained(
    small_model: Model, context: dict[str, float] | None, weight: float
) -> None:
    model = with_context(small_model)
    plain = small_model.decision_function(["the castle"])[0, 0]

    score = model.explain(["the castle"], [context], policies=["harassment"])[0][0]

    assert score.logit == pytest.approx(plain + weight, abs=1e-9)
    assert abs(total(score) - score.logit) <= 1e-9
    [item] = score.context_attributions
    expected = 0.1 * 0.1 + 0.2 * 1.5 + 0.3 * 0.2 - 0.4 * 0.7
    assert item.contribution == pytest.approx(weight - expected)


def test_thresholds_given_override_the_models_own(small_model: Model) -> None:
    [[score]] = small_model.explain(["hello"], policies=["spam"], thresholds={"spam": 0.0})

    assert (score.threshold, score.flagged) == (0.0, True)


def test_bad_arguments_are_refused(small_model: Model) -> None:
    with pytest.raises(InputError, match="no policy 'rudeness'"):
        small_model.explain(["x"], policies=["rudeness"])
    with pytest.raises(InputError, match="between 0 and 1"):
        small_model.explain(["x"], thresholds={"spam": 1.5})
    with pytest.raises(InputError, match="1 texts came with 2 contexts"):
        small_model.explain(["x"], [None, None])
    with pytest.raises(InputError, match="finite number"):
        with_context(small_model).explain(["x"], [{"account_age_days": float("nan")}])
    with pytest.raises(InputError, match="not one string"):
        small_model.explain("x")
