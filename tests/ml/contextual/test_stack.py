"""The stack of both readers, the bands and the heads, on numbers made here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.contextual.cascade import Band, Bands, choose_band
from ml.contextual.heads import Heads, refit
from ml.contextual.logistic import fit_rising
from ml.contextual.stack import fit_stack
from ml.errors import TrainingError
from ml.metrics import roc_auc

RANDOM = np.random.default_rng(5)


def drawn(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return two readers' logits and labels; the second knows more."""
    truth = RANDOM.random(count) < 0.3
    first = RANDOM.normal(size=count) + truth
    second = RANDOM.normal(size=count) + 2.0 * truth
    return first, second, truth.astype(float)


def test_a_stack_is_better_than_either_reader_and_never_falls_where_one_rises() -> None:
    first, second, truth = drawn()
    stack = fit_stack(first, second, truth)
    auc = [roc_auc(truth == 1.0, values) for values in (first, second, stack.logits(first, second))]
    assert auc[2] > max(auc[0], auc[1])
    assert stack.second > stack.first > 0.0


def test_a_reader_that_is_wrong_gets_no_say_rather_than_a_negative_one() -> None:
    first, second, truth = drawn()
    stack = fit_stack(-first, second, truth)
    assert stack.first == 0.0
    assert stack.second > 0.0


def test_the_fit_without_bounds_in_play_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    first, second, truth = drawn()
    features = np.column_stack([first, second])
    intercept, slopes = fit_rising(features, truth, np.ones(len(truth)), ridge=0.0)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(features, truth)
    assert np.allclose(slopes, reference.coef_[0], atol=1e-3)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_labels_of_one_kind_fit_nothing() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_stack(np.zeros(3), np.zeros(3), np.ones(3))


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=40), st.floats(-20, 20), st.floats(0, 20))
def test_a_band_asks_about_what_lies_inside_it_and_nothing_else(logits: list[float], low: float, width: float) -> None:
    bands = Bands({"hate": Band(low, low + width)})
    asked = bands.needs_second(["spam", "hate"], np.column_stack([np.full(len(logits), low), logits]))
    assert asked.tolist() == [low <= value < low + width for value in logits]


def test_a_chosen_band_keeps_to_its_share_and_finds_what_the_first_reader_misses() -> None:
    first, second, truth = drawn()
    stacked = fit_stack(first, second, truth).logits(first, second)
    band = choose_band(first, stacked, share=0.3, threshold=0.0)
    asked = (first >= band.low) & (first < band.high)
    assert 0.2 < asked.mean() <= 0.3
    missed = (stacked >= 0.0) & (np.where(asked, stacked, first) < 0.0)
    other = (first >= np.quantile(first, 0.0)) & (first < np.quantile(first, 0.3))
    assert missed.sum() <= ((stacked >= 0.0) & (np.where(other, stacked, first) < 0.0)).sum()


def test_refitted_heads_follow_labels_and_leave_the_rest() -> None:
    embeddings = RANDOM.normal(size=(600, 8)).astype(np.float32)
    heads = Heads(("hate", "spam"), RANDOM.normal(size=(8, 2)).astype(np.float32), np.zeros(2, dtype=np.float32))
    truth = embeddings[:, 3] > 0.0
    learnt = refit(heads, embeddings[:400], [{"hate": bool(value)} for value in truth[:400]], strength=100.0)
    before, after = (roc_auc(truth[400:], made.logits(embeddings[400:])[:, 0]) for made in (heads, learnt))
    assert after > 0.9 > before
    assert np.array_equal(learnt.weights[:, 1], heads.weights[:, 1])


def test_too_few_labels_change_no_head() -> None:
    embeddings = RANDOM.normal(size=(30, 4)).astype(np.float32)
    heads = Heads(("hate",), np.ones((4, 1), dtype=np.float32), np.zeros(1, dtype=np.float32))
    learnt = refit(heads, embeddings, [{"hate": place < 9} for place in range(30)])
    assert np.array_equal(learnt.weights, heads.weights)


def test_labels_and_embeddings_must_be_as_many() -> None:
    heads = Heads(("hate",), np.ones((4, 1), dtype=np.float32), np.zeros(1, dtype=np.float32))
    with pytest.raises(TrainingError):
        refit(heads, np.zeros((2, 4), dtype=np.float32), [{}])
