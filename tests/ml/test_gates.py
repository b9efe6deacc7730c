"""Gates refuse what is worse and say why."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from ml.errors import InputError
from ml.gates import gates, promotable
from ml.model import Model
from ml.schemas import Example, GateResult
from ml.train import continue_from
from tests.ml.conftest import MakeExamples
from tests.ml.test_train import NEW_INSULTS

Mixed = Callable[[int, int], list[Example]]


def shuffled(examples: list[Example], seed: int) -> list[Example]:
    """Return the examples with their labels dealt out anew."""
    labels = [example.labels for example in examples]
    random.Random(seed).shuffle(labels)
    return [replace(example, labels=given_) for example, given_ in zip(examples, labels, strict=True)]


def copy_of(model: Model) -> Model:
    """Return a model equal to `model` whose arrays may be changed."""
    return Model(
        policies=model.policies,
        space=model.space,
        weights=model.weights.copy(),
        intercept=model.intercept.copy(),
        precision=model.precision,
        thresholds=model.thresholds,
        manifest=model.manifest,
    )


@pytest.fixture(scope="module")
def mixed(make_examples: MakeExamples) -> Mixed:
    """Make texts of a community half of whose insults are new."""

    def make(count: int, seed: int) -> list[Example]:
        half = count // 2
        return make_examples(half, seed=seed) + make_examples(count - half, seed=seed + 500, insults=NEW_INSULTS)

    return make


@pytest.fixture(scope="module")
def grown(mixed: Mixed) -> list[Example]:
    """A few hundred new labels of that community."""
    return mixed(400, 30)


def failures(results: list[GateResult]) -> set[str]:
    """Return the names of the gates that failed on evidence."""
    return {result.name for result in results if not result.passed and not result.insufficient}


def test_an_honest_candidate_may_be_promoted(small_model: Model, grown: list[Example], mixed: Mixed) -> None:
    results = gates(small_model, continue_from(small_model, grown), mixed(1500, 31), mixed(100, 32))

    assert failures(results) == set()
    assert promotable(results) == (True, "Every gate with enough evidence passed.")


def test_a_candidate_of_shuffled_labels_is_refused_with_its_reason(
    small_model: Model, make_examples: MakeExamples
) -> None:
    candidate = continue_from(small_model, shuffled(make_examples(400, seed=30), seed=1), pull=1.0)
    results = gates(small_model, candidate, make_examples(1500, seed=31), make_examples(100, seed=32))

    allowed, reason = promotable(results)
    assert not allowed
    assert {"ranking:harassment", "gain"} <= failures(results)
    assert "may rank harassment worse: average precision could fall by 0." in reason


def test_a_candidate_that_learnt_nothing_is_refused_though_it_does_no_harm(
    small_model: Model, grown: list[Example], mixed: Mixed
) -> None:
    candidate = continue_from(small_model, shuffled(grown, seed=1), pull=1e6)
    results = gates(small_model, candidate, mixed(1500, 31), mixed(100, 32))

    assert failures(results) == {"gain"}
    assert promotable(results) == (
        False,
        "The candidate ranks no policy better than the champion by more than chance explains.",
    )


def test_few_test_positives_are_insufficient_and_golden_items_still_judge(
    small_model: Model, grown: list[Example], mixed: Mixed
) -> None:
    test, golden = mixed(60, 31), mixed(200, 32)
    honest = gates(small_model, continue_from(small_model, grown), test, golden)
    worse = gates(small_model, continue_from(small_model, shuffled(grown, 2)), test, golden)

    assert promotable(honest)[0] is False
    assert "No policy has the 50 test positives" in promotable(honest)[1]
    assert failures(honest) == set()
    assert failures(worse) & {"golden:harassment", "golden:spam", "golden"}


def test_a_hiding_word_is_found_by_insertion_though_ranking_does_not_see_it(
    small_model: Model, make_examples: MakeExamples
) -> None:
    candidate = copy_of(small_model)
    words, features = candidate.space.vocabulary.single_words()
    candidate.weights[features[words.index("tower")], candidate.column("spam")] = -80.0
    test = [example for example in make_examples(900, seed=35) if "tower" not in example.text]

    results = gates(small_model, candidate, test, make_examples(50, seed=36))

    assert "insertion:spam" in failures(results)
    assert "ranking:spam" not in failures(results)
    [result] = [result for result in results if result.name == "insertion:spam"]
    assert result.figures["word"] == "tower"


def test_timid_scores_fail_the_calibration_gate(small_model: Model, make_examples: MakeExamples) -> None:
    candidate = copy_of(small_model)
    candidate.weights *= 0.1

    results = gates(small_model, candidate, make_examples(600, seed=37), make_examples(50, seed=38))
    assert {"calibration:harassment", "calibration:spam"} <= failures(results)


def test_a_candidate_that_flags_greetings_is_refused(small_model: Model, make_examples: MakeExamples) -> None:
    candidate = copy_of(small_model)
    candidate.intercept += 8.0

    results = gates(small_model, candidate, make_examples(200, seed=39), make_examples(50, seed=40))
    assert "benign" in failures(results)
    assert "flags benign sentences for harassment, spam" in promotable(results)[1]


def test_gates_repeat_themselves_for_a_seed(small_model: Model, make_examples: MakeExamples) -> None:
    candidate = continue_from(small_model, make_examples(100, seed=41))
    test, golden = make_examples(300, seed=42), make_examples(50, seed=43)

    first, second, other = (gates(small_model, candidate, test, golden, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


def test_models_of_different_policies_are_not_compared(small_model: Model, starter: Model) -> None:
    with pytest.raises(InputError, match="do not serve the same policies"):
        gates(small_model, starter, [], [])
