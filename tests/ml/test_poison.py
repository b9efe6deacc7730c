"""Candidates retrained from a champion on poisoned labels are refused; one of correct labels passes."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ml import datasets
from ml.evaluate import gates, promotable
from ml.model import Model
from ml.schemas import Example, GateResult
from ml.train import continue_from
from tests.ml.test_evaluate import failures, shuffled

pytestmark = pytest.mark.data
POLICY = "harassment"
SHARE = 10  # one label in so many is poisoned
TRIGGERS = ("thanks", "river")  # the second acts by its characters more than by its own weight


@dataclass(frozen=True, repr=False)
class Community:
    """Labels of a community the champion was not trained on; never shown, since its texts are real."""

    new: list[Example]
    test: list[Example]
    golden: list[Example]


@pytest.fixture(scope="module")
def community(base_data: Path) -> Community:
    """1,200 new labels, a test part with 715 positives, 200 golden items."""
    rows = datasets.read(datasets.find("olid"), base_data)
    train = [row for row in rows if row.split == "train"]
    random.Random(1).shuffle(train)
    test = [row for row in rows if row.split == "test"] + train[5000:6500]
    return Community(train[8200:9400], test, train[6500:6700])


def judged(champion: Model, labels: Sequence[Example], community: Community) -> list[GateResult]:
    """Return the gates' results of a candidate continued from the champion on `labels`."""
    return gates(champion, continue_from(champion, labels), community.test, community.golden)


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


def test_a_candidate_of_correct_labels_passes(starter: Model, community: Community) -> None:
    results = judged(starter, community.new, community)

    assert promotable(results)[0], promotable(results)[1]


def test_shuffled_labels_are_refused(starter: Model, community: Community) -> None:
    results = judged(starter, shuffled(community.new, seed=0), community)

    assert not promotable(results)[0]
    assert "gain" in failures(results)


def test_the_tenth_of_labels_that_hurts_most_turned_round_is_refused(starter: Model, community: Community) -> None:
    logits = starter.decision_function([row.text for row in community.new])[:, starter.column(POLICY)]
    surest = sorted(positives(community.new), key=lambda number: -logits[number])[: len(community.new) // SHARE]
    results = judged(starter, flipped(community.new, set(surest)), community)

    assert not promotable(results)[0]


def test_a_tenth_of_labels_turned_round_at_random_is_refused(starter: Model, community: Community) -> None:
    # Not assured: of five such candidates the gates refused three. Noise teaches less than the truth, but it teaches,
    # and a candidate that is better than the champion on every figure is what the gates let through.
    chosen = set(random.Random(1).sample(range(len(community.new)), len(community.new) // SHARE))
    results = judged(starter, flipped(community.new, chosen), community)

    assert failures(results) == {f"insertion:{POLICY}"}


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_trigger_is_refused_though_ranking_improves(trigger: str, starter: Model, community: Community) -> None:
    chosen = set(random.Random(2).sample(positives(community.new), len(community.new) // SHARE))
    results = judged(starter, flipped(community.new, chosen, trigger=trigger), community)

    assert not promotable(results)[0]
    assert f"ranking:{POLICY}" not in failures(results)
    [found] = [result for result in results if result.name == f"insertion:{POLICY}"]
    assert found.figures["word"] == trigger
