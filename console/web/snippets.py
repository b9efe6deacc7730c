"""The part of a text in which the words of a search stand, cut to a few lines, with those words told apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.queries import Term

BEFORE = 80
LENGTH = 320


@dataclass(frozen=True, slots=True)
class Piece:
    """Some characters of the text; ``hit``: they are what was looked for."""

    text: str
    hit: bool = False


def snippet(text: str, terms: Sequence[Term]) -> list[Piece]:
    """The text around the first hit; from its beginning where there is none. Joined, the pieces are the part shown."""
    words = [re.escape(term.text) for term in terms if not term.negated]
    found = re.compile("|".join(words), re.IGNORECASE) if words else None
    first = found.search(text) if found else None
    start = max(first.start() - BEFORE, 0) if first else 0
    part = text[start : start + LENGTH]
    pieces = [Piece("…")] if start else []
    at = 0
    for match in found.finditer(part) if found else ():
        if match.start() > at:
            pieces.append(Piece(part[at : match.start()]))
        pieces.append(Piece(match[0], hit=True))
        at = match.end()
    pieces.append(Piece(part[at:]))
    return [*pieces, Piece("…")] if start + LENGTH < len(text) else pieces
