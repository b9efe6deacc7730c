"""A text as the second reader gets it: the first reader's normalised tokens in a row, each knowing where it came from.

Evasion is undone once, for both readers (`ml.text`). An emoji is read by its Unicode name, since the encoder's word
pieces have none for most of them.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ml.lexicon import Lexicon
from ml.text import tokenise

MOST_CODE_POINTS = 20_000
_NO_WORD = ("variation selector", "zero width", "emoji modifier", "emoji component")


@dataclass(frozen=True, slots=True)
class Reading:
    """Normalised words in text order; `spans[i]` is `[start, end)` of word i in code points of the original text."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def text(self) -> str:
        """The words with a space between them: what is tokenised."""
        return " ".join(self.words)


def read(text: str, lexicon: Lexicon) -> Reading:
    """Return `text` as read; only its first 20,000 code points are."""
    tokens = tokenise(text[:MOST_CODE_POINTS], lexicon)
    words = tuple(_named(token.surface) for token in tokens)
    return Reading(words, tuple((token.start, token.end) for token in tokens))


def _named(surface: str) -> str:
    """Return a word as it is, an emoji by its name in lower case, signs as they are."""
    if any(char.isalnum() for char in surface) or surface.isascii():
        return surface
    names = (unicodedata.name(char, "").lower() for char in surface)
    return " ".join(name for name in names if name and not name.startswith(_NO_WORD)) or surface
