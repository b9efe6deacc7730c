"""The words a model knows, and which of them are worth finding behind an evasion."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import native

URL, USER = "url", "user"
"""What a link and a handle become; the first two words of every lexicon."""

LONGEST = 24
"""Letters of the longest word that is known; longer ones only have characters."""

_PROVEN = 3  # texts from which a word is no slip of the pen
_TELLING = 0.3  # log ratio from which a word speaks for a policy
_COMMON = 1e-3  # share of texts from which a word of a letter or two stands by itself
_MOST_TARGETS = 6000
_NO_TARGET = np.iinfo(np.int32).max

Ints32 = NDArray[np.int32]


class _Native(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_int64),
        *[(name, ctypes.c_void_p) for name in ("at", "pool", "rank", "common")],
        ("words", native.Table),
        ("variants", native.Table),
    ]


class Lexicon:
    """Known words as the compiled core looks them up.

    `words` are distinct, `url` and `user` first. `targets` are places in `words`, the most wanted first: only they are
    found behind masks, swaps and slips, the earlier where a disguise fits several. `common` (n_words,) marks words that
    stand by themselves however short; other fragments of one or two letters may be parts of a word cut up.
    """

    def __init__(
        self,
        words: Sequence[str] = (),
        targets: Sequence[int] | NDArray[Any] = (),
        common: Sequence[bool] | NDArray[Any] = (),
    ) -> None:
        self.words = tuple(words) or (URL, USER)
        self.targets = np.asarray(targets, dtype=np.int32)
        self.common = np.asarray(common if len(common) else [False] * len(self.words), dtype=np.uint8)
        self.longest = max(map(len, self.words))
        sizes = np.fromiter(map(len, self.words), dtype=np.int32, count=len(self.words))
        self._at: Ints32 = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self._pool = np.frombuffer("".join(self.words).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        self._rank = np.full(len(self.words), _NO_TARGET, dtype=np.int32)
        self._rank[self.targets] = np.arange(self.targets.size)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def address(self) -> int:
        """Where the compiled core finds it; valid while the lexicon lives."""
        return ctypes.addressof(self._native)

    @cached_property
    def _native(self) -> _Native:
        core, address = native.library(), native.pointer
        arrays = [address(array) for array in (self._at, self._pool, self._rank, self.common)]
        words = native.Table(len(self.words))
        built = _Native(len(self.words), *arrays, words, native.Table(0))
        found = ctypes.addressof(built)
        core.eh_words(found, ctypes.addressof(words))
        variants = native.Table(core.eh_variants(found, address(self.targets), self.targets.size, None))
        core.eh_variants(found, address(self.targets), self.targets.size, ctypes.addressof(variants))
        built.variants = variants
        self._tables = (words, variants)  # the structure holds copies, which keep no array alive
        return built


def chosen(words: Sequence[str], texts: Ints32, labelled: NDArray[np.int64], total: int) -> Lexicon:
    """Return the lexicon of a training set of `total` texts.

    Word w occurs in `texts[w]` of them, and `labelled[w, p]` of those are labelled no and yes for policy p. Words of
    letters are known from their first text on, so that no word of the training texts is taken for a disguise of
    another; what holds digits or signs from the third on. Targets are words of Latin letters that speak for some
    policy: by the log ratio of their shares in positives and negatives, times the root of how often they occur.
    """
    seen = texts.tolist()
    kept = [
        word
        for word, written in enumerate(words)
        if len(written) <= LONGEST and written not in (URL, USER) and (written.isalpha() or seen[word] >= _PROVEN)
    ]
    # By frequency, so that what is kept of the words of a text lies close together in memory.
    kept.sort(key=lambda word: (-seen[word], words[word]))
    counts = labelled[kept] + 1.0
    totals = labelled.sum(axis=0) + 1.0
    shares = counts / totals
    ratio = np.log(shares[:, :, 1]) - np.log(shares[:, :, 0])
    wanted = (ratio * np.sqrt(labelled[kept].sum(axis=2))).max(axis=1, initial=0.0)
    for place in np.flatnonzero(wanted > 0.0):
        written = words[kept[place]]
        if len(written) < 3 or seen[kept[place]] < _PROVEN or not (written.isascii() and written.isalpha()):
            wanted[place] = 0.0
    wanted[ratio.max(axis=1, initial=0.0) < _TELLING] = 0.0
    order = np.argsort(-wanted, kind="stable")
    order = order[wanted[order] > 0.0][:_MOST_TARGETS]
    common = np.concatenate([[False, False], texts[kept] >= _COMMON * total])
    return Lexicon([URL, USER, *(words[word] for word in kept)], order + 2, common)
