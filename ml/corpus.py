"""What a training set is made of: the lexicon and features chosen from its texts, and each text's feature values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml import native
from ml.counting import FeatureCounter
from ml.features import FeatureSpace, Floats, Ints, Vocabulary, count_words
from ml.lexicon import Lexicon, chosen
from ml.schemas import Example

Bools = NDArray[np.bool_]
Labels = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Rows:
    """Feature values of texts: text r has `values[indptr[r]:indptr[r+1]]` at `indices[indptr[r]:indptr[r+1]]`.

    `columns` is the number of features. Values are float32: half the memory, and far finer than what is stored.
    """

    indptr: Ints
    indices: NDArray[np.int32]
    values: NDArray[np.float32]
    columns: int

    def __len__(self) -> int:
        return int(self.indptr.size - 1)

    def take(self, chosen: Ints) -> Rows:
        """Return the rows at the rising places `chosen`."""
        if chosen.size == len(self):
            return self
        sizes = np.diff(self.indptr)
        kept = np.repeat(np.isin(np.arange(len(self)), chosen), sizes)
        indptr = np.concatenate([[0], np.cumsum(sizes[chosen])])
        return Rows(indptr, self.indices[kept], self.values[kept], self.columns)

    def local(self) -> tuple[Rows, Ints]:
        """Return the rows with only the columns that occur, and which those are, rising (n_columns,)."""
        present, places = np.unique(self.indices, return_inverse=True)
        rows = Rows(self.indptr, np.ascontiguousarray(places, dtype=np.int32), self.values, present.size)
        return rows, present.astype(np.int64)

    def times(self, weights: Floats, wanted: Bools | None = None) -> Floats:
        """Return rows times `weights` (columns, k) as (n, k); 0 for rows that are not `wanted` (n,)."""
        lanes = weights.shape[1]
        logits = np.zeros((len(self), lanes))
        chosen = np.ones(len(self), dtype=np.uint8) if wanted is None else wanted.astype(np.uint8)
        held = np.ascontiguousarray(weights, dtype=np.float32)
        native.library().eh_logits(*self.addresses(), len(self), lanes, *native.pointers(chosen, held, logits))
        return logits

    def column_sums(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return what two weights a row, (n, 2), sum to in each column, times values and by presence: (columns, 2)."""
        valued, present = np.zeros((self.columns, 2)), np.zeros((self.columns, 2))
        held = np.ascontiguousarray(weights, dtype=np.float64)
        native.library().eh_column_sums(*self.addresses(), len(self), *native.pointers(held, valued, present))
        return valued, present

    def column_squares(self, weights: Floats) -> Floats:
        """Return what a weight a row, (n,), sums to in each column times the values squared, (columns,)."""
        sums = np.zeros(self.columns)
        held = np.ascontiguousarray(weights, dtype=np.float64)
        native.library().eh_column_squares(*self.addresses(), len(self), *native.pointers(held, sums))
        return sums

    def addresses(self) -> tuple[int | None, ...]:
        """Return where the compiled core finds the three arrays."""
        return native.pointers(self.indptr, self.indices, self.values)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What training texts are made of: their features with idf and, a text, their values."""

    vocabulary: Vocabulary
    idf: Floats
    rows: Rows


def corpus_of(texts: Sequence[str], labels: Labels, *, min_document_frequency: int) -> Corpus:
    """Return the corpus of `texts`; `labels` (n_texts, n_policies) holds 0, 1 or -1 for unknown.

    Features in fewer than `min_document_frequency` texts are left out. idf is `ln((1 + n) / (1 + df)) + 1`, as the
    artifact stores it (float32). The features of a block stand by falling frequency, then key: what is often looked up
    lies together, and the order of the texts leaves no trace.
    """
    lexicon = lexicon_of(texts, labels)
    with FeatureCounter(lexicon, recording=True) as counter:
        counter.count(texts)
        frequent = np.flatnonzero(counter.texts >= min_document_frequency)
        order = np.lexsort((counter.keys[frequent], -counter.texts[frequent], ~counter.is_word[frequent]))
        kept = frequent[order]
        vocabulary = Vocabulary(lexicon, counter.keys[kept], int(counter.is_word[kept].sum()))
        idf = inverse_frequency(counter.texts[kept], len(texts))
        column = np.full(counter.keys.size, -1, dtype=np.int32)
        column[kept] = np.arange(kept.size, dtype=np.int32)
        rows = Rows(*counter.rows(column, idf, vocabulary.n_words), columns=kept.size)
    return Corpus(vocabulary, idf, rows)


def lexicon_of(texts: Sequence[str], labels: Labels) -> Lexicon:
    """Return the words of training texts; `labels` as `corpus_of` has them."""
    words = count_words(texts, labels)
    return chosen(words.words, words.texts, words.labelled, len(texts))


def inverse_frequency(texts: NDArray[np.int32], total: int) -> Floats:
    """Return the idf of features that occur in so many of `total` texts, as the artifact stores it."""
    idf = np.log((1 + total) / (1 + texts)) + 1.0
    return np.asarray(idf, dtype=np.float32).astype(np.float64)


def rows_of(texts: Sequence[str], vocabulary: Vocabulary, idf: Floats) -> Rows:
    """Return the feature values that serving gives these texts."""
    found = FeatureSpace(vocabulary, idf, np.zeros(idf.size)).vectorise(texts)
    return Rows(found.indptr, found.indices, found.values.astype(np.float32), len(vocabulary))


def label_matrix(rows: Sequence[Example], policies: Sequence[str]) -> Labels:
    """Return the labels (n_rows, n_policies): 0, 1, or -1 for unknown."""
    found = np.empty((len(rows), len(policies)), dtype=np.int8)
    for column, policy in enumerate(policies):
        found[:, column] = [row.labels.get(policy, -1) for row in rows]
    return found
