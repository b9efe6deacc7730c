"""Patterns on RE2: time is linear in the text, so none can hang a worker (Cox 2010, no backtracking)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import re2

from moderation.errors import InvalidInput

LONGEST_PATTERN = 1000
_MEMORY = 1 << 20  # bytes a compiled pattern may take


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """The first match, if there is one."""


def options() -> re2.Options:
    """How all patterns are read: case does not matter, memory is bounded, mistakes are ours to tell."""
    chosen = re2.Options()
    chosen.case_sensitive = False
    chosen.log_errors = False
    chosen.max_mem = _MEMORY
    return chosen


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Pattern:
    """The pattern, compiled once. Raises ``InvalidInput`` that says what RE2 does not accept."""
    if not pattern or len(pattern) > LONGEST_PATTERN:
        raise InvalidInput(f"A pattern has 1 to {LONGEST_PATTERN} characters.")
    try:
        made: Pattern = re2.compile(pattern, options())
    except re2.error as error:
        raise InvalidInput(f"This is no pattern that RE2 accepts: {_reason(error)}.") from error
    if made.search("") is not None:
        raise InvalidInput("This pattern matches the empty text, so it would match everything.")
    return made


def any_of(found: Sequence[str]) -> Pattern:
    """One pattern that occurs where any of the given ones does."""
    chosen = options()
    chosen.max_mem = _MEMORY * (len(found) + 1)
    made: Pattern = re2.compile("|".join(f"(?:{pattern})" for pattern in found), chosen)
    return made


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
