"""Figures are those of scikit-learn and of hand; intervals hold what they claim and repeat themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from ml.metrics import (
    Estimate,
    average_precision,
    bootstrap,
    bootstrap_mean,
    bootstrap_ratio,
    brier,
    calibration,
    expected_calibration_error,
    f1_at,
    logit_of,
    precision_at,
    precision_recall_curve,
    probabilities_at,
    recall_at,
    recall_at_precision,
    reliability,
    roc_auc,
)

SCORED = st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=60).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)
NONE = np.array([], dtype=bool)
NO_SCORES = np.array([])


@given(SCORED)
def test_figures_equal_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    labels = np.array([label for label, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    stated = (scores + 3.0) / 6.0

    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert f1_at(labels, scores, 1.0) == pytest.approx(f1_score(labels, scores >= 1.0))
    assert brier(labels, stated) == pytest.approx(brier_score_loss(labels, stated))


@given(SCORED, st.integers(0, 2**32 - 1))
def test_weights_are_repetitions(pairs: list[tuple[bool, int]], seed: int) -> None:
    labels = np.array([label for label, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    weights = np.random.default_rng(seed).integers(1, 4, labels.size)
    often, again = np.repeat(labels, weights), np.repeat(scores, weights)
    mass = weights.astype(float)

    for metric in (average_precision, roc_auc):
        assert metric(labels, scores, mass) == pytest.approx(metric(often, again))
    assert f1_at(labels, scores, 0.0, mass) == pytest.approx(f1_at(often, again, 0.0))
    assert recall_at_precision(labels, scores, 0.9, mass) == pytest.approx(recall_at_precision(often, again, 0.9))
    stated, stated_again = (scores + 3.0) / 6.0, (again + 3.0) / 6.0
    assert brier(labels, stated, mass) == pytest.approx(brier(often, stated_again))
    assert expected_calibration_error(labels, stated, mass) == pytest.approx(
        expected_calibration_error(often, stated_again)
    )


def test_recall_at_a_precision_counts_only_thresholds_that_reach_it() -> None:
    labels = np.array([True, True, False, True, False])
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0])

    assert recall_at_precision(labels, scores, 1.0) == pytest.approx(2 / 3)
    assert recall_at_precision(labels, scores, 0.75) == pytest.approx(1.0)
    assert recall_at_precision(~labels, -scores + 6.0, 0.9) == pytest.approx(1 / 2)


def test_figures_at_a_threshold_by_hand() -> None:
    labels = np.array([True, True, False, True])
    scores = np.array([4.0, 3.0, 3.0, 1.0])

    assert precision_at(labels, scores, 3.0) == pytest.approx(2 / 3)
    assert recall_at(labels, scores, 3.0) == pytest.approx(2 / 3)
    assert f1_at(labels, scores, 3.0) == pytest.approx(2 / 3)
    assert precision_at(labels, scores, 9.0) is None
    assert (recall_at(labels, scores, 9.0), f1_at(labels, scores, 9.0)) == (0.0, 0.0)
    assert precision_recall_curve(labels, scores) == [(1 / 3, 1.0), (2 / 3, 2 / 3), (1.0, 3 / 4)]


def test_what_no_row_can_give_is_none() -> None:
    assert average_precision(NONE, NO_SCORES) is None
    assert brier(NONE, NO_SCORES) is None
    assert roc_auc(np.array([True]), np.array([1.0])) is None
    assert f1_at(np.array([False]), np.array([1.0]), 0.0) is None
    assert precision_recall_curve(NONE, NO_SCORES) == []
    assert bootstrap(average_precision, NONE, NO_SCORES) == Estimate(None)
    assert bootstrap_mean(NO_SCORES) == Estimate(None)
    with pytest.raises(ValueError, match="needs rows"):
        calibration(NONE, NO_SCORES)


def test_calibration_error_is_zero_for_the_truth_and_the_gap_otherwise() -> None:
    labels = np.array([True, False, False, False])

    assert expected_calibration_error(labels, np.full(4, 0.25)) == pytest.approx(0.0)
    assert expected_calibration_error(labels, np.full(4, 0.65)) == pytest.approx(0.4)
    assert reliability(labels, np.full(4, 0.65)) == [(pytest.approx(0.65), 0.25, 4)]


def test_probabilities_are_moved_between_prevalences_by_bayes_rule() -> None:
    # A likelihood ratio of 9 at prevalence 0.1 is even odds; at prevalence 0.5 it is 0.9.
    assert probabilities_at(np.array([0.0]), 0.5, 0.1)[0] == pytest.approx(0.9)
    assert (logit_of(0.0), logit_of(0.5), logit_of(1.0)) == (-np.inf, 0.0, np.inf)


def test_excess_calibration_error_is_about_zero_for_the_truth_and_large_for_overconfidence() -> None:
    random = np.random.default_rng(0)
    honest = random.beta(0.5, 2.0, 2000)
    labels = random.random(2000) < honest
    bold = np.clip(honest * 1.5, 0.0, 1.0)

    right, wrong = calibration(labels, honest, seed=1), calibration(labels, bold, seed=1)

    assert right.ece > 0.0
    assert abs(right.excess) < 0.01
    assert right.ece <= right.chance_high
    assert wrong.excess > 0.05
    assert wrong.ece > wrong.chance_high
    assert calibration(labels, honest, seed=1) == right
    assert calibration(labels, honest, seed=2) != right


def test_an_interval_covers_the_true_share_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    covered = 0
    for seed in range(100):
        found = bootstrap_mean((random.random(150) < 0.3).astype(float), seed=seed, resamples=200)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high

    assert 85 <= covered <= 100


def test_bootstrap_repeats_itself_and_holds_the_figure() -> None:
    random = np.random.default_rng(4)
    labels = random.random(300) < 0.4
    scores = labels + random.normal(size=300)

    first, again, other = (bootstrap(roc_auc, labels, scores, seed=seed, resamples=200) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert first.value == pytest.approx(roc_auc(labels, scores))
    assert first.low < first.value < first.high  # type: ignore[operator]


def test_too_few_resamples_with_the_figure_give_no_interval() -> None:
    labels = np.array([True, True, True])

    assert bootstrap(lambda *_: None if _[2] is not None else 1.0, labels, np.ones(3)) == Estimate(1.0)


def test_a_ratio_of_paired_values() -> None:
    found = bootstrap_ratio(np.array([1.0, 0.0, 1.0, 0.0]), np.ones(4), seed=0)

    assert found.value == 0.5
    assert bootstrap_ratio(np.zeros(3), np.zeros(3)) == Estimate(None)
