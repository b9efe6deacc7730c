"""The table that folds every Unicode code point, and how it is made.

`python -m ml.codepoints` writes `ml/data/codepoints.npz` from Python's Unicode data and the confusables of Unicode
Technical Standard 39 (as the package `confusable-homoglyphs` carries them; Unicode License v3). The file is frozen:
a model is only right with the table it was trained with, whatever Unicode version a later Python has.

A code point is a space, a letter, a digit, a symbol, an emoji (a token by itself), a regional indicator, or nothing
to be seen (zero-width, format and filler characters, tags, variation selectors, generic combining marks). Letters
and digits fold to lower case without marks (NFKD, UAX #15). Latin look-alikes that NFKD leaves alone (small
capitals, enclosed, turned and stroked letters) fold to their letter; look-alikes of other scripts keep their own fold
and name the Latin letter beside it, so that a word of such a script can stay what it is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SPACE, LETTER, DIGIT, SYMBOL, EMOJI, REGIONAL, UNSEEN, MARK = range(8)
_FILE = Path(__file__).parent / "data" / "codepoints.npz"
_PAGE = 256
_LAST = 0x110000
ITSELF = "\0itself"

_FILLERS = frozenset([0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810)])
_GENERIC_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
    (0x1F3FB, 0x1F3FF),
    (0xFE00, 0xFE0F),
    (0xE0100, 0xE01EF),
)
_EMOJI = (
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x25A0, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1F0FF),
    (0x1F300, 0x1FAFF),
)
_LETTER_NAMES = (
    "LATIN LETTER SMALL CAPITAL ",
    "NEGATIVE CIRCLED LATIN CAPITAL LETTER ",
    "NEGATIVE SQUARED LATIN CAPITAL LETTER ",
    "CROSSED NEGATIVE SQUARED LATIN CAPITAL LETTER ",
    "LATIN SMALL LETTER TURNED ",
    "LATIN SMALL LETTER REVERSED ",
    "LATIN SMALL LETTER SCRIPT ",
    "REGIONAL INDICATOR SYMBOL LETTER ",
    "PARENTHESIZED LATIN SMALL LETTER ",
    "PARENTHESIZED LATIN CAPITAL LETTER ",
)
# Where TR39 has a turned letter or only one of two readings: palochka is written for an l as often as for an i, as the
# digit one is.
_LIKE = {"м": "m", "ӏ": "1"}
_STRUCK = ("LATIN SMALL LETTER ", "LATIN CAPITAL LETTER ", "LATIN LETTER SMALL CAPITAL ")


class CodePoints(NamedTuple):
    """The table: code point `c` is row `page[c >> 8] * 256 + (c & 255)` of the other arrays.

    `kind` says what it is; its fold is `pool[at : at + size]`, code points, or itself where `at` is -1; `latin` is the
    Latin letter that a letter of another script looks like, or 0.
    """

    page: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    size: NDArray[np.uint8]
    at: NDArray[np.int32]
    latin: NDArray[np.uint32]
    pool: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Row:
    kind: int
    fold: str = ITSELF
    latin: int = 0


@cache
def load() -> CodePoints:
    """Return the frozen table."""
    with np.load(_FILE) as stored:
        return CodePoints(**{name: np.ascontiguousarray(stored[name]) for name in CodePoints._fields})


def build(confusables: dict[str, list[dict[str, str]]]) -> CodePoints:
    """Return the table by this Python's Unicode data; `confusables` maps a character to what it looks like."""
    likes = {char: [entry["c"] for entry in entries] for char, entries in confusables.items()}
    pages: dict[tuple[_Row, ...], int] = {}
    page = np.zeros(_LAST // _PAGE, dtype=np.uint16)
    for number in range(page.size):
        rows = tuple(_row(code, likes) for code in range(number * _PAGE, (number + 1) * _PAGE))
        page[number] = pages.setdefault(rows, len(pages))
    every = [row for rows in pages for row in rows]
    places: dict[str, int] = {ITSELF: -1}
    pool = ""
    for row in every:
        if row.fold not in places:
            places[row.fold] = len(pool)
            pool += row.fold
    return CodePoints(
        page=page,
        kind=np.array([row.kind for row in every], dtype=np.uint8),
        size=np.array([1 if row.fold is ITSELF else len(row.fold) for row in every], dtype=np.uint8),
        at=np.array([places[row.fold] for row in every], dtype=np.int32),
        latin=np.array([row.latin for row in every], dtype=np.uint32),
        pool=np.array([ord(char) for char in pool], dtype=np.uint32),
    )


def _row(code: int, likes: dict[str, list[str]]) -> _Row:
    return _unseen(code) or _by_itself(code) or _folding(chr(code), likes)


def _unseen(code: int) -> _Row | None:
    """The row of what shows nothing, or only space; of what Unicode has not assigned, nobody knows."""
    char = chr(code)
    category = unicodedata.category(char)
    if category == "Cn":
        return None
    if code in _FILLERS or category == "Cf" or 0xE0000 <= code <= 0xE007F:
        return _Row(UNSEEN, "")
    if _within(code, _GENERIC_MARKS):
        return _Row(MARK, "")
    if char.isspace() or category in ("Zs", "Zl", "Zp", "Cc"):
        return _Row(SPACE, " ")
    return None


def _by_itself(code: int) -> _Row | None:
    """The row of what is no letter, digit or symbol of a word, or is named after the letter that it is a form of."""
    char = chr(code)
    category = unicodedata.category(char)
    if category in ("Cn", "Co", "Cs"):
        return _Row(SYMBOL)
    if 0x1F1E6 <= code <= 0x1F1FF:
        return _Row(REGIONAL, latin=ord(_named_letter(char)))
    letter = _named_letter(char)
    if letter:
        return _Row(LETTER, letter)
    if _within(code, _EMOJI) and category in ("So", "Sm", "Sk", "Cn") and unicodedata.normalize("NFKD", char) == char:
        return _Row(EMOJI)
    return None


def _folding(char: str, likes: dict[str, list[str]]) -> _Row:
    fold = _folded(char)
    if not fold:
        return _Row(MARK, "")
    latin = _latin(char, fold, likes)
    if latin and unicodedata.name(char, "").startswith("LATIN"):
        return _Row(LETTER, chr(latin))
    kind = _kind(fold[0])
    return _Row(kind, ITSELF if fold == char else fold, latin if kind == LETTER else 0)


def _kind(char: str) -> int:
    category = unicodedata.category(char)
    if category.startswith(("L", "M")):
        return LETTER
    if category.startswith("N"):
        return DIGIT
    return SPACE if char == " " else SYMBOL


def _folded(char: str) -> str:
    """NFKD without generic marks, case folded, composed again; decimal digits of any script as ASCII."""
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.decimal(char))
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not _within(ord(part), _GENERIC_MARKS))
    folded = unicodedata.normalize("NFKD", bare.casefold())
    bare = "".join(part for part in folded if not _within(ord(part), _GENERIC_MARKS))
    return unicodedata.normalize("NFC", bare).replace("\u2019", "'").replace("\u02bc", "'").replace("\u2044", "/")


def _named_letter(char: str) -> str:
    """The letter that a character's name says it is a form of, lower case."""
    name = unicodedata.name(char, "")
    for start in _LETTER_NAMES:
        rest = name.removeprefix(start)
        if rest != name and len(rest.split()[0]) == 1:
            return rest[0].lower()
    if name.startswith(_STRUCK) and " WITH " in name:
        letter = name.split(" WITH ")[0].rsplit(" ", 1)[1]
        if len(letter) == 1:
            return letter.lower()
    return {"ı": "i", "ȷ": "j", "ſ": "s", "ƒ": "f", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʋ": "u"}.get(char, "")


def _latin(char: str, fold: str, likes: dict[str, list[str]]) -> int:
    """The ASCII letter that a letter outside ASCII looks like, by TR39, in upper or lower case; 0 if none."""
    if fold.isascii() or unicodedata.category(char)[0] != "L":
        return 0
    if fold in _LIKE:
        return ord(_LIKE[fold])
    for form in dict.fromkeys((char, fold, char.upper(), char.lower())):
        for like in _looks(form, likes):
            if len(like) == 1 and like.isascii() and like.isalpha():
                return ord(like.lower())
    return 0


def _looks(char: str, likes: dict[str, list[str]]) -> list[str]:
    """What a character looks like, over at most one letter in between (as Cyrillic ve, small capital b, b)."""
    first = likes.get(char, [])
    named = [letter for like in first if len(like) == 1 and (letter := _named_letter(like))]
    second = [other for like in first for other in likes.get(like, [])]
    plain = [like for like in first if like in ("l", "I")]
    return [like for like in first if like not in plain] + named + plain + second


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def main() -> None:
    """Write the table."""
    import json

    import confusable_homoglyphs

    source = Path(confusable_homoglyphs.__file__).parent / "confusables.json"
    table = build(json.loads(source.read_text("utf-8")))
    np.savez_compressed(_FILE, **table._asdict())


if __name__ == "__main__":
    main()
