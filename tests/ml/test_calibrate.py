"""Calibration, base rate and threshold count labels by their weight."""

from dataclasses import replace

import numpy as np
import pytest

from ml.calibrate import affine, base_rate, shift_to
from ml.metrics import log_odds
from ml.schemas import Example
from ml.thresholds import best_threshold
from ml.train import fit
from tests.ml.conftest import LURES, MakeExamples

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def drawn() -> Drawn:
    """Logits that are off by an affine map, labels, and weights; uncertain texts were drawn nine times as often."""
    random = np.random.default_rng(0)
    truth = random.normal(-1.0, 2.0, 40_000)
    labels = random.random(truth.size) < 1.0 / (1.0 + np.exp(-truth))
    chance = np.where(np.abs(truth) < 1.0, 0.9, 0.1)
    # What a person could tell beyond the text makes a text likelier to be drawn: undone by weight alone.
    chance = np.where(labels, chance, chance / 3.0)
    kept = random.random(truth.size) < chance
    return (truth[kept] - 0.5) / 2.0, labels[kept], 1.0 / chance[kept]


def test_weighted_calibration_finds_the_map_of_everything_that_could_have_been_drawn(drawn: Drawn) -> None:
    logits, labels, weights = drawn

    slope, offset = affine(logits, labels, weights)
    blind = affine(logits, labels, np.ones(labels.size))

    assert (slope, offset) == (pytest.approx(2.0, abs=0.15), pytest.approx(0.5, abs=0.15))
    assert abs(blind[1] - 0.5) > 0.5


def test_weights_count_in_proportion_only(drawn: Drawn) -> None:
    logits, labels, weights = drawn

    assert affine(logits, labels, 7.0 * weights) == pytest.approx(affine(logits, labels, weights), abs=1e-6)


def test_scores_that_say_nothing_are_calibrated_to_the_base_rate() -> None:
    labels = np.arange(100) < 20
    slope, offset = affine(np.zeros(100), labels, np.ones(100))

    assert slope > 0.0
    assert offset == pytest.approx(log_odds(0.2), abs=0.1)


def test_perfect_scores_far_from_zero_are_calibrated_without_overflow() -> None:
    labels = np.arange(200) < 100

    slope, offset = affine(np.where(labels, 900.0, -900.0), labels, np.ones(200))

    assert np.isfinite([slope, offset]).all()
    assert slope > 0.0


def test_the_base_rate_is_that_of_the_weights() -> None:
    labels, weights = np.array([True, False, False]), np.array([2.0, 1.0, 1.0])

    assert base_rate(labels, weights) == 0.5
    assert shift_to(0.5, labels, weights) == pytest.approx(0.0)


def test_a_threshold_sees_alarms_by_their_weight() -> None:
    logits = np.array([3.0, 2.0, 1.0, 0.0, -1.0])
    labels = np.array([True, False, True, True, False])
    nobody = np.zeros(5, dtype=bool)

    light, heavy = (
        best_threshold(logits, labels, np.array([1.0, weight, 1.0, 1.0, 1.0]), nobody, 0.3) for weight in (0.01, 100.0)
    )

    assert light < 1.0 / (1.0 + np.exp(-0.0)) + 0.01
    assert heavy > 1.0 / (1.0 + np.exp(-2.0))


def test_a_threshold_lies_half_way_to_the_first_text_that_it_does_not_flag() -> None:
    logits, labels = np.array([4.0, 3.0, -3.0, -4.0]), np.array([True, True, False, False])

    assert best_threshold(logits, labels, np.ones(4), np.zeros(4, dtype=bool), 0.2) == 0.5


def test_a_model_of_rarely_drawn_texts_states_what_is_true_of_all(make_examples: MakeExamples) -> None:
    # Half of the texts hold a lure, and of those half are spam; the others are hardly ever drawn.
    def community(count: int, seed: int) -> list[Example]:
        random = np.random.default_rng(seed)
        found = []
        for row in make_examples(count, seed=seed):
            words = [word for word in row.text.split() if word not in LURES]
            luring, spam = random.random() < 0.5, random.random() < 0.5
            found.append(Example(" ".join([*words, *["voucher"] * luring]), {"spam": luring and spam}))
        return found

    drawn = [
        Example(row.text, row.labels, weight=1.0 if "voucher" in row.text else 10.0)
        for number, row in enumerate(community(4000, 41))
        if "voucher" in row.text or number % 10 == 0
    ]
    test = community(3000, 42)
    seen = np.mean([row.labels["spam"] for row in test])

    stated = []
    for rows in (drawn, [replace(row, weight=1.0) for row in drawn]):
        model = fit(rows, policies=["spam"], prevalence={"spam": float(seen)}, benign=())
        logits = model.decision_function([row.text for row in test])[:, 0]
        stated.append(float(np.mean(1.0 / (1.0 + np.exp(-logits)))))

    assert stated[0] == pytest.approx(seen, abs=0.02)
    assert abs(stated[1] - seen) > 0.03
