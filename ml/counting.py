"""Which features texts have and how often, in one pass: what a vocabulary is chosen by and filled with."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml import native
from ml.features import Floats, Ints, Keys
from ml.lexicon import Lexicon
from ml.text import encode, points

_CHUNK = 2048


class FeatureCounter:
    """Counts in how many texts each feature occurs and, where `recording`, keeps which text has which.

    A recorded text costs eight bytes a distinct feature. Use it in a `with` statement, which frees that. `keys`,
    `texts` and `is_word` are (n_features,), in order of first sight.
    """

    def __init__(self, lexicon: Lexicon, *, recording: bool) -> None:
        self._lexicon = lexicon
        self._core = native.library()
        self._counter = self._core.eh_counter_new()
        self._rows = 0
        if recording:
            self._core.eh_counter_record(self._counter)
        self.keys: Keys = np.zeros(0, np.uint64)
        self.texts: NDArray[np.int32] = np.zeros(0, np.int32)
        self.is_word: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._core.eh_counter_free(self._counter)

    def count(self, texts: Sequence[str]) -> None:
        """Count every feature of `texts`, after those counted before."""
        address = native.pointer
        count = self.keys.size
        for start in range(0, len(texts), _CHUNK):
            codes, offsets = encode(texts[start : start + _CHUNK])
            count = self._core.eh_count(
                self._counter, address(codes), address(offsets), offsets.size - 1,
                ctypes.addressof(points()), self._lexicon.address, 1,
            )  # fmt: skip
            if count < 0:
                raise MemoryError("no memory to count features")
        self._rows += len(texts)
        self.keys, self.texts = np.zeros(count, np.uint64), np.zeros(count, np.int32)
        self.is_word = np.zeros(count, np.bool_)
        if count:
            self._core.eh_counter_copy(self._counter, *native.pointers(self.keys, self.texts, self.is_word))

    def rows(
        self, column: NDArray[np.int32], idf: Floats, n_words: int
    ) -> tuple[Ints, NDArray[np.int32], NDArray[np.float32]]:
        """Return `indptr`, `indices` and `values` of all recorded texts, as `ml.features` values them.

        `column` (n_features,) is where each feature counted stands, -1 where it is left out; column c has `idf[c]`, and
        the first `n_words` are of the word block.
        """
        entries = int(self.texts[column >= 0].sum(dtype=np.int64))
        indptr = np.zeros(self._rows + 1, dtype=np.int64)
        indices, values = np.empty(entries, dtype=np.int32), np.empty(entries, dtype=np.float32)
        if self._rows:
            self._core.eh_counter_rows(
                self._counter, *native.pointers(column, idf), n_words, *native.pointers(indptr, indices, values)
            )
        return indptr, indices, values
