"""What a training set is made of: the lexicon and features chosen from its texts, and each text's feature values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ml.features import FeatureSpace, Floats, Vocabulary, count_features, count_words
from ml.lexicon import chosen
from ml.schemas import Example

Sparse = Any  # scipy.sparse.csr_matrix; scipy ships no types


@dataclass(frozen=True, slots=True)
class Corpus:
    """What training texts are made of: their features with idf and, a text, their values (n_texts, n_features)."""

    vocabulary: Vocabulary
    idf: Floats
    values: Sparse


def corpus_of(texts: Sequence[str], labels: NDArray[np.int8], *, min_document_frequency: int) -> Corpus:
    """Return the corpus of `texts`; `labels` (n_texts, n_policies) holds 0, 1 or -1 for unknown.

    Features in fewer than `min_document_frequency` texts are left out. idf is `ln((1 + n) / (1 + df)) + 1`, as the
    artifact stores it (float32).
    """
    words = count_words(texts, labels)
    lexicon = chosen(words.words, words.texts, words.labelled, len(texts))
    counts = count_features(texts, lexicon)
    frequent = np.flatnonzero(counts.texts >= min_document_frequency)
    # Words first, each block by frequency, so that what texts share lies close together in memory; then by key, so
    # that the order of the texts leaves no trace.
    kept = frequent[np.lexsort((counts.keys[frequent], -counts.texts[frequent], ~counts.is_word[frequent]))]
    vocabulary = Vocabulary(lexicon, counts.keys[kept], int(counts.is_word[kept].sum()))
    idf = np.log((1 + len(texts)) / (1 + counts.texts[kept])) + 1.0
    stored = np.asarray(idf, dtype=np.float32).astype(np.float64)
    return Corpus(vocabulary, stored, values_of(texts, vocabulary, stored))


def values_of(texts: Sequence[str], vocabulary: Vocabulary, idf: Floats) -> Sparse:
    """Return the feature values (n_texts, n_features) that serving gives these texts."""
    found = FeatureSpace(vocabulary, idf, np.zeros(idf.size)).vectorise(texts)
    values = scipy.sparse.csr_matrix((found.values, found.indices, found.indptr), shape=(len(texts), len(vocabulary)))
    values.sort_indices()
    return values


def label_matrix(rows: Sequence[Example], policies: Sequence[str]) -> NDArray[np.int8]:
    """Return the labels (n_rows, n_policies): 0, 1, or -1 for unknown."""
    return np.array(
        [[int(row.labels[policy]) if policy in row.labels else -1 for policy in policies] for row in rows],
        dtype=np.int8,
    ).reshape(len(rows), len(policies))
