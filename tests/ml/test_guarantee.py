"""A promise of precision is broken as seldom as it says, and a good model does get one."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import guarantee
from ml.errors import InputError
from ml.guarantee import calibrate, delta_of_recalibration, grid_from

GRID = grid_from(0.3)


def _calibrate(violates: list[bool], *, score: float = 0.999, chance: float = 0.1) -> guarantee.Guarantee:
    n = len(violates)
    return calibrate(
        np.full(n, score),
        np.array(violates, dtype=np.bool_),
        np.full(n, chance),
        grid=GRID,
        precision=0.95,
        delta=0.05,
        smallest_probability=0.1,
    )


def test_the_promise_is_kept_where_the_precision_falls_below_it_inside_the_grid() -> None:
    result = guarantee.simulate(100, seed=1)
    assert result.kept
    assert result.found > 20, "a simulation in which nothing is promised proves nothing"


def test_the_simulation_would_catch_a_careless_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes the loosest threshold whose estimated precision is high enough breaks the promise often."""

    def estimate(truth: Any, chances: Any, above: Any, floors: Any, precision: float) -> Any:
        hits, all_ = np.cumsum(truth / chances), np.cumsum(1 / chances)
        return np.array([np.inf if n and hits[n - 1] / all_[n - 1] >= precision else -np.inf for n in above])

    monkeypatch.setattr(guarantee, "_evidence", estimate)
    monkeypatch.setattr(guarantee, "_lower_bound", lambda *_: 1.0)
    assert not guarantee.simulate(100, seed=1).kept


def test_an_easy_model_gets_a_threshold() -> None:
    result = guarantee.simulate(40, offset=2.0, seed=2)
    assert result.found >= 0.9 * result.runs
    assert result.kept
    assert result.share_automated is not None
    assert result.share_automated > 0.3


@pytest.mark.prove
@pytest.mark.parametrize("offset", [0.0, 1.0, 2.0])
def test_a_thousand_calibrations_keep_the_promise(offset: float) -> None:
    result = guarantee.simulate(1000, offset=offset, seed=3)
    assert result.kept
    assert result.found > 200


def test_a_model_just_below_the_promise_everywhere_is_almost_never_promised_anything() -> None:
    random = np.random.default_rng(4)
    found = 0
    for _ in range(200):
        chances = np.where(random.random(1000) < 0.5, 0.1, 0.02)
        result = calibrate(
            random.random(1000),
            random.random(1000) < 0.9499,
            chances,
            grid=GRID,
            precision=0.95,
            delta=0.05,
            smallest_probability=0.02,
        )
        found += result.threshold is not None
    assert found / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_weights_undo_the_sampling() -> None:
    """Violations drawn ten times as often look like a precision of 0.98, where 0.83 is the truth."""
    random = np.random.default_rng(5)
    violates = random.random(5000) < 0.98
    unweighted = calibrate(
        np.full(5000, 0.9999), violates, np.ones(5000), grid=GRID, precision=0.95, delta=0.05, smallest_probability=1.0
    )
    weighted = calibrate(
        np.full(5000, 0.9999),
        violates,
        np.where(violates, 1.0, 0.1),
        grid=GRID,
        precision=0.95,
        delta=0.05,
        smallest_probability=0.1,
    )
    assert unweighted.threshold is not None
    assert weighted.threshold is None


def test_a_result_names_its_bound_its_samples_and_its_error() -> None:
    result = _calibrate([True] * 300)
    assert result.threshold == pytest.approx(0.3)
    assert result.lower_bound is not None
    assert 0.95 <= result.lower_bound < 1.0
    assert (result.n, result.delta_spent) == (300, 0.05)
    assert "at least 95.0% are violations: 300 audited texts" in result.sentence


def test_too_few_samples_promise_nothing_and_say_so() -> None:
    result = _calibrate([True] * 20)
    assert (result.threshold, result.lower_bound, result.n) == (None, None, 20)
    assert "The 20 audited texts promise a precision of 95.0% at no score" in result.sentence
    assert _calibrate([]).threshold is None


def test_the_walk_stops_at_the_first_threshold_that_fails() -> None:
    scores = np.concatenate([np.full(400, 0.999), np.full(400, 0.6)])
    violates = np.concatenate([np.ones(400, np.bool_), np.zeros(400, np.bool_)])
    result = calibrate(scores, violates, np.ones(800), grid=GRID, precision=0.95, delta=0.05, smallest_probability=1.0)
    assert result.threshold is not None
    assert 0.6 < result.threshold <= 0.999


@given(st.permutations(list(range(60))))
def test_the_order_of_the_samples_means_nothing(order: list[int]) -> None:
    violates = np.arange(60) % 30 != 0
    scores = np.linspace(0.4, 0.9999, 60)
    results = {
        calibrate(
            scores[places],
            violates[places],
            np.full(60, 0.5),
            grid=GRID,
            precision=0.5,
            delta=0.2,
            smallest_probability=0.5,
        ).threshold
        for places in (np.arange(60), np.array(order))
    }
    assert len(results) == 1


def test_recalibrations_never_spend_more_than_the_budget() -> None:
    spent = [delta_of_recalibration(0.05, number) for number in range(1, 2001)]
    assert spent[0] == pytest.approx(0.0304, abs=1e-4)
    assert 0.0499 < sum(spent) < 0.05


def test_the_grid_runs_from_strict_to_loose_and_no_looser() -> None:
    assert np.all(np.diff(GRID) < 0)
    assert GRID[0] == pytest.approx(0.9995)
    assert GRID[-1] == pytest.approx(0.3)
    assert grid_from(0.9999).tolist() == [0.9999]


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.ones(3)},
        {"scores": np.array([np.nan, 0.5])},
        {"probabilities": np.array([0.5, 1.5])},
        {"probabilities": np.array([0.5, 0.0])},
        {"smallest_probability": 0.6},
        {"smallest_probability": 0.0},
        {"grid": np.array([0.3, 0.9])},
        {"precision": 1.0},
        {"delta": 0.0},
    ],
    ids=str,
)
def test_it_refuses_what_cannot_be_used(change: dict[str, object]) -> None:
    arguments: dict[str, object] = {
        "scores": np.array([0.9, 0.95]),
        "violates": np.array([True, False]),
        "probabilities": np.array([0.5, 0.5]),
        "grid": GRID,
        "precision": 0.9,
        "delta": 0.1,
        "smallest_probability": 0.5,
    }
    with pytest.raises(InputError):
        calibrate(**{**arguments, **change})  # type: ignore[arg-type]


def test_recalibrations_are_counted_from_one() -> None:
    with pytest.raises(InputError):
        delta_of_recalibration(0.05, 0)
