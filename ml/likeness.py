"""Sketches by which similar texts are found among millions: sharing one number makes two texts worth comparing.

MinHash (Broder 1997) over the trigrams of the frozen normal form, banded 48 x 4: texts whose trigrams have a Jaccard
similarity of 0.6 share a band with probability 0.999, of 0.5 with 0.95, of 0.1 with 0.005. To these come hashes
of the phrases the model reacted to, so that what it takes for alike is looked at too. Sketches are an index and may be
made anew at any time; nothing is decided by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from ml.sampling import frozen_normalise

BANDS, ROWS, GRAM = 48, 4, 3
# Fixed for good, whatever the version of the libraries: old sketches and new ones must meet.
_BYTES = hashlib.shake_256(b"sketches of similar texts").digest(16 * BANDS * ROWS)
_WORDS = np.frombuffer(_BYTES, dtype="<u8").astype(np.uint64).reshape(2, BANDS * ROWS)
_FACTORS, _OFFSETS = _WORDS[0] | np.uint64(1), _WORDS[1]


def bands(text: str) -> list[int]:
    """Return signed 32-bit numbers, 48 or fewer: those of the text's trigrams."""
    grams = _grams(frozen_normalise(text))
    hashes = (grams[:, None] * _FACTORS + _OFFSETS).min(axis=0).reshape(BANDS, ROWS)
    return sorted({_number(f"{place}:{row.tobytes().hex()}") for place, row in enumerate(hashes)})


def marks(phrases: Iterable[str]) -> list[int]:
    """Return a signed 32-bit number for each phrase, equal for phrases of one normal form; the empty have none."""
    return sorted({_number(f"phrase:{normal}") for normal in map(frozen_normalise, phrases) if normal})


def _grams(normal: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    padded = f"  {normal} "
    codes = np.array([ord(char) for char in padded], dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(codes, GRAM)
    packed = windows[:, 0] << np.uint64(42) | windows[:, 1] << np.uint64(21) | windows[:, 2]
    mixed = np.unique(packed) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), dtype=np.uint64)


def _number(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=4).digest(), "big", signed=True)
