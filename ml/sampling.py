"""Near-duplicate keys and the split that hangs on them: the same answer on every machine, forever.

Nothing here may change once labels exist: a text's group decides for good on which side of a split it stands.
That is why this module has a normaliser of its own and shares none with the features.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError

MINHASH_VERSION = 1
BANDS = 16
ROWS = 8
SHINGLE = 5

Bands = tuple[int, ...]
Split = Literal["train", "validation", "test"]

_Words = NDArray[np.uint64]
_GOLDEN_RATIO = 0x9E3779B97F4A7C15


def frozen_normalise(text: str) -> str:
    """Return letters, digits and symbols of `text`, NFKC case folded, any other run as one space.

    Raises `InputError` where `text` is not a string.
    """
    if not isinstance(text, str):
        raise InputError(f"a text must be a string, not {type(text).__name__}")
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return " ".join("".join(char if _counts(char) else " " for char in folded).split())


def minhash_bands(text: str) -> Bands:
    """Return 16 signed 64-bit integers; two texts that share one at its place are taken as near duplicates.

    MinHash (Broder 1997) over 5-grams of characters of `frozen_normalise(text)`, banded 16 x 8: texts of
    Jaccard similarity 0.9 share a band with probability above 0.999, 0.8 with 0.95, 0.5 with 0.06.
    """
    shingles = _shingles(frozen_normalise(text))
    rows = _smallest(shingles).reshape(BANDS, ROWS)
    bands = np.full(BANDS, np.uint64(MINHASH_VERSION))
    for column in range(ROWS):
        bands = _mix(bands ^ rows[:, column])
    return tuple(int(value) for value in bands.view(np.int64))


def split_of(group_id: str) -> Split:
    """Return the side of a near-duplicate group: 80 % train, 10 % validation, 10 % test, by its hash."""
    place = int.from_bytes(hashlib.sha256(f"split:{group_id}".encode()).digest()[:8], "big") % 100
    if place < 80:
        return "train"
    return "validation" if place < 90 else "test"


def near_duplicate_groups(bands: Sequence[Bands]) -> list[str]:
    """Return a group id for each text's `minhash_bands`: texts that a chain of bands joins have one."""
    parent = list(range(len(bands)))
    seen: dict[tuple[int, int], int] = {}
    for number, of_text in enumerate(bands):
        for key in enumerate(of_text):
            _join(parent, number, seen.setdefault(key, number))
    return [f"group-{_root(parent, number)}" for number in range(len(bands))]


def without_near_duplicates(bands: Sequence[Bands], held_out: Iterable[Bands]) -> list[int]:
    """Return the positions in `bands` of texts that share no band with any text of `held_out`."""
    taken = {key for of_text in held_out for key in enumerate(of_text)}
    return [number for number, of_text in enumerate(bands) if not any(key in taken for key in enumerate(of_text))]


def _counts(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] in "MS"


def _shingles(text: str) -> _Words:
    codes = np.array([ord(char) for char in text], dtype=np.uint64)
    if codes.size < SHINGLE:
        codes = np.pad(codes, (0, SHINGLE - codes.size))
    windows = np.lib.stride_tricks.sliding_window_view(codes, SHINGLE)
    hashes = np.full(len(windows), np.uint64(MINHASH_VERSION))
    for column in range(SHINGLE):
        hashes = _mix(hashes ^ windows[:, column])
    return np.unique(hashes)


def _mix(values: _Words) -> _Words:
    """SplitMix64's output function (Steele, Lea & Flood 2014): arithmetic modulo 2**64, no platform in it."""
    mixed = values + np.uint64(_GOLDEN_RATIO)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


_FACTORS = _mix(np.arange(1, BANDS * ROWS + 1, dtype=np.uint64))[:, None] | np.uint64(1)
_OFFSETS = _mix(np.arange(1001, BANDS * ROWS + 1001, dtype=np.uint64))[:, None]
_PIECE = 512  # shingles hashed at once: keeps the table in the processor's cache


def _smallest(shingles: _Words) -> _Words:
    """Return the smallest value of each of the 128 hash functions over `shingles`, (128,)."""
    pieces = [shingles[start : start + _PIECE] for start in range(0, shingles.size, _PIECE)]
    minima = [(piece * _FACTORS + _OFFSETS).min(axis=1) for piece in pieces]
    smallest: _Words = np.min(minima, axis=0)
    return smallest


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _join(parent: list[int], left: int, right: int) -> None:
    low, high = sorted((_root(parent, left), _root(parent, right)))
    parent[high] = low
