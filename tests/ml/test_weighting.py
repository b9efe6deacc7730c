"""Weights undo a biased choice of labels, in figures and in what is learnt."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.active import Pool, choose
from ml.errors import InputError
from ml.metrics import average_precision
from ml.schemas import Example
from ml.simulation import HashedLearner
from ml.weighting import effective_size, importance_weights, weighted_examples
from tests.ml.conftest import MakeExamples


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=50), st.floats(1.0, 100.0))
def test_weights_average_one_and_fall_with_the_probability(chances: list[float], largest: float) -> None:
    weights = importance_weights(chances, largest=largest)
    order = np.argsort(chances)

    assert weights.mean() == pytest.approx(1.0)
    assert np.all(np.diff(weights[order]) <= 1e-9)
    assert 1.0 - 1e-9 <= effective_size(weights) <= len(chances) + 1e-9


def test_clipping_trades_bias_for_certainty() -> None:
    chances = [1.0] * 99 + [0.001]
    sizes = [effective_size(importance_weights(chances, largest=largest)) for largest in (1.0, 10.0, math.inf)]

    assert sizes == sorted(sizes, reverse=True)
    assert importance_weights(chances, largest=math.inf)[-1] == pytest.approx(
        1000.0 * importance_weights(chances, largest=math.inf)[0]
    )


def test_the_weight_an_example_has_is_kept_as_a_factor() -> None:
    examples = [Example("a", {"spam": True}, weight=2.0), Example("b", {"spam": False})]

    assert [row.weight for row in weighted_examples(examples, [0.5, 0.25])] == pytest.approx([4.0 / 3.0, 4.0 / 3.0])
    assert weighted_examples([], []) == []
    assert effective_size(np.zeros(0)) == 0.0


@pytest.mark.parametrize("chances", [[0.0], [1.1], [-0.1], [math.nan], [[0.5]]])
def test_what_is_no_probability_is_refused(chances: list[float]) -> None:
    with pytest.raises(InputError, match="sampling probabilities"):
        importance_weights(chances)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="largest must be at least 1"):
        importance_weights([0.5], largest=0.5)
    with pytest.raises(InputError, match="1 examples came with 2"):
        weighted_examples([Example("a", {})], [0.5, 0.5])


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return logits and labels of a pool, and the rows and probabilities of a draw among what a queue shows."""
    source = np.random.default_rng(seed)
    logits = source.normal(-2.5, 1.5, count)
    labels = source.random(count) < 1.0 / (1.0 + np.exp(-logits))
    choice = choose(Pool(logits[:, None], np.zeros(1), np.arange(count)), 600, strategy="hybrid", seed=seed)
    assert choice.probabilities is not None
    return logits, labels, choice.rows, choice.probabilities


def test_figures_of_a_biased_sample_are_those_of_the_pool_once_weighted() -> None:
    gaps: dict[str, list[float]] = {"share plain": [], "share": [], "ap plain": [], "ap": []}
    for seed in range(20):
        logits, labels, rows, chances = drawn(8000, seed)
        weights = importance_weights(chances)
        whole = average_precision(labels, logits) or 0.0
        gaps["share plain"].append(abs(labels[rows].mean() - labels.mean()))
        gaps["share"].append(abs(float(weights @ labels[rows]) / rows.size - labels.mean()))
        gaps["ap plain"].append(abs((average_precision(labels[rows], logits[rows]) or 0.0) - whole))
        gaps["ap"].append(abs((average_precision(labels[rows], logits[rows], weights) or 0.0) - whole))

    means = {name: float(np.mean(values)) for name, values in gaps.items()}
    assert means["share"] < means["share plain"] / 4
    assert means["ap"] < means["ap plain"] / 2


def test_a_model_of_a_biased_sample_comes_nearer_to_that_of_all_labels_once_weighted(
    make_examples: MakeExamples,
) -> None:
    # Spam is three times as likely to be sampled: unweighted, the model believes it to be that much more frequent.
    pool, fresh = make_examples(3000, seed=70), [row.text for row in make_examples(500, seed=71)]
    learner = HashedLearner()
    full = learner(pool, "spam", [*fresh, *(row.text for row in pool)])[: len(fresh)]
    chances = np.array([0.6 if row.labels["spam"] else 0.2 for row in pool])
    stated = {"plain": 0.0, "weighted": 0.0}
    for seed in range(5):
        rows = np.flatnonzero(np.random.default_rng(seed).random(len(pool)) < chances)
        sample = [replace(pool[row]) for row in rows]
        for name, labelled in (("plain", sample), ("weighted", weighted_examples(sample, chances[rows]))):
            logits = learner(labelled, "spam", fresh)
            share, whole = ((1.0 / (1.0 + np.exp(-values))).mean() for values in (logits, full))
            stated[name] += abs(float(share - whole)) / 5

    assert stated["weighted"] < stated["plain"] / 2
