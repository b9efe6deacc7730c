"""The compiled core's keys, once more in plain Python: FNV-1a over code points, finished by splitmix64."""

import math
from collections.abc import Sequence

import numpy as np

from ml.features import Vocabulary
from ml.lexicon import Lexicon

_BITS = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_WORD, _PAIR, _SKIP, _CHARS = 1, 2, 3, 4


def _state(text: str) -> int:
    state = 0xCBF29CE484222325
    for char in text:
        state = ((state ^ ord(char)) * 0x100000001B3) & _BITS
    return state


def _finish(state: int, salt: int) -> int:
    x = (state + salt * _GOLDEN) & _BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _BITS
    return (x ^ (x >> 31)) or 1


def word_key(word: str) -> int:
    """The feature of a single word."""
    return _finish(_finish(_state(word), _WORD), _WORD)


def pair_key(left: str, right: str, *, skip: bool = False) -> int:
    """The feature of two neighbouring words, or of two with one between."""
    keys = [_finish(_state(word), _WORD) for word in (left, right)]
    return _finish(((keys[0] * _GOLDEN) & _BITS) ^ keys[1], _SKIP if skip else _PAIR)


def chars_key(gram: str) -> int:
    """The feature of a character n-gram."""
    return _finish(_state(gram), _CHARS)


def vocabulary(words: Sequence[int], chars: Sequence[int], lexicon: Lexicon | None = None) -> Vocabulary:
    """A vocabulary of these keys."""
    return Vocabulary(lexicon or Lexicon(), np.array([*words, *chars], dtype=np.uint64), len(words))


def block_scale(values: Sequence[float], *, typical: float) -> float:
    """What the values of one block are multiplied by; `typical` is 36 for words and 44 for characters."""
    return 1.0 / math.sqrt(math.sqrt(sum(value * value for value in values)) * typical)
