"""From a text as people wrote it to normalised tokens, never losing where each came from.

Normalisation removes characters that show nothing (zero-width and other format characters, variation
selectors) and applies NFKC case folding (Unicode Standard 3.13, UAX #15). It works on the smallest runs that
NFKC cannot join across, so that every normalised character knows the original code points it stands for.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from ml.errors import InputError

NORMALISER = "nfkc-casefold-1"
"""Name of what `normalise` and `tokenise` do; a model is only right with the one it was trained with."""

_INVISIBLE = frozenset(
    [*map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))]
    + ["\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"]
    + [chr(code) for code in range(0x180B, 0x1810)]
)
# Starters (combining class 0) that compose with what stands before them: a run must not end ahead of one.
_COMPOSING_STARTERS = frozenset(
    "\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u102e\u1b35"
    "\U00011127\U0001133e\U00011357\U000114b0\U000114ba\U000114bd\U000115af\U00011930"
) | frozenset(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))

_TOKEN = re.compile(
    r"(?P<link>(?:https?://|www\.)\S+)|(?P<handle>@\w+)|(?P<word>\w+(?:['’]\w+)*)|(?P<symbol>[^\w\s@]+|@)"
)
_STAND_INS = {"link": "url", "handle": "user"}


@dataclass(frozen=True, slots=True)
class Normalised:
    """A normalised text and, a character, the half-open range of original code points it stands for.

    `starts` and `ends` are `None` where every character stands for the one at its own place.
    """

    text: str
    starts: list[int] | None
    ends: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original range of the normalised range `[start, end)`, which must not be empty."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a run of symbols, or what stands in for a link or a handle; offsets in the original text."""

    start: int
    end: int
    surface: str
    is_word: bool


class _MarksAsLetters(dict[int, int]):
    """Translation table that turns combining marks into a letter, so that words do not break at them."""

    def __missing__(self, code: int) -> int:
        self[code] = ord("a") if unicodedata.category(chr(code)).startswith("M") else code
        return self[code]


_marks_as_letters = _MarksAsLetters()


def normalise(text: str) -> Normalised:
    """Return `text` without invisible characters, NFKC case folded, with the map to original code points.

    Raises `InputError` where `text` is not a string. Lone surrogates pass through.
    """
    if not isinstance(text, str):
        raise InputError(f"a text must be a string, not {type(text).__name__}")
    if text.isascii():
        return Normalised(text.lower(), None, None)
    kept = [index for index, char in enumerate(text) if not _is_invisible(char)]
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    while position < len(kept):
        after = position + 1
        while after < len(kept) and _joins_back(text[kept[after]]):
            after += 1
        folded = _fold("".join(text[index] for index in kept[position:after]))
        pieces.append(folded)
        starts.extend([kept[position]] * len(folded))
        ends.extend([kept[after - 1] + 1] * len(folded))
        position = after
    return Normalised("".join(pieces), starts, ends)


def tokenise(text: str) -> list[Token]:
    """Return the tokens of `text` in order; a link becomes the word `url`, a handle the word `user`.

    Two tokens overlap only where one original character normalises to several tokens.
    """
    normalised = normalise(text)
    shadow = normalised.text if text.isascii() else normalised.text.translate(_marks_as_letters)
    tokens: list[Token] = []
    for match in _TOKEN.finditer(shadow):
        kind = match.lastgroup or ""
        begin, end = match.span()
        surface = _STAND_INS.get(kind) or normalised.text[begin:end].replace("’", "'")
        original_start, original_end = normalised.span(begin, end)
        tokens.append(Token(original_start, original_end, surface, kind != "symbol"))
    return tokens


@lru_cache(maxsize=65_536)
def _is_invisible(char: str) -> bool:
    return char in _INVISIBLE or unicodedata.category(char) == "Cf"


@lru_cache(maxsize=65_536)
def _joins_back(char: str) -> bool:
    first = unicodedata.normalize("NFKD", char)[0]
    return unicodedata.combining(first) != 0 or first in _COMPOSING_STARTERS


@lru_cache(maxsize=65_536)
def _fold(run: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", run).casefold())
    return "".join(char for char in folded if not _is_invisible(char))
