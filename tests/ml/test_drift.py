"""Drift is told from chance: seldom an alarm without it, an alarm where it was planted."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, chi2

from ml import drift
from ml.drift import Drift, label_shift, population_stability, two_sample
from ml.errors import InputError

RUNS = 200
Draw = Callable[[np.random.Generator], Drift]


def _alarms(draw: Draw) -> float:
    results = [draw(np.random.default_rng(seed)) for seed in range(RUNS)]
    assert not any(result.verdict == "insufficient" for result in results)
    return sum(result.verdict != "steady" for result in results) / RUNS


def _scores(random: np.random.Generator, *, n: int = 300, m: int = 220, shift: float = 0.0) -> Drift:
    return population_stability(random.normal(0, 1, n), random.normal(shift, 1, m), name="score")


def _counts(random: np.random.Generator, *, rate: float = 0.1) -> Drift:
    return population_stability(
        random.poisson(0.1, 400).astype(float), random.poisson(rate, 300).astype(float), name="links"
    )


def _tables(random: np.random.Generator, *, shift: float = 0.0, spread: float = 1.0) -> Drift:
    before, recent = random.normal(0, 1, (400, 3)), random.normal(0, spread, (300, 3))
    recent[:, 0] += shift
    before[::7, 1] = np.nan
    recent[::7, 1] = np.nan
    return two_sample(before, recent)


def _judged(random: np.random.Generator, *, share: float = 0.2, recent_share: float = 0.2) -> Drift:
    violates = random.random(1000) < share
    flags = random.random(1000) < np.where(violates, 0.8, 0.05)
    recent = random.random(3000) < recent_share
    recent_flags = random.random(3000) < np.where(recent, 0.8, 0.05)
    return label_shift(violates, flags, np.ones(1000), recent_flags, name="share of harassment")


@pytest.mark.parametrize("draw", [_scores, _counts, _tables, _judged])
def test_an_undrifted_stream_seldom_raises_an_alarm(draw: Draw) -> None:
    assert _alarms(draw) <= 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5


@pytest.mark.parametrize(
    "draw",
    [
        lambda random: _scores(random, shift=0.7),
        lambda random: _counts(random, rate=0.8),
        lambda random: _tables(random, shift=1.0),
        lambda random: _tables(random, spread=2.0),
        lambda random: _judged(random, recent_share=0.35),
        lambda random: _judged(random, recent_share=0.1),
    ],
    ids=["scores", "counts", "mean", "spread", "more-violations", "fewer-violations"],
)
def test_planted_drift_raises_an_alarm(draw: Draw) -> None:
    assert _alarms(draw) >= 0.95


def test_the_estimated_share_lies_in_its_interval() -> None:
    covered = 0
    for seed in range(RUNS):
        figures = _judged(np.random.default_rng(seed), recent_share=0.3).figures
        low, high = figures["share_recent_low"], figures["share_recent_high"]
        assert low is not None
        assert high is not None
        covered += low <= 0.3 <= high
    assert covered / RUNS >= 0.95 - 3 * (0.05 * 0.95 / RUNS) ** 0.5


def test_the_audit_weights_undo_its_sampling() -> None:
    """Violations were drawn four times as often; weighted, the share before is the true 0.2, not 0.5."""
    random = np.random.default_rng(0)
    violates = random.random(2000) < 0.5
    flags = random.random(2000) < np.where(violates, 0.8, 0.05)
    weights = np.where(violates, 1.0, 4.0)
    recent_flags = random.random(3000) < 0.2 * 0.8 + 0.8 * 0.05
    result = label_shift(violates, flags, weights, recent_flags, name="share")
    assert result.figures["share_before"] == pytest.approx(0.2, abs=0.02)
    assert result.verdict == "steady"
    assert result.sentence.startswith("The share of violations is as before: ")


def test_what_becomes_unknown_is_drift() -> None:
    before, recent = np.arange(400.0), np.arange(400.0)
    recent[::2] = np.nan
    result = population_stability(before, recent, name="account_age_days")
    assert result.verdict == "drifted"
    assert result.sentence == f"account_age_days has moved clearly (stability index {result.figures['psi']:.2f})."
    assert two_sample(before[:, None], recent[:, None]).verdict == "drifted"


def test_a_constant_is_steady() -> None:
    assert population_stability(np.zeros(300), np.zeros(300), name="links").figures["psi"] == 0.0
    assert population_stability(np.full(300, np.nan), np.full(300, np.nan), name="links").verdict == "steady"
    assert two_sample(np.zeros((300, 1)), np.zeros((300, 1))).verdict == "steady"


def test_too_little_data_is_said() -> None:
    few = population_stability(np.zeros(10), np.zeros(300), name="links")
    assert (few.verdict, few.sentence) == (
        "insufficient",
        "Too little data: 10 earlier and 300 recent texts, 200 of each are needed.",
    )
    assert two_sample(np.zeros((10, 1)), np.zeros((300, 1))).verdict == "insufficient"
    judged = np.arange(100) < 5
    assert "5 of 100 audited texts violate" in label_shift(judged, judged, np.ones(100), judged, name="x").sentence


def test_flags_that_say_nothing_estimate_nothing() -> None:
    violates = np.arange(400) % 2 == 0
    flags = np.arange(400) % 4 < 2
    result = label_shift(violates, flags, np.ones(400), flags, name="x")
    assert (result.verdict, "too little about violations" in result.sentence) == ("insufficient", True)


@pytest.mark.parametrize("degrees", [1, 2, 5, 9])
@pytest.mark.parametrize("quantile", [0.95, 0.99, 0.999])
def test_the_quantiles_are_those_of_scipy(degrees: int, quantile: float) -> None:
    assert drift._chi_squared(degrees, quantile) == pytest.approx(chi2.ppf(quantile, degrees), rel=0.04)


def test_the_binomial_tail_is_that_of_scipy() -> None:
    assert drift._binomial_tail(1050, 2000) == pytest.approx(binom.sf(1049, 2000, 0.5), rel=1e-6)
    assert drift._binomial_tail(0, 2000) == pytest.approx(1.0)


def test_it_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(InputError):
        population_stability(np.zeros((2, 2)), np.zeros(3), name="x")
    with pytest.raises(InputError):
        two_sample(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(InputError):
        label_shift(np.zeros(2, np.bool_), np.zeros(3, np.bool_), np.ones(2), np.zeros(2, np.bool_), name="x")
