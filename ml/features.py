"""One pass from a text to its features and to where in the text each of them occurs.

Two blocks of features, each scaled to length 1: words (1-grams, and 2-grams over neighbouring words) and
characters (2- to 5-grams of a token with a space on either side). A value is
`(1 + ln(count)) * idf / length of the block`, as scikit-learn's `TfidfVectorizer(sublinear_tf=True)` has it.

**Where a feature stands.** A character n-gram and a word occur in one token, a word 2-gram in two. An
occurrence's share of its feature is one over the number of occurrences in the text, and a 2-gram's share is
halved between its two words. Shares of a feature sum to one, so what features add to a score and what tokens
add is the same sum.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.text import Token, tokenise

FEATURES = "word12-char25-1"
"""Name of the feature definition in this module; part of what a stored model is checked against."""

CHAR_SIZES = (2, 3, 4, 5)
_CACHED_TOKENS = 65_536
_CACHED_LENGTH = 32

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def char_grams(surface: str) -> Iterator[str]:
    """Yield every character 2- to 5-gram of ` surface `, an occurrence at a time."""
    padded = f" {surface} "
    for size in CHAR_SIZES:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def word_pairs(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield the positions of neighbouring words; symbols between two words do not part them."""
    words = [position for position, token in enumerate(tokens) if token.is_word]
    yield from itertools.pairwise(words)


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """The present features of one text and their occurrences.

    `index` (k,) holds distinct feature numbers in rising order and `values` (k,) their values. Occurrence i
    is of feature `index[slot[i]]`, has `share[i]` of it, and stands in tokens `first[i]` and `second[i]`
    (the same one, unless it is a word 2-gram).
    """

    tokens: list[Token]
    index: Ints
    values: Floats
    slot: Ints
    share: Floats
    first: Ints
    second: Ints


class Vocabulary:
    """The features a model knows: `words` then `chars`, numbered in the order given."""

    def __init__(self, words: Sequence[str], chars: Sequence[str]) -> None:
        self.words = tuple(words)
        self.chars = tuple(chars)
        self._words = {word: number for number, word in enumerate(self.words)}
        self._chars = {gram: number for number, gram in enumerate(self.chars, start=len(self.words))}
        self._token_cache: dict[tuple[str, bool], Ints] = {}

    def __len__(self) -> int:
        return len(self.words) + len(self.chars)

    def name(self, feature: int) -> str:
        """Return the n-gram that feature number `feature` stands for."""
        if feature < len(self.words):
            return self.words[feature]
        return self.chars[feature - len(self.words)]

    def occurrences(self, tokens: Sequence[Token]) -> tuple[Ints, Ints, Ints]:
        """Return feature number, first token and second token of every known occurrence, each (m,)."""
        single = [self._of_token(token.surface, token.is_word) for token in tokens]
        pairs = [
            (number, left, right)
            for left, right in word_pairs(tokens)
            if (number := self._words.get(f"{tokens[left].surface} {tokens[right].surface}")) is not None
        ]
        pair_columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        place = np.repeat(np.arange(len(tokens)), [len(found) for found in single])
        features = np.concatenate([*single, pair_columns[:, 0]])
        return (
            features,
            np.concatenate([place, pair_columns[:, 1]]),
            np.concatenate([place, pair_columns[:, 2]]),
        )

    def _of_token(self, surface: str, is_word: bool) -> Ints:
        key = (surface, is_word)
        found = self._token_cache.get(key)
        if found is None:
            numbers = [number for gram in char_grams(surface) if (number := self._chars.get(gram)) is not None]
            if is_word and (number := self._words.get(surface)) is not None:
                numbers.append(number)
            found = np.array(numbers, dtype=np.int64)
            if len(surface) <= _CACHED_LENGTH:
                if len(self._token_cache) >= _CACHED_TOKENS:
                    self._token_cache.clear()
                self._token_cache[key] = found
        return found


class FeatureSpace:
    """A vocabulary with its inverse document frequencies and the expected value of every feature.

    `idf` and `mean` are (n_features,). `mean` is E[x] over the training texts: the background against which
    attributions are measured.
    """

    def __init__(self, vocabulary: Vocabulary, idf: Floats, mean: Floats) -> None:
        self.vocabulary = vocabulary
        self.idf = idf
        self.mean = mean

    def vectorise(self, text: str) -> TextFeatures:
        """Return the features of `text` with their places; an empty or unknown text has none."""
        tokens = tokenise(text)
        features, first, second = self.vocabulary.occurrences(tokens)
        index, slot, counts = np.unique(features, return_inverse=True, return_counts=True)
        values = scale(index, counts, self.idf, len(self.vocabulary.words))
        return TextFeatures(tokens, index, values, slot, 1.0 / counts[slot], first, second)


def scale(index: Ints, counts: Ints, idf: Floats, n_words: int) -> Floats:
    """Return feature values (k,) for rising `index` and `counts`; each block has length 1 or is empty."""
    values: Floats = (1.0 + np.log(counts)) * idf[index]
    border = int(np.searchsorted(index, n_words))
    for block in (values[:border], values[border:]):
        if block.size:
            np.divide(block, np.sqrt(block @ block), out=block)
    return values
