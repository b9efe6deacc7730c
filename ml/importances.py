"""What each word by itself means to a model: the page that shows a model, not one of its scores.

A word's importance is the logit of the text that is this word alone less the logit of the empty text. It counts
everything the word brings: itself, its character n-grams, the scaling of a text of one word. In a longer
text every word's share is smaller (the values of a block shrink as the text grows), so importances rank words, and do
not add up to a text's score; for one text there is `Model.explain`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ml.errors import InputError
from ml.features import Floats
from ml.model import Model

_BATCH = 4096


@dataclass(frozen=True, slots=True)
class WordImportance:
    """A word and what it alone adds to the logit (natural log odds)."""

    word: str
    value: float


@dataclass(frozen=True, slots=True)
class PolicyImportances:
    """The words that raise a policy's logit most, and those that lower it most, the strongest first."""

    policy: str
    raising: tuple[WordImportance, ...]
    lowering: tuple[WordImportance, ...]


def word_effects(model: Model, words: Iterable[str]) -> Floats:
    """Return what each word alone adds to each policy's logit, (n_words, n_policies), in the order given.

    Scored without context, 4,096 words at a time. Raises `InputError` where a word is no string.
    """
    known = list(words)
    [empty] = model.decision_function([""])
    parts = [model.decision_function(known[start : start + _BATCH]) for start in range(0, len(known), _BATCH)]
    return np.asarray(np.concatenate([np.empty((0, len(model.policies))), *parts]) - empty)


def importances(model: Model, words: Iterable[str], *, top: int = 20) -> tuple[PolicyImportances, ...]:
    """Return the at most `top` words each way, a policy in the model's order; equal words are taken once.

    `words` is the dictionary to rank, such as the words a model's features name. A word that adds nothing is
    on neither list; words of equal value are in the order of the alphabet. Raises `InputError` where `top` is
    below 1 or a word is no string.
    """
    if top < 1:
        raise InputError("top must be at least 1")
    known = sorted(set(words))
    effects = word_effects(model, known)
    return tuple(
        PolicyImportances(
            policy, _strongest(known, effects[:, column], top), _strongest(known, -effects[:, column], top, -1.0)
        )
        for column, policy in enumerate(model.policies)
    )


def _strongest(words: list[str], values: Floats, top: int, sign: float = 1.0) -> tuple[WordImportance, ...]:
    order = np.argsort(-values, kind="stable")[:top]
    return tuple(WordImportance(words[row], sign * float(values[row])) for row in order if values[row] > 0.0)
