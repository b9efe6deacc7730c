"""A condition in words, for lists, histories and the audit of what was changed."""

from collections.abc import Mapping

from moderation.conditions.parsing import All, Condition, Not, Question
from moderation.conditions.vocabulary import FACTS, OPERATORS, Kind

_SHOWN_NAMES = 5
_OF_ONE = {"any_of": "include", "all_of": "include", "one_of": "is"}


def words(condition: Condition, names: Mapping[str, str] | None = None) -> str:
    """The condition as a phrase; ``names`` holds slug to name, where there is a better one than the slug."""
    return _words(condition, names or {}, outer=True)


def _words(condition: Condition, names: Mapping[str, str], *, outer: bool = False) -> str:
    if isinstance(condition, Question):
        return _question(condition, names)
    if isinstance(condition, Not):
        return f"not ({_words(condition.part, names, outer=True)})"
    if not condition.parts:
        return "always"
    joined = (" and " if isinstance(condition, All) else " or ").join(_words(part, names) for part in condition.parts)
    return joined if outer or len(condition.parts) == 1 else f"({joined})"


def _question(question: Question, names: Mapping[str, str]) -> str:
    fact = FACTS[question.fact]
    operator = OPERATORS[fact.kind][question.operator]
    subject = fact.label[0].lower() + fact.label[1:]
    if question.of:
        of = names.get(question.of, question.of) if fact.kind is Kind.NUMBER else question.of
        subject = f"{subject} {'of ' if question.fact == 'score' else ''}“{of}”"
    value = question.value
    if value is None:
        return f"{subject} {operator.label}"
    if isinstance(value, tuple):
        shown = [names.get(one, one) if isinstance(one, str) else _scalar(one) for one in value[:_SHOWN_NAMES]]
        more = f" and {len(value) - _SHOWN_NAMES} more" if len(value) > _SHOWN_NAMES else ""
        asked = _OF_ONE.get(operator.name, operator.label) if len(value) == 1 else operator.label
        return f"{subject} {asked} {', '.join(shown)}{more}"
    return f"{subject} {operator.label} {_scalar(value)}"


def _scalar(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value}”" if isinstance(value, str) else f"{value:g}"
