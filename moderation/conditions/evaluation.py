"""The one evaluator: a condition becomes a function of facts, once; asking it costs no lookup of what was asked."""

from collections.abc import Callable, Mapping, Sequence, Set
from operator import attrgetter, ge, gt, le, lt
from typing import Any, cast

from moderation.conditions import patterns
from moderation.conditions.facts import Facts
from moderation.conditions.parsing import All, Condition, Not, Question, Scalar, Some
from moderation.conditions.vocabulary import FACTS, Kind

Test = Callable[[Facts], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {"at_least": ge, "above": gt, "at_most": le, "below": lt}
_PAIR = 2


def compiled(condition: Condition) -> Test:
    """The test of a condition."""
    if isinstance(condition, Not):
        inner = compiled(condition.part)
        return lambda facts: not inner(facts)
    if isinstance(condition, All):
        return _all([compiled(part) for part in condition.parts])
    if isinstance(condition, Some):
        return _some([compiled(part) for part in condition.parts])
    return _BY_KIND[FACTS[condition.fact].kind](condition)


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == _PAIR:
        first, second = tests
        return lambda facts: first(facts) and second(facts)

    def test(facts: Facts) -> bool:
        for one in tests:  # noqa: SIM110 (a generator in all() costs more than the tests do)
            if not one(facts):
                return False
        return True

    return test


def _some(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    if len(tests) == _PAIR:
        first, second = tests
        return lambda facts: first(facts) or second(facts)

    def test(facts: Facts) -> bool:
        for one in tests:  # noqa: SIM110 (as above)
            if one(facts):
                return True
        return False

    return test


def _number(question: Question) -> Test:
    value = cast(float, question.value)
    if question.fact == "score":
        return _score(question.of, question.operator, value)
    read = _reader(question)
    if question.operator == "known":
        return lambda facts: read(facts) is not None
    if question.operator == "equals":
        return lambda facts: read(facts) == value
    compare = _COMPARE[question.operator]

    def test(facts: Facts) -> bool:
        number = read(facts)
        return number is not None and compare(number, value)

    return test


def _score(policy: str, operator: str, value: float) -> Test:
    """The question asked most, without a function in between."""
    if operator == "known":
        return lambda facts: policy in facts.scores
    if operator == "at_least":
        return lambda facts: facts.scores.get(policy, -1.0) >= value
    if operator == "above":
        return lambda facts: facts.scores.get(policy, -1.0) > value
    if operator == "at_most":
        return lambda facts: facts.scores.get(policy, 2.0) <= value
    if operator == "below":
        return lambda facts: facts.scores.get(policy, 2.0) < value
    return lambda facts: facts.scores.get(policy) == value


def _reader(question: Question) -> Callable[[Facts], float | None]:
    if question.fact == "reports_for":
        return lambda facts: facts.reasons.get(question.of, 0)
    if question.fact == "text_length":
        return lambda facts: len(facts.text)
    return attrgetter(question.fact)


_NAMES: dict[str, Callable[[Facts], Set[str]]] = {
    "flagged": attrgetter("flagged"),
    "report_reasons": lambda facts: facts.reasons.keys(),
    "report_sources": attrgetter("sources"),
    "banks": attrgetter("banks"),
    "bank_policies": attrgetter("bank_policies"),
    "domains": attrgetter("domains"),
}


def _names(question: Question) -> Test:
    read = _NAMES[question.fact]
    if question.operator == "empty":
        return lambda facts: not read(facts)
    wanted = frozenset(cast(tuple[str, ...], question.value))
    if question.operator == "all_of":
        return lambda facts: wanted <= read(facts)
    if len(wanted) == 1:
        (only,) = wanted
        return lambda facts: only in read(facts)
    return lambda facts: not wanted.isdisjoint(read(facts))


def _word(question: Question) -> Test:
    read: Callable[[Facts], str] = attrgetter(question.fact)
    if question.operator == "known":
        return lambda facts: bool(read(facts))
    wanted = frozenset(cast(tuple[str, ...], question.value))
    if question.fact == "language":
        tags = frozenset(tag.lower() for tag in wanted)
        return lambda facts: not tags.isdisjoint(ranges(facts.language))
    return lambda facts: read(facts) in wanted


def ranges(tag: str) -> list[str]:
    """The language ranges a tag lies in (RFC 4647, basic filtering): itself and what is left of each hyphen."""
    parts = tag.lower().split("-")
    return ["-".join(parts[: n + 1]) for n in range(len(parts))] if tag else []


def _text(question: Question) -> Test:
    pattern = patterns.compiled(cast(str, question.value))
    return lambda facts: pattern.search(facts.text) is not None


def _free(question: Question) -> Test:
    read: Callable[[Facts], Mapping[str, Any]] = attrgetter(f"{question.fact}s")
    ask = _of_attribute(question)
    key = question.of
    return lambda facts: ask(read(facts).get(key))


def _of_attribute(question: Question) -> Callable[[Any], bool]:
    """The question of the attribute's value, which is ``None`` where there is none; its type is the platform's."""
    value: Any = question.value
    if question.operator == "known":
        return lambda given: given is not None
    if question.operator == "equals":
        return lambda given: same(given, value)
    if question.operator == "one_of":
        return lambda given: any(same(given, one) for one in value)
    if question.operator == "contains":
        return lambda given: isinstance(given, list) and any(same(one, value) for one in given)
    if question.operator == "matches":
        pattern = patterns.compiled(value)
        return lambda given: isinstance(given, str) and pattern.search(given) is not None
    compare = _COMPARE[question.operator]
    return lambda given: isinstance(given, int | float) and not isinstance(given, bool) and compare(given, value)


def same(given: Any, value: Scalar) -> bool:
    """Whether a JSON value is the scalar: true is not 1."""
    return isinstance(given, bool) == isinstance(value, bool) and bool(given == value)


_BY_KIND: dict[Kind, Callable[[Question], Test]] = {
    Kind.NUMBER: _number,
    Kind.NAMES: _names,
    Kind.WORD: _word,
    Kind.TEXT: _text,
    Kind.FREE: _free,
}
