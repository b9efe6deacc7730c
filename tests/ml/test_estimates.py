"""What an audit says of everything it was drawn from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import estimates
from ml.errors import InputError
from tests.ml.panel import Traffic


def test_a_census_knows_everything() -> None:
    found = estimates.share([1, 0, 0, 1], [1, 1, 1, 1], [1.0] * 4)
    assert (found.value, found.low, found.high, found.n) == (0.5, 0.5, 0.5, 4)
    assert estimates.total([1, 0, 1], [1.0] * 3).value == 2.0


def test_a_simple_random_sample_has_wilsons_interval() -> None:
    # At a vanishing sampling rate there is no finite-population gain: 8 of 10, as everyone computes it.
    found = estimates.share([1.0] * 8 + [0.0] * 2, [1.0] * 10, [1e-9] * 10)
    assert found.value == pytest.approx(0.8)
    assert found.low == pytest.approx(0.4902, abs=0.0001)
    assert found.high == pytest.approx(0.9433, abs=0.0001)


def test_each_text_counts_by_its_probability() -> None:
    # One text of a thousand like it, and one of two like it.
    assert estimates.share([1, 0], [1, 1], [0.001, 0.5]).value == pytest.approx(1000 / 1002)
    assert estimates.total([1, 1], [0.001, 0.5]).value == pytest.approx(1002)


def test_nothing_found_is_not_nothing_there() -> None:
    found = estimates.share([0.0] * 300, [1.0] * 300, [0.01] * 300)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.0126, abs=0.0005)
    assert estimates.share([], [], []).value is None
    assert estimates.share([0, 0], [0, 0], [0.5, 0.5]).value is None


@pytest.mark.parametrize("chances", [[0.0, 0.5], [1.1, 0.5], [0.5]])
def test_it_refuses_what_is_no_probability(chances: list[float]) -> None:
    with pytest.raises(InputError):
        estimates.share([1, 0], [1, 1], chances)
    with pytest.raises(InputError):
        estimates.total([1, 0], chances)


def test_a_part_is_part_of_the_whole() -> None:
    with pytest.raises(InputError, match="among"):
        estimates.share([1, 1], [1, 0], [0.5, 0.5])


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 1)), min_size=1, max_size=50))
def test_a_share_lies_in_its_interval_between_none_and_all(rows: list[tuple[bool, float]]) -> None:
    found = estimates.share([float(hit) for hit, _ in rows], [1.0] * len(rows), [chance for _, chance in rows])
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1


def test_estimates_of_a_few_audits_lie_around_the_truth() -> None:
    traffic = Traffic.of(20_000, seed=1)
    found = []
    for seed in range(30):
        drawn = traffic.drawn(seed=seed)
        estimate = estimates.share(traffic.violates[drawn], np.ones(drawn.sum()), traffic.rates[drawn])
        found.append(estimate.value)
    assert np.mean(found) == pytest.approx(traffic.prevalence, rel=0.06)
