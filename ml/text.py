"""From a text as people wrote it to normalised tokens, evasion undone, never losing where each came from.

`ml.codepoints` folds characters (case, accents, look-alikes, enclosed and fullwidth letters; what shows nothing is
dropped). Then, against a lexicon of known words (`ml.lexicon`): letters written as digits or symbols, masked by
symbols, written one by one, repeated or swapped are read as the known word that they stand for. Emoji are tokens of
their own, a link is the word `url` and its host, a handle the word `user`. A token's span is always a range of code
points of the text as given. The work is done by the compiled core (`ml.native`, text.c).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ml import codepoints, native
from ml.errors import InputError
from ml.lexicon import Lexicon

NORMALISER = "fold-repair-3"
"""Name of what `tokenise` does; a model is only right with the one it was trained with."""

_SIGNS = 1  # what core.h calls a token that is neither word nor emoji

CodeArray = NDArray[np.uint32]
Offsets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an emoji or a run of signs: `surface` is how the features see it; offsets in the original text."""

    start: int
    end: int
    surface: str
    is_word: bool


class _Points(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in codepoints.CodePoints._fields]


@cache
def points() -> _Points:
    """Return the code point table as the compiled core takes it."""
    return _Points(*(native.pointer(array) for array in codepoints.load()))


def encode(texts: Sequence[str]) -> tuple[CodeArray, Offsets]:
    """Return the code points of all texts in a row, and where each text begins and ends (n_texts + 1,).

    Lone surrogates pass through. Raises `InputError` where a text is not a string.
    """
    for text in texts:
        if not isinstance(text, str):
            raise InputError(f"a text must be a string, not {type(text).__name__}")
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)), out=offsets[1:])
    return codes, offsets


def tokenise(text: str, lexicon: Lexicon) -> list[Token]:
    """Return the tokens of `text` in order.

    Two tokens overlap only where one original character normalises to several tokens.
    """
    codes, _ = encode([text])
    table = codepoints.load()
    room = int(table.size[table.page[codes >> 8].astype(np.int64) * 256 + (codes & 255)].sum()) + 1
    letters = 2 * room + lexicon.longest * 2
    start, end, word = (np.empty(room, dtype=np.int32) for _ in range(3))
    sort = np.empty(room, dtype=np.uint8)
    surface, surface_at = np.empty(letters, dtype=np.uint32), np.empty(room + 1, dtype=np.int64)
    address = native.pointer
    count = native.library().eh_tokens(
        address(codes), codes.size, ctypes.addressof(points()), lexicon.address,
        address(start), address(end), address(sort), address(word), room,
        address(surface), address(surface_at), letters,
    )  # fmt: skip
    if count < 0:
        raise MemoryError("no memory for the tokens of a text")
    written = surface.tobytes()
    return [
        Token(
            int(start[t]),
            int(end[t]),
            written[4 * surface_at[t] : 4 * surface_at[t + 1]].decode("utf-32-le", "surrogatepass"),
            sort[t] != _SIGNS,
        )
        for t in range(count)
    ]
