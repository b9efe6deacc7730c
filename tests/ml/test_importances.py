"""What a word alone adds is what scoring it alone says."""

import pytest

from ml.errors import InputError
from ml.importances import importances, word_effects
from ml.model import Model
from tests.ml.conftest import GLUE, INSULTS, LURES, PLAIN

WORDS = [*PLAIN, *GLUE, *INSULTS, *LURES]


def test_insults_raise_harassment_and_lures_raise_spam(small_model: Model) -> None:
    harassment, spam = importances(small_model, WORDS, top=8)

    assert {item.word for item in harassment.raising} == set(INSULTS)
    assert {item.word for item in spam.raising} == set(LURES)
    assert not {item.word for item in spam.lowering} & set(LURES)


def test_a_value_is_the_logit_of_the_word_less_that_of_nothing(small_model: Model) -> None:
    [first, *_] = importances(small_model, WORDS, top=3)[0].lowering
    word, empty = small_model.decision_function([first.word, ""])[:, 0]

    assert first.value == pytest.approx(word - empty, abs=1e-12)
    assert first.value < 0.0


def test_lists_are_ordered_and_a_word_that_adds_nothing_is_on_none(small_model: Model) -> None:
    for found in importances(small_model, [*WORDS, "字", "toad"], top=500):
        raising, lowering = ([item.value for item in side] for side in (found.raising, found.lowering))
        names = [item.word for item in (*found.raising, *found.lowering)]

        assert raising == sorted(raising, reverse=True)
        assert lowering == sorted(lowering)
        assert len(names) == len(set(names))
        assert "字" not in names


def test_more_words_than_one_batch_keep_their_order(small_model: Model) -> None:
    words = [PLAIN[number % len(PLAIN)] for number in range(5000)]
    effects = word_effects(small_model, words)

    assert effects.shape == (5000, 2)
    assert effects[4999] == pytest.approx(effects[4999 % len(PLAIN)], abs=1e-9)
    assert word_effects(small_model, []).shape == (0, 2)


def test_no_top_is_refused(small_model: Model) -> None:
    with pytest.raises(InputError, match="at least 1"):
        importances(small_model, WORDS, top=0)
