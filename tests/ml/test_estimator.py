"""The estimator keeps scikit-learn's promises, judges policies apart, and learns from parts as from the whole."""

import pickle
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils import Tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from ml.estimator import TextClassifier
from ml.metrics import average_precision, log_odds
from ml.train import fit
from tests.ml.conftest import POLICIES, MakeExamples

COPIES = 10  # of every row: the learner refuses fewer than ten labels of a class, scikit-learn's checks bring fewer


class OfNumbers(TextClassifier):
    """The estimator on numbers written as words, so that checks which need a matrix can be run on it."""

    def _written(self, X: Any, *, reset: bool) -> list[str]:
        values = validate_data(self, X, reset=reset, dtype="numeric").astype(float)
        steps = np.clip(np.round(values * 2.0), -9, 9).astype(int)
        return [
            " ".join(f"{chr(97 + place)}{'pn'[int(step < 0)]}{chr(97 + abs(step))}x" for place, step in enumerate(row))
            for row in steps
        ]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit on each row written ten times."""
        texts = self._written(X, reset=True)
        if y is None or len(texts) != len(np.asarray(y)):
            return super().fit(texts, y, sample_weight)
        copies = [np.concatenate([np.asarray(given)] * COPIES) for given in (y, sample_weight) if given is not None]
        return super().fit(texts * COPIES, *copies)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from each row once more."""
        return super().partial_fit(self._written(X, reset=not hasattr(self, "stream_")), y, classes, sample_weight)

    def decision_function(self, X: Any) -> Any:
        """Score rows written as texts."""
        check_is_fitted(self, "model_")
        return super().decision_function(self._written(X, reset=False))

    def __sklearn_tags__(self) -> Tags:
        """Say that X is a matrix."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags


def not_applicable(_: object) -> dict[str, str]:
    """The checks that do not apply, with the reason."""
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "In how many texts a feature occurs counts texts, not weight, as it must: a text that was rarely chosen "
            "is no more texts than it is. A repeated text is therefore not the same as a heavier one."
        )
    }


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@parametrize_with_checks([OfNumbers(min_document_frequency=1)], expected_failed_checks=not_applicable)
def test_scikit_learns_checks(estimator: OfNumbers, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore:Can't test estimator")
def test_scikit_learns_checks_of_an_estimator_of_texts() -> None:
    results = check_estimator(TextClassifier())

    assert results
    assert {result["status"] for result in results} == {"passed"}


@pytest.fixture(scope="module")
def data(make_examples: MakeExamples) -> tuple[list[str], np.ndarray]:
    """Texts (600,) and labels (600, 2)."""
    examples = make_examples(600, seed=3)
    labels = np.array([[float(row.labels[policy]) for policy in POLICIES] for row in examples])
    return [row.text for row in examples], labels


def test_it_is_the_learner_of_the_library(data: tuple[list[str], np.ndarray], make_examples: MakeExamples) -> None:
    texts, labels = data
    estimator = TextClassifier(policies=POLICIES, prevalence=0.1, seed=4).fit(texts, labels)
    model = fit(make_examples(600, seed=3), policies=POLICIES, prevalence=dict.fromkeys(POLICIES, 0.1), seed=4)

    assert np.array_equal(estimator.model_.weights, model.weights)
    assert np.array_equal(estimator.decision_function(texts), model.decision_function(texts))
    assert estimator.predict_proba(texts).shape == estimator.predict(texts).shape == (600, 2)


def test_a_policy_learns_from_the_texts_that_label_it_and_no_others(data: tuple[list[str], np.ndarray]) -> None:
    texts, labels = data
    partly = labels.copy()
    partly[400:, 1] = np.nan
    absent = [[value if value == value else None for value in row] for row in partly]  # noqa: PLR0124

    halves = [TextClassifier().fit(texts, given) for given in (partly, absent)]
    whole = TextClassifier().fit(texts, labels)

    assert np.array_equal(halves[0].decision_function(texts), halves[1].decision_function(texts))
    assert halves[0].model_.manifest["training"]["policy_1"]["n"] == 400
    assert not np.array_equal(halves[0].model_.weights[:, 1], whole.model_.weights[:, 1])


def test_labels_of_any_kind_come_back_as_they_were(data: tuple[list[str], np.ndarray]) -> None:
    texts, labels = data
    named = np.where(labels[:, 1] == 1.0, "spam", "ham")

    estimator = TextClassifier().fit(texts, named)

    assert estimator.classes_.tolist() == ["ham", "spam"]
    assert (estimator.predict(texts) == named).mean() > 0.9
    assert estimator.score(texts, named) > 0.9
    assert np.allclose(estimator.predict_proba(texts).sum(axis=1), 1.0)


def test_prevalence_is_that_of_the_weights_unless_declared(data: tuple[list[str], np.ndarray]) -> None:
    texts, labels = data
    spam = labels[:, 1] == 1.0
    weights = np.where(spam, 3.0, 1.0)
    seen, rare = (
        TextClassifier(prevalence=prevalence).fit(texts, spam, sample_weight=weights) for prevalence in (None, 0.01)
    )

    share = weights[spam].sum() / weights.sum()
    gap = seen.decision_function(["the castle"]) - rare.decision_function(["the castle"])
    assert gap[0] == pytest.approx(log_odds(share) - log_odds(0.01))


def test_it_can_be_cloned_copied_and_searched(data: tuple[list[str], np.ndarray]) -> None:
    texts, labels = data
    estimator = TextClassifier(min_document_frequency=2).fit(texts, labels[:, 1])

    copied = pickle.loads(pickle.dumps(estimator))  # noqa: S301

    assert clone(estimator).get_params() == estimator.get_params()
    assert np.array_equal(copied.decision_function(texts), estimator.decision_function(texts))
    assert cross_val_score(clone(estimator), texts, labels[:, 1], cv=3, scoring="average_precision").min() > 0.8


def test_learning_in_parts_comes_near_to_learning_from_all(make_examples: MakeExamples) -> None:
    train, test = make_examples(2000, seed=6), make_examples(1000, seed=7)
    spam = [row.labels["spam"] for row in train]
    truth = np.array([row.labels["spam"] for row in test])
    parts = TextClassifier()
    for start in range(0, 2000, 250):
        chosen = slice(start, start + 250)
        parts.partial_fit([row.text for row in train[chosen]], spam[chosen], classes=[False, True])
        parts.predict_proba(["the castle"])
    whole = TextClassifier().fit([row.text for row in train], spam)

    figures = [
        average_precision(truth, model.decision_function([row.text for row in test])) for model in (parts, whole)
    ]
    assert None not in figures
    assert figures[0] > figures[1] - 0.01  # type: ignore[operator]


def test_too_little_to_learn_from_is_not_fitted_yet(data: tuple[list[str], np.ndarray]) -> None:
    texts, labels = data
    estimator = TextClassifier().partial_fit(texts[:8], labels[:8, 1], classes=[0.0, 1.0])

    with pytest.raises(ValueError, match="not fitted"):
        estimator.predict(texts)
    with pytest.raises(TypeError, match="cannot be copied"):
        pickle.dumps(estimator)
    assert estimator.partial_fit(texts, labels[:, 1]).predict(texts).shape == (600,)


@pytest.mark.parametrize(
    ("X", "y", "weight", "message"),
    [
        ("one text", [0, 1], None, "not one text"),
        ([["a"], ["b"]], [0, 1], None, "1D array"),
        (["a", 1], [0, 1], None, "must be a string"),
        (["a", "b"], [0, 1, 1], None, "inconsistent"),
        (["a", "b"], [0, 1], [1.0, -1.0], "at least 0"),
        (["a", "b"], [0, 1], [0.0, 0.0], "zero"),
        (["a", "b"], [[0, 1], [2, 1]], None, "a column a policy"),
        (["a", "b"], [0, 1], None, "fewer than 10"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(X: Any, y: Any, weight: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextClassifier().fit(X, y, sample_weight=weight)
