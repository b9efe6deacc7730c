"""One pass from texts to their features; the compiled core does the work (`ml.native`, features.c).

Two blocks of features: words (single, pairs of neighbours, pairs with one word between) and characters (2- to 5-grams
of a token with a space on either side). A value is `(1 + ln(count)) * idf`, as scikit-learn's
`TfidfVectorizer(sublinear_tf=True)` has it before it is normalised, divided by the root of the block's length times its
typical length: between a length of 1 and the length as it is, for a long text says more than a short one, but not as
much more as it is longer (Singhal, Buckley & Mitra 1996 pivot the length for the same reason). A feature is known by a
64-bit key of its n-gram.

**Where a feature stands.** A character n-gram and a word occur in one token, a pair in two. An occurrence's share of
its feature is one over the number of occurrences in the text, and a pair's share is halved between its two words.
Shares of a feature sum to one, so what features add to a score and what tokens add is the same sum.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from ml import native
from ml.errors import InputError
from ml.lexicon import Lexicon
from ml.text import CodeArray, Offsets, encode, points

FEATURES = "word12skip-char25-3"
"""Name of the feature definition in this module; part of what a stored model is checked against."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_ENTRIES_PER_CODE_POINT = 16
_CHUNK = 2048
MAX_POLICIES = 32


class Vocabulary:
    """The features a model knows: `keys` (n_features,), those of the word block first, `n_words` of them."""

    def __init__(self, lexicon: Lexicon, keys: Keys, n_words: int) -> None:
        self.lexicon = lexicon
        self.keys = np.ascontiguousarray(keys, dtype=np.uint64)
        self.n_words = n_words
        self.table = native.Table(self.keys.size)
        core, address = native.library(), native.pointer
        core.eh_index(address(self.keys), self.keys.size, ctypes.addressof(self.table))
        self.lists_at = np.zeros(len(lexicon) + 1, dtype=np.int64)
        table = ctypes.addressof(self.table)
        size = core.eh_lists(lexicon.address, table, address(self.lists_at), None)
        self.lists = np.zeros(max(size, 1), dtype=np.int32)
        core.eh_lists(lexicon.address, table, address(self.lists_at), address(self.lists))

    def __len__(self) -> int:
        return int(self.keys.size)

    def single_words(self) -> tuple[list[str], Ints]:
        """Return the words of the lexicon that are features by themselves, and their numbers (n,)."""
        features = np.full(len(self.lexicon), -1, dtype=np.int64)
        places = np.repeat(np.arange(len(self.lexicon)), np.diff(self.lists_at))
        of_word = self.lists[: places.size] < self.n_words
        features[places[of_word]] = self.lists[: places.size][of_word]
        known = np.flatnonzero(features >= 0)
        return [self.lexicon.words[word] for word in known], features[known]


class FeatureSpace:
    """A vocabulary with its inverse document frequencies and the expected value of every feature.

    `idf` and `mean` are (n_features,). `mean` is E[x] over the training texts: the background against which
    attributions are measured.
    """

    def __init__(self, vocabulary: Vocabulary, idf: Floats, mean: Floats) -> None:
        self.vocabulary = vocabulary
        self.idf = idf
        self.mean = mean

    def vectorise(self, texts: Sequence[str]) -> Sparse:
        """Return the feature values of the texts; an empty or unknown text has none."""
        nothing = np.zeros((len(self.vocabulary), 1))
        return Scorer(self, nothing, np.zeros(1)).vectorise(texts)


@dataclass(frozen=True, slots=True)
class Sparse:
    """Rows of a sparse matrix: row r has `values[indptr[r]:indptr[r+1]]` at columns
    `indices[indptr[r]:indptr[r+1]]`."""

    indptr: Ints
    indices: NDArray[np.int32]
    values: Floats


class _Native(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("features", "words", "policies", "skips")],
        ("table", native.Table),
        *[(name, ctypes.c_void_p) for name in ("lists_at", "lists", "rows", "sums", "base", "expected")],
    ]


class Scorer:
    """A feature space with a model's weights, as the compiled core takes them; threads may share it.

    `weights` is (n_features, n_policies), at most 32 policies, `intercept` (n_policies,). Numbers of features are held
    as float32. `base` (n_policies,) is the logit at the expected features.
    """

    def __init__(self, space: FeatureSpace, weights: Floats, intercept: Floats) -> None:
        if weights.shape[1] > MAX_POLICIES:
            raise InputError(f"a model serves at most {MAX_POLICIES} policies")
        self.vocabulary = vocabulary = space.vocabulary
        self.policies = weights.shape[1]
        self._rows = np.ascontiguousarray(np.column_stack([space.idf, space.mean, weights]), dtype=np.float32)
        rows = self._rows.astype(np.float64)
        self.expected = rows[:, 1] @ rows[:, 2:]
        self.base = np.ascontiguousarray(intercept + self.expected)
        address = native.pointer
        self._sums = np.empty((len(vocabulary.lexicon), 2 + 3 * self.policies))
        arrays = (vocabulary.lists_at, vocabulary.lists, self._rows, self._sums, self.base, self.expected)
        self._native = _Native(
            len(vocabulary),
            vocabulary.n_words,
            self.policies,
            1,
            vocabulary.table,
            *(address(array) for array in arrays),
        )
        native.library().eh_sums(vocabulary.lexicon.address, ctypes.addressof(self._native), address(self._sums))
        self._workspaces: SimpleQueue[int] = SimpleQueue()

    def vectorise(self, texts: Sequence[str]) -> Sparse:
        """Return the feature values of the texts (n_texts, n_features), columns of a row in no order."""
        core, address = native.library(), native.pointer
        parts = []
        for codes, offsets in _chunks(texts):
            room = _ENTRIES_PER_CODE_POINT * codes.size + 64 * offsets.size
            indptr = np.zeros(offsets.size, dtype=np.int64)
            indices, values = np.empty(room, dtype=np.int32), np.empty(room)
            with self._workspace() as space:
                count = core.eh_vectorise(
                    *self._texts(codes, offsets), space, address(indptr), address(indices), address(values), room
                )
            if count < 0:
                raise MemoryError("no memory for the features of texts")
            parts.append(Sparse(indptr, indices[:count].copy(), values[:count].copy()))
        starts = np.cumsum([0, *(part.indices.size for part in parts)])
        return Sparse(
            np.concatenate([[0], *(part.indptr[1:] + start for part, start in zip(parts, starts, strict=False))]),
            np.concatenate([np.zeros(0, dtype=np.int32), *(part.indices for part in parts)]),
            np.concatenate([np.zeros(0), *(part.values for part in parts)]),
        )

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (n_texts, n_policies)."""
        return self._score(*encode(texts), None)[0]

    def explain(self, texts: Sequence[str]) -> Explained:
        """Return the logits of the texts with what each part adds to them."""
        codes, offsets = encode(texts)
        spans = _Spans(codes.size, offsets.size, self.policies)
        logits, absent = self._score(codes, offsets, spans)
        count = int(spans.at[-1])
        return Explained(
            logits, absent, spans.at, spans.starts[:count], spans.ends[:count], spans.contributions[:count]
        )

    def _score(self, codes: CodeArray, offsets: Offsets, spans: _Spans | None) -> tuple[Floats, Floats]:
        logits = np.empty((offsets.size - 1, self.policies))
        absent = np.empty_like(logits)
        outputs = (None,) * 4 if spans is None else spans.addresses()
        address = native.pointer
        with self._workspace() as space:
            count = native.library().eh_score(
                *self._texts(codes, offsets), space, address(logits), address(absent), *outputs
            )
        if count < 0:
            raise MemoryError("no memory for the features of texts")
        return logits, absent

    def _texts(self, codes: CodeArray, offsets: Offsets) -> tuple[object, ...]:
        address = native.pointer
        return (
            address(codes), address(offsets), offsets.size - 1,
            ctypes.addressof(points()), self.vocabulary.lexicon.address, ctypes.addressof(self._native),
        )  # fmt: skip

    @contextmanager
    def _workspace(self) -> Iterator[int]:
        """Room for one thread's text, kept for the next one."""
        try:
            space = self._workspaces.get_nowait()
        except Empty:
            space = native.library().eh_workspace_new(len(self.vocabulary))
            if not space:
                raise MemoryError("no memory for a workspace") from None
        try:
            yield space
        finally:
            self._workspaces.put(space)

    def __del__(self) -> None:
        while not self._workspaces.empty():
            native.library().eh_workspace_free(self._workspaces.get_nowait())


class _Spans:
    """Room for the explanations of texts: there are at most as many spans as code points."""

    def __init__(self, code_points: int, offsets: int, policies: int) -> None:
        self.at = np.zeros(offsets, dtype=np.int64)
        self.starts = np.empty(code_points, dtype=np.int32)
        self.ends = np.empty(code_points, dtype=np.int32)
        self.contributions = np.empty((code_points, policies))

    def addresses(self) -> tuple[int | None, ...]:
        return tuple(native.pointer(array) for array in (self.at, self.starts, self.ends, self.contributions))


@dataclass(frozen=True, slots=True)
class Explained:
    """Scores of texts with their exact explanation.

    `logits` and `absent` are (n_texts, n_policies). Text r has the spans `span_at[r]` to `span_at[r+1]` of `starts`,
    `ends` (code points, half open, in order, disjoint) and `contributions` (n_spans, n_policies).
    """

    logits: Floats
    absent: Floats
    span_at: Ints
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    contributions: Floats


def _chunks(texts: Sequence[str]) -> Iterator[tuple[CodeArray, Offsets]]:
    for start in range(0, len(texts), _CHUNK):
        yield encode(texts[start : start + _CHUNK])


@dataclass(frozen=True, slots=True)
class WordCounts:
    """`words` as they stand in texts, in how many `texts` (n_words,), and in how many with each label.

    `labelled` is (n_words, n_labels, 2): texts whose label is no, then yes.
    """

    words: list[str]
    texts: NDArray[np.int32]
    labelled: Ints


def count_words(texts: Sequence[str], labels: NDArray[np.int8]) -> WordCounts:
    """Count the words and emoji of `texts`; `labels` (n_texts, n_labels) holds 0, 1 or -1 for unknown."""
    core, address = native.library(), native.pointer
    kinds = labels.shape[1]
    nothing = Lexicon()
    counter = core.eh_word_counter_new(kinds)
    try:
        count = 0
        for number, (codes, offsets) in enumerate(_chunks(texts)):
            part = np.ascontiguousarray(labels[number * _CHUNK : (number + 1) * _CHUNK], dtype=np.int8)
            count = core.eh_count_words(
                counter, address(codes), address(offsets), offsets.size - 1, address(part),
                ctypes.addressof(points()), nothing.address,
            )  # fmt: skip
            if count < 0:
                raise MemoryError("no memory to count words")
        seen, labelled = np.zeros(count, np.int32), np.zeros((count, kinds, 2), np.int64)
        at = np.zeros(count + 1, np.int64)
        pool = np.zeros(core.eh_word_counter_letters(counter), np.uint32)
        core.eh_word_counter_copy(counter, address(seen), address(labelled), address(at), address(pool))
    finally:
        core.eh_word_counter_free(counter)
    letters = pool.tobytes().decode("utf-32-le", "surrogatepass")
    return WordCounts([letters[at[word] : at[word + 1]] for word in range(count)], seen, labelled)
