"""Whether one condition contains another, told from their form alone.

Sound, not complete: an answer of true is a proof; false means that the form does not show it.
"""

from collections.abc import Iterable
from typing import Any, TypeGuard

from moderation.conditions.evaluation import ranges
from moderation.conditions.parsing import All, Condition, Not, Question, Some

# Comparisons from below and from above, each with whether it leaves out the number itself.
_LOWER = {"at_least": False, "above": True}
_UPPER = {"at_most": False, "below": True}
_MOST_PAIRS = 10_000


class _TooMany(Exception):
    """The pair is too large to look through."""


def implies(premise: Condition, conclusion: Condition) -> bool:
    """Whether every content that satisfies ``premise`` is seen to satisfy ``conclusion``."""
    try:
        return _Proof().holds(premise, conclusion)
    except _TooMany:
        return False


class _Proof:
    """One search, in which every pair of parts is looked at once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], bool] = {}

    def holds(self, premise: Condition, conclusion: Condition) -> bool:
        key = (id(premise), id(conclusion))
        if key not in self.known:
            if len(self.known) >= _MOST_PAIRS:
                raise _TooMany
            self.known[key] = False
            self.known[key] = self._search(premise, conclusion)
        return self.known[key]

    def _search(self, premise: Condition, conclusion: Condition) -> bool:
        if isinstance(conclusion, All):
            return all(self.holds(premise, part) for part in conclusion.parts)
        if isinstance(premise, Some):
            return all(self.holds(part, conclusion) for part in premise.parts)
        return (
            (isinstance(premise, All) and any(self.holds(part, conclusion) for part in premise.parts))
            or (isinstance(conclusion, Some) and any(self.holds(premise, part) for part in conclusion.parts))
            or (isinstance(premise, Not) and isinstance(conclusion, Not) and self.holds(conclusion.part, premise.part))
            or (
                isinstance(premise, Question)
                and isinstance(conclusion, Question)
                and _question_implies(premise, conclusion)
            )
        )


def _question_implies(premise: Question, conclusion: Question) -> bool:
    if (premise.fact, premise.of) != (conclusion.fact, conclusion.of):
        return False
    # Compared as written: what Python calls equal need not be, true and 1 above all.
    if repr(premise) == repr(conclusion) or conclusion.operator == "known":
        return True  # every question of the fact that holds needs it to be known
    if premise.operator in {"any_of", "all_of"} and conclusion.operator in {"any_of", "all_of"}:
        return _names_imply(premise, conclusion)
    if premise.operator == "one_of" and conclusion.operator == "one_of":
        return _words_imply(premise, conclusion)
    if premise.operator in {"equals", *_LOWER, *_UPPER}:
        return _number_implies(premise, conclusion)
    return False


def _names_imply(premise: Question, conclusion: Question) -> bool:
    given, wanted = _values(premise), _values(conclusion)
    if premise.operator == "all_of":
        return wanted <= given if conclusion.operator == "all_of" else not wanted.isdisjoint(given)
    return given <= wanted if conclusion.operator == "any_of" else len(wanted) == 1 and given == wanted


def _words_imply(premise: Question, conclusion: Question) -> bool:
    if premise.fact != "language":
        return _values(premise) <= _values(conclusion)
    wanted = {str(tag).lower() for tag in _list(conclusion)}
    return all(not wanted.isdisjoint(ranges(str(tag))) for tag in _list(premise))


def _number_implies(premise: Question, conclusion: Question) -> bool:
    given, wanted = premise.value, conclusion.value
    if not _is_number(given) or not _is_number(wanted):
        return False
    if premise.operator == "equals":
        return _satisfies(given, conclusion.operator, wanted)
    if premise.operator in _LOWER and conclusion.operator in _LOWER:
        return given > wanted or (given == wanted and _LOWER[premise.operator] >= _LOWER[conclusion.operator])
    if premise.operator in _UPPER and conclusion.operator in _UPPER:
        return given < wanted or (given == wanted and _UPPER[premise.operator] >= _UPPER[conclusion.operator])
    return False


def _satisfies(given: float, operator: str, wanted: float) -> bool:
    answers = {
        "equals": given == wanted,
        "at_least": given >= wanted,
        "above": given > wanted,
        "at_most": given <= wanted,
        "below": given < wanted,
    }
    return answers.get(operator, False)


def _values(question: Question) -> frozenset[tuple[bool, Any]]:
    return frozenset((isinstance(value, bool), value) for value in _list(question))


def _list(question: Question) -> Iterable[Any]:
    return question.value if isinstance(question.value, tuple) else ()


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
