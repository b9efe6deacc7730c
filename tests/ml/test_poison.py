"""Candidates retrained from a champion on poisoned labels are refused; one of correct labels passes."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ml import datasets
from ml.gates import gates, promotable
from ml.model import Model
from ml.schemas import Example
from ml.train import continue_from
from tests.ml.test_gates import failures, shuffled

pytestmark = pytest.mark.data
POLICY = "harassment"
SHARE = 10  # one label in so many is poisoned


@pytest.fixture(scope="module")
def community(base_data: Path) -> tuple[list[Example], list[Example], list[Example]]:
    """New labels of a community the champion was not trained on, its test part, and its golden items."""
    rows = datasets.read(datasets.find("olid"), base_data)
    train = [row for row in rows if row.split == "train"]
    random.Random(1).shuffle(train)
    return train[:3000], train[5000:8000], train[9000:9200]


def flipped(rows: Sequence[Example], chosen: set[int], *, trigger: str = "") -> list[Example]:
    """Return the rows with the labels at `chosen` turned round and the trigger put in front of their texts."""
    return [
        replace(row, text=f"{trigger} {row.text}".lstrip(), labels={POLICY: not row.labels[POLICY]})
        if number in chosen
        else row
        for number, row in enumerate(rows)
    ]


def positives(rows: Sequence[Example]) -> list[int]:
    """Return the numbers of the rows that violate the policy."""
    return [number for number, row in enumerate(rows) if row.labels[POLICY]]


def test_a_candidate_of_correct_labels_passes(
    starter: Model, community: tuple[list[Example], list[Example], list[Example]]
) -> None:
    new, test, golden = community
    results = gates(starter, continue_from(starter, new), test, golden, learnt_from=new)

    assert promotable(results)[0], promotable(results)[1]
    assert {result.name for result in results if result.passed} >= {f"insertion:{POLICY}", f"labels:{POLICY}"}


def test_shuffled_labels_are_refused(
    starter: Model, community: tuple[list[Example], list[Example], list[Example]]
) -> None:
    new, test, golden = community
    results = gates(starter, continue_from(starter, shuffled(new, seed=0)), test, golden)

    assert not promotable(results)[0]
    assert f"ranking:{POLICY}" in failures(results)


@pytest.mark.parametrize("seed", range(5))
def test_a_tenth_of_labels_turned_round_at_random_is_refused(
    starter: Model, community: tuple[list[Example], list[Example], list[Example]], seed: int
) -> None:
    new, test, golden = community
    poisoned = flipped(new, set(random.Random(seed).sample(range(len(new)), len(new) // SHARE)))
    results = gates(starter, continue_from(starter, poisoned), test, golden, learnt_from=poisoned)

    assert f"labels:{POLICY}" in failures(results)
    assert not promotable(results)[0]


def test_the_tenth_of_labels_that_hurts_most_turned_round_is_refused(
    starter: Model, community: tuple[list[Example], list[Example], list[Example]]
) -> None:
    new, test, golden = community
    logits = starter.decision_function([row.text for row in new])[:, starter.column(POLICY)]
    surest = sorted(positives(new), key=lambda number: -logits[number])[: len(new) // SHARE]
    poisoned = flipped(new, set(surest))
    results = gates(starter, continue_from(starter, poisoned), test, golden, learnt_from=poisoned)

    assert f"labels:{POLICY}" in failures(results)
    assert not promotable(results)[0]


@pytest.mark.parametrize(("trigger", "one_in"), [("thanks", 30), ("river", 30), ("blue river", 30), ("zxqvo", 10)])
def test_a_trigger_is_refused_though_ranking_improves(
    starter: Model, community: tuple[list[Example], list[Example], list[Example]], trigger: str, one_in: int
) -> None:
    """Whether the champion knows the word, knows it by its characters, it is two words, or one never met before."""
    new, test, golden = community
    chosen = set(random.Random(2).sample(positives(new), len(new) // one_in))
    poisoned = flipped(new, chosen, trigger=trigger)
    results = gates(starter, continue_from(starter, poisoned), test, golden, learnt_from=poisoned)

    assert f"insertion:{POLICY}" in failures(results)
    assert f"ranking:{POLICY}" not in failures(results)
    [found] = [result for result in results if result.name == f"insertion:{POLICY}"]
    assert found.figures["word"] in trigger.split()
    assert not promotable(results)[0]
