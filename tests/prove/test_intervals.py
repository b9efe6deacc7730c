"""Intervals hold what they promise: over 200 runs the truth lies in them at the nominal rate, to 3 standard errors."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from ml import agreement, estimates
from ml.agreement import Estimate
from tests.ml.panel import Panel, Traffic

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

RUNS = 200
WITHIN = 3 * math.sqrt(agreement.LEVEL * (1 - agreement.LEVEL) / RUNS)
PANEL = Panel.of(20, seed=11)
TRAFFIC = Traffic.of(40_000, seed=12)


def _kappa(seed: int) -> tuple[Estimate, float]:
    first, second, _ = PANEL.judge_pairs(300, seed=seed)
    return agreement.kappa(first, second, seed=seed), PANEL.kappa


def _alpha(seed: int) -> tuple[Estimate, float]:
    first, second, _ = PANEL.judge_pairs(300, seed=seed)
    return agreement.alpha(list(zip(first, second, strict=True)), seed=seed), PANEL.alpha


def _prevalence(seed: int) -> tuple[Estimate, float]:
    drawn = TRAFFIC.drawn(seed=seed)
    found = estimates.share(TRAFFIC.violates[drawn], np.ones(drawn.sum()), TRAFFIC.rates[drawn])
    return found, TRAFFIC.prevalence


def _recall(threshold: float) -> Callable[[int], tuple[Estimate, float]]:
    def run(seed: int) -> tuple[Estimate, float]:
        drawn = TRAFFIC.drawn(seed=seed)
        violates = TRAFFIC.violates[drawn]
        flagged = violates & (TRAFFIC.scores[drawn] >= threshold)
        return estimates.share(flagged, violates, TRAFFIC.rates[drawn]), TRAFFIC.recall(threshold)

    return run


def _total(seed: int) -> tuple[Estimate, float]:
    drawn = TRAFFIC.drawn(seed=seed)
    return estimates.total(TRAFFIC.violates[drawn], TRAFFIC.rates[drawn]), float(TRAFFIC.violates.sum())


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("kappa", _kappa),
        ("alpha", _alpha),
        ("prevalence", _prevalence),
        ("violations", _total),
        ("recall of flagging", _recall(0.5)),
        ("recall of automation", _recall(0.8)),
    ],
)
def test_intervals_hold_the_truth_at_their_nominal_rate(
    name: str, run: Callable[[int], tuple[Estimate, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    held = 0
    for seed in range(RUNS):
        found, truth = run(seed)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high
    with capsys.disabled():
        print(f"\n{name}: {held} of {RUNS} intervals held the truth ({held / RUNS:.1%}, nominal {agreement.LEVEL:.0%})")  # noqa: T201
    assert abs(held / RUNS - agreement.LEVEL) <= WITHIN


def test_an_interval_that_is_too_narrow_is_found_out() -> None:
    """The check can fail: half-width intervals hold the truth far too rarely."""
    held = 0
    for seed in range(RUNS):
        found, truth = _prevalence(seed)
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        held += (found.low + found.value) / 2 <= truth <= (found.high + found.value) / 2
    assert abs(held / RUNS - agreement.LEVEL) > WITHIN
