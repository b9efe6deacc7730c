"""The solver finds what scikit-learn finds, for each of several fits at once, and only there."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.corpus import Rows, corpus_of
from ml.solver import Solved, solve
from tests.ml.conftest import MakeExamples

Data = tuple[Rows, np.ndarray, np.ndarray]


@pytest.fixture
def data(make_examples: MakeExamples) -> Data:
    """Rows, the same dense, and labels of 200 invented texts."""
    examples = make_examples(200, seed=8)
    texts = [example.text for example in examples]
    rows = corpus_of(texts, np.full((200, 1), -1, dtype=np.int8), min_document_frequency=1).rows
    return rows, rows.times(np.eye(rows.columns)), np.array([example.labels["spam"] for example in examples])


def exact(rows: Rows, labels: np.ndarray, costs: np.ndarray, factors: np.ndarray, **given: object) -> Solved:
    """Solve to the end rather than to what training needs."""
    return solve(rows, labels, costs, factors, tolerance=1e-6, rounds=3000, **given)  # type: ignore[arg-type]


def reference(values: np.ndarray, labels: np.ndarray, costs: np.ndarray, bias: float) -> np.ndarray:
    """Return weights and bias that scikit-learn finds, the bias penalised as the solver does it."""
    wide = np.column_stack([values, np.full(len(values), bias)])
    found = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=5000)
    found.fit(wide, labels, sample_weight=costs)
    return np.append(found.coef_[0, :-1], found.coef_[0, -1] * bias)


def test_every_lane_finds_what_scikit_learn_finds(data: Data) -> None:
    rows, values, labels = data
    random = np.random.default_rng(0)
    costs = random.uniform(0.2, 4.0, (200, 3))
    costs[random.random((200, 3)) < 0.2] = 0.0
    factors = random.uniform(0.3, 2.0, (rows.columns, 3))

    solved = exact(rows, labels, costs, factors)

    for lane in range(3):
        expected = reference(values * factors[:, lane], labels, costs[:, lane], bias=3.0)
        assert np.allclose(solved.weights[:, lane], expected[:-1] * factors[:, lane], atol=2e-3)
        assert solved.bias[lane] == pytest.approx(expected[-1], abs=2e-3)


def test_a_start_from_another_fit_ends_at_the_same_point(data: Data) -> None:
    rows, _, labels = data
    costs, factors = np.ones((200, 1)), np.ones((rows.columns, 1))
    without = np.where(np.arange(200)[:, None] % 5 == 0, 0.0, costs)

    started = exact(rows, labels, costs, factors, shares=exact(rows, labels, without, factors).shares)

    fresh = exact(rows, labels, costs, factors)
    assert np.allclose(started.weights, fresh.weights, atol=2e-3)
    assert np.all(np.isfinite(started.shares))


def test_what_is_left_out_or_held_has_no_say(data: Data) -> None:
    rows, _, labels = data
    factors = np.ones((rows.columns, 1))
    factors[0] = 0.0

    solved = exact(rows, labels, np.zeros((200, 1)), factors)
    held = exact(rows, labels, np.ones((200, 1)), factors)

    assert not solved.weights.any()
    assert held.weights[0, 0] == 0.0
    assert held.weights[1:].any()


def test_an_offset_and_a_column_beside_the_rows_are_taken_into_account(data: Data) -> None:
    rows, values, labels = data
    extra = np.where(np.arange(200) % 2 == 0, 1.0, 0.0)
    offset = np.random.default_rng(1).normal(size=200)
    costs, factors = np.full((200, 1), 2.0), np.ones((rows.columns, 1))

    solved = exact(rows, labels, costs, factors, extra=extra)
    moved = exact(rows, labels, costs, factors, offset=offset)

    expected = reference(np.column_stack([values, extra]), labels, costs[:, 0], bias=3.0)
    assert np.allclose(solved.weights[:, 0], expected[:-2], atol=2e-3)
    # Where the slope of the penalised loss is 0 in every weight, the offset is in it.
    chance = 1.0 / (1.0 + np.exp(-(values @ moved.weights[:, 0] + moved.bias[0] + offset)))
    assert np.allclose(moved.weights[:, 0], values.T @ (2.0 * (labels - chance)), atol=1e-3)


def test_the_bias_is_at_its_best_even_where_weights_are_not_there_yet(data: Data) -> None:
    rows, values, labels = data
    costs, factors = np.ones((200, 1)), np.ones((rows.columns, 1))

    early = solve(rows, labels, costs, factors, rounds=1)

    chance = 1.0 / (1.0 + np.exp(-(values @ early.weights[:, 0] + early.bias[0])))
    assert early.bias[0] / 9.0 == pytest.approx(float((labels - chance).sum()), abs=1e-2)
