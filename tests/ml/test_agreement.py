"""Agreement beyond chance: the published figures, the library's, and the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ml import agreement
from ml.errors import InputError
from tests.ml.panel import Panel

JUDGEMENTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60)


def test_kappa_is_the_textbook_one() -> None:
    # Cohen's 2 x 2 example as the literature repeats it: 20 and 15 agreed, 5 and 10 not, of 50.
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = agreement.kappa([a for a, _ in pairs], [b for _, b in pairs])
    assert found.value == pytest.approx(0.4)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high
    assert found.n == 50


@settings(deadline=None, max_examples=60)
@given(JUDGEMENTS)
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found = agreement.kappa(first, second)
    if len({*first, *second}) == 1:
        assert found == agreement.Estimate(None, None, None, len(pairs))
    else:
        assert found.value == pytest.approx(cohen_kappa_score(first, second), nan_ok=False)


def test_alpha_is_krippendorffs_example() -> None:
    # Krippendorff (2011), "Computing Krippendorff's alpha-reliability", section C: nominal alpha 0.743.
    data = [
        [1, 1, None, 1],
        [2, 2, 3, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
        [2, 2, 2, 2],
        [1, 2, 3, 4],
        [4, 4, 4, 4],
        [1, 1, 2, 1],
        [2, 2, 2, 2],
        [None, 5, 5, 5],
        [None, None, 1, 1],
        [None, None, 3, None],
    ]
    units = [[str(value) for value in unit if value is not None] for unit in data]
    found = agreement.alpha(units)
    assert found.value == pytest.approx(0.743, abs=0.0005)
    assert found.n == 11


@settings(deadline=None, max_examples=30)
@given(JUDGEMENTS, st.integers(0, 2**20))
def test_the_order_of_units_changes_no_figure(pairs: list[tuple[str, str]], seed: int) -> None:
    shuffled = [pairs[place] for place in np.random.default_rng(seed).permutation(len(pairs))]
    assert agreement.alpha(pairs).value == pytest.approx(agreement.alpha(shuffled).value)
    one = agreement.kappa([a for a, _ in pairs], [b for _, b in pairs])
    other = agreement.kappa([a for a, _ in shuffled], [b for _, b in shuffled])
    assert one.value == pytest.approx(other.value)


def test_what_cannot_be_told_is_not_told() -> None:
    assert agreement.kappa([], []).value is None
    assert agreement.alpha([]).value is None
    assert agreement.alpha([["a"], ["b"]]) == agreement.Estimate(None, None, None, 0)
    assert agreement.kappa(["a"] * 30, ["a"] * 30) == agreement.Estimate(None, None, None, 30)
    few = agreement.kappa(list("abab"), list("abba"))
    assert few.value is not None
    assert few.low is few.high is None
    assert agreement.share(0, 0).value is None
    with pytest.raises(InputError):
        agreement.kappa(["a"], [])


def test_a_share_has_wilsons_interval() -> None:
    found = agreement.share(8, 10)
    assert (found.value, found.n) == (0.8, 10)
    assert found.low == pytest.approx(0.4902, abs=0.0001)
    assert found.high == pytest.approx(0.9433, abs=0.0001)


def test_a_few_simulated_panels_are_estimated_around_the_truth() -> None:
    panel = Panel.of(20, seed=3)
    off = []
    for seed in range(20):
        first, second, _ = panel.judge_pairs(400, seed=seed)
        found = agreement.alpha(list(zip(first, second, strict=True)), seed=seed)
        assert found.value is not None
        off.append(found.value - panel.alpha)
    assert abs(float(np.mean(off))) < 0.03
