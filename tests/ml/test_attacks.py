"""Attacks change what they are told to and nothing else; figures are taken at a threshold fixed on clean texts."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.attacks import ATTACKS, ZERO_WIDTH, most_toxic, obfuscate, robustness, threshold_at, word_log_odds
from ml.model import Model
from ml.schemas import Example
from tests.ml.conftest import MakeExamples

WORD = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCéß0_"), min_size=1, max_size=12)
KINDS = st.sampled_from(sorted(ATTACKS))


@given(WORD, KINDS, st.integers(0, 2**32 - 1))
def test_the_attacked_word_changes_and_its_surroundings_do_not(word: str, kind: str, seed: int) -> None:
    text = f"Ωmega, {word}! 👍 Ωend"

    attacked = obfuscate(text, [word.upper()], kind, np.random.default_rng(seed))

    assert attacked != text or word.upper().casefold() != word.casefold()
    assert attacked.startswith("Ωmega, ")
    assert attacked.endswith("! 👍 Ωend")


@given(st.lists(WORD, min_size=1, max_size=6), KINDS, st.integers(0, 2**32 - 1))
def test_no_other_word_is_touched(words: list[str], kind: str, seed: int) -> None:
    text = " ".join(words)

    assert obfuscate(text, ["ωmega"], kind, np.random.default_rng(seed)) == text


@given(st.text(max_size=40), st.integers(0, 2**32 - 1))
def test_taking_zero_width_characters_out_restores_the_text(text: str, seed: int) -> None:
    plain = "".join(char for char in text if char not in ZERO_WIDTH)
    attacked = obfuscate(plain, re.findall(r"\w+", plain), "zero-width", np.random.default_rng(seed))

    assert "".join(char for char in attacked if char not in ZERO_WIDTH) == plain
    assert (attacked != plain) == bool(re.search(r"\w", plain))


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_a_seed_repeats_an_attack(kind: str) -> None:
    text = "the wastrel and the blockhead near the castle"

    def attacked(seed: int) -> str:
        return obfuscate(text, ["wastrel", "blockhead"], kind, np.random.default_rng(seed))

    assert attacked(1) == attacked(1)
    assert len({attacked(seed) for seed in range(20)}) > 1


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        obfuscate("text", ["text"], "rot13", np.random.default_rng(0))


def test_log_odds_count_texts_of_either_class() -> None:
    bad = [Example("you toad toad USER", {"spam": True})] * 9
    good = [Example("you castle USER", {"spam": False})] * 9 + [Example("toad", {"hate": False})]

    found = word_log_odds([*bad, *good], "spam")

    assert found == {
        "toad": pytest.approx(2 * np.log(9.5 / 0.5)),
        "castle": pytest.approx(-2 * np.log(9.5 / 0.5)),
        "you": pytest.approx(0.0),
    }
    assert most_toxic("castle you new TOAD url", found, 2) == ["toad", "you"]


def test_the_threshold_spares_the_share_it_must() -> None:
    scores = np.arange(100.0)

    assert (scores >= threshold_at(scores, 0.05)).sum() == 5
    assert (np.zeros(100) >= threshold_at(np.zeros(100), 0.05)).sum() == 0
    assert threshold_at(np.array([]), 0.05) == -np.inf


def test_recall_falls_under_attack_and_is_measured_alike(small_model: Model, make_examples: MakeExamples) -> None:
    train, test = make_examples(400, seed=60), make_examples(200, seed=61)

    first, again = (robustness(small_model, "spam", train, test, source="made up", limit=40) for _ in range(2))

    assert first == again
    assert [item.kind for item in first] == list(ATTACKS)
    assert all(item.positives == 40 and item.clean_recall > 0.8 for item in first)
    stars = next(item for item in first if item.kind == "stars")
    assert stars.kept.value is not None
    assert stars.kept.value == pytest.approx(stars.attacked_recall / stars.clean_recall)
    assert robustness(small_model, "spam", train, [], source="made up") == []
