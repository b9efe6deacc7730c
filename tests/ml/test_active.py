"""Choices are distinct, repeat themselves, and are drawn with the probabilities they state."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import active, simulation
from ml.active import STRATEGIES, Pool, choose, duplicate_groups, inclusion_probabilities
from ml.errors import InputError
from tests.ml.conftest import MakeExamples


def pool(rows: int = 60, *, seed: int = 0, policies: int = 2) -> Pool:
    """Return a pool with some near duplicates."""
    source = np.random.default_rng(seed)
    groups = source.integers(0, max(1, rows * 2 // 3), rows)
    return Pool(source.normal(-1.0, 2.0, (rows, policies)), np.zeros(policies), groups)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("count", [0, 1, 17, 60, 100])
def test_as_many_distinct_texts_as_asked_for(strategy: str, count: int) -> None:
    found = choose(pool(), count, strategy=strategy, seed=3)

    assert found.rows.size == np.unique(found.rows).size == min(count, 60)
    assert np.array_equal(found.rows, choose(pool(), count, strategy=strategy, seed=3).rows)
    assert (found.probabilities is None) == (strategy == "uncertainty")
    if found.probabilities is not None:
        assert np.all((found.probabilities > 0.0) & (found.probabilities <= 1.0))


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "uncertainty"])
def test_stated_probabilities_are_how_often_a_text_is_chosen(strategy: str) -> None:
    texts = pool(20)
    chosen, stated = np.zeros(20), np.zeros(20)
    for seed in range(4000):
        found = choose(texts, 5, strategy=strategy, seed=seed)
        assert found.probabilities is not None
        chosen[found.rows] += 1.0 / 4000
        stated[found.rows] = found.probabilities

    assert stated.min() > 0.0
    assert stated.sum() == pytest.approx(5.0)
    assert np.abs(chosen - stated).max() < 0.04


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30), st.data())
def test_inclusion_probabilities_sum_to_the_count(interest: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(interest)))
    chances = inclusion_probabilities(np.array(interest), count)

    assert chances.sum() == pytest.approx(count)
    assert np.all((chances >= 0.0) & (chances <= 1.0 + 1e-12))


def test_uncertainty_takes_what_lies_nearest_to_any_threshold() -> None:
    texts = Pool(np.array([[3.0, -9.0], [0.4, -9.0], [-8.0, 1.2], [9.0, 9.0]]), np.array([0.0, 1.0]), np.arange(4))

    assert choose(texts, 2, strategy="uncertainty").rows.tolist() == [1, 2]


def test_precision_asks_mostly_about_what_is_flagged() -> None:
    texts = pool(1000, policies=1)
    flagged = texts.logits[:, 0] >= 0.0
    found = choose(texts, 100, strategy="precision").rows

    assert flagged[found].mean() > 0.75 > flagged.mean() + 0.3


@pytest.mark.parametrize("strategy", ["diversity", "hybrid"])
def test_near_duplicates_count_as_one_text(strategy: str) -> None:
    copies = Pool(np.zeros((200, 1)), np.zeros(1), np.array([0] * 100 + list(range(1, 101))))

    found = choose(copies, 50, strategy=strategy).rows
    assert (found < 100).sum() <= 2


def test_near_duplicates_share_a_number() -> None:
    line = "limited offer, claim your free skins at the link below before midnight, only for members of this server"
    first, other, again = duplicate_groups([line, "does anyone know how to get past the second gate", line + "!"])

    assert first == again != other
    assert duplicate_groups([]).shape == (0,)


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(InputError, match="no strategy is called 'luck'"):
        choose(pool(), 3, strategy="luck")
    with pytest.raises(InputError, match="must not be negative"):
        choose(pool(), -1)
    with pytest.raises(InputError, match="a pool needs"):
        Pool(np.zeros(3), np.zeros(1), np.zeros(3, dtype=np.int64))
    with pytest.raises(InputError, match="finite"):
        Pool(np.full((1, 1), np.nan), np.zeros(1), np.zeros(1, dtype=np.int64))


def test_a_simulated_review_says_what_each_strategy_needed(make_examples: MakeExamples) -> None:
    from dataclasses import replace

    rows = make_examples(900, seed=60) + [replace(row, split="test") for row in make_examples(400, seed=61)]
    found = list(simulation.simulate(rows, "spam", strategies=["hybrid"], seeds=range(2), name="invented"))

    assert [item.strategy for item in found] == ["random", "hybrid"]
    assert found[0].saved == 0.0
    assert all(item.target_average_precision == pytest.approx(0.95 * item.full_average_precision) for item in found)
    assert all(number is None or 200 <= number <= 900 for item in found for number in item.labels)
    assert found == list(simulation.simulate(rows, "spam", strategies=["hybrid"], seeds=range(2), name="invented"))


def test_any_learner_may_be_simulated_the_products_own_too(make_examples: MakeExamples) -> None:
    labelled, fresh = make_examples(300, seed=62), make_examples(200, seed=63)
    texts = [row.text for row in fresh]
    truth = np.array([row.labels["spam"] for row in fresh])

    for learner in (simulation.train_fit, simulation.HashedLearner()):
        logits = learner(labelled, "spam", texts)
        assert logits[truth].mean() > logits[~truth].mean() + 1.0


def test_one_class_is_no_simulation(make_examples: MakeExamples) -> None:
    with pytest.raises(InputError, match="violating and benign rows"):
        list(simulation.simulate(make_examples(50, seed=64), "spam"))


def test_an_unknown_set_is_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert active.main(["--data", str(tmp_path), "--set", "nothing"]) == 1
    assert capsys.readouterr().err.startswith("error: no data set is called 'nothing'")


@pytest.mark.data
def test_the_command_prints_one_json_object_a_strategy(base_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(base_data), "--set", "sms_spam", "--seeds", "1", "--strategy", "hybrid", "--json"]
    assert active.main(arguments) == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["strategy"] for line in lines] == ["random", "hybrid"]
    assert all(line["data_set"] == "sms_spam" and line["labels"][0] for line in lines)
