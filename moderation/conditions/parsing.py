"""From a JSON document to a checked condition; what is wrong is said with a JSON pointer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from moderation import links
from moderation.conditions import patterns
from moderation.conditions.vocabulary import (
    DEEPEST,
    FACTS,
    LONGEST_NAME,
    MOST_NAMES,
    MOST_QUESTIONS,
    OPERATORS,
    SOURCES,
    Fact,
    Kind,
    Names,
    Of,
)
from moderation.errors import InvalidInput

Scalar = str | float | bool


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing asked of one fact. ``value`` is a number, a scalar, a pattern, a tuple of names, or nothing."""

    fact: str
    of: str
    operator: str
    value: Scalar | tuple[Scalar, ...] | None


Condition = All | Some | Not | Question


@dataclass(frozen=True, slots=True)
class Known:
    """What names may refer to: the slugs of policies and banks there are."""

    policies: frozenset[str]
    banks: frozenset[str]


class _Reader:
    """Reads one document, counting its questions."""

    def __init__(self, known: Known | None) -> None:
        self.known = known
        self.questions = 0

    def condition(self, document: Any, at: str, depth: int) -> Condition:
        """The condition at the pointer ``at``."""
        if not isinstance(document, Mapping):
            _refuse("A condition is an object.", at)
        if depth > DEEPEST:
            _refuse(f"Conditions are nested at most {DEEPEST} deep.", at)
        if "fact" in document:
            return self.question(document, at)
        if len(document) != 1 or next(iter(document)) not in {"all", "any", "not"}:
            _refuse('A condition is {"all": […]}, {"any": […]}, {"not": …} or a question with a "fact".', at)
        ((group, below),) = document.items()
        if group == "not":
            return Not(self.condition(below, f"{at}/not", depth + 1))
        if not isinstance(below, Sequence) or isinstance(below, str):
            _refuse("This is a list of conditions.", f"{at}/{group}")
        # All of nothing is every content, which only a whole rule may mean.
        if not below and (group == "any" or depth > 1):
            _refuse("This group is empty.", f"{at}/{group}")
        parts = tuple(self.condition(part, f"{at}/{group}/{n}", depth + 1) for n, part in enumerate(below))
        return All(parts) if group == "all" else Some(parts)

    def question(self, document: Mapping[str, Any], at: str) -> Question:
        """One question."""
        self.questions += 1
        if self.questions > MOST_QUESTIONS:
            _refuse(f"A condition asks at most {MOST_QUESTIONS} questions.", at)
        unknown = [key for key in document if key not in {"fact", "of", "is", "value"}]
        if unknown:
            _refuse("This field is not known.", f"{at}/{_token(unknown[0])}")
        name = document["fact"]
        fact = FACTS.get(name) if isinstance(name, str) else None
        if fact is None:
            _refuse(f"A fact is one of {', '.join(FACTS)}.", f"{at}/fact")
        asked = document.get("is")
        operator = OPERATORS[fact.kind].get(asked) if isinstance(asked, str) else None
        if operator is None:
            _refuse(f"Of {fact.name} one can ask {', '.join(OPERATORS[fact.kind])}.", f"{at}/is")
        of = self.subject(fact, document, at)
        if operator.takes:
            if "value" not in document:
                _refuse("A value is missing.", f"{at}/value")
            value = self.value(fact, operator.takes, document["value"], f"{at}/value")
        elif "value" in document:
            _refuse(f"“{operator.label}” takes no value.", f"{at}/value")
        else:
            value = None
        return Question(fact.name, of, operator.name, value)

    def subject(self, fact: Fact, document: Mapping[str, Any], at: str) -> str:
        """What the fact is asked of."""
        if fact.of is Of.NOTHING:
            if "of" in document:
                _refuse(f"{fact.name} is asked of nothing.", f"{at}/of")
            return ""
        of = document.get("of")
        if not isinstance(of, str) or not 0 < len(of) <= LONGEST_NAME:
            _refuse(f"Name the {fact.of} that {fact.name} is asked of.", f"{at}/of")
        if fact.of is Of.POLICY:
            self.check_name(Names.POLICY, of, f"{at}/of")
        return of

    def value(self, fact: Fact, takes: str, value: Any, at: str) -> Scalar | tuple[Scalar, ...]:
        """The value, of the sort the operator takes."""
        if takes == "number":
            return _number(fact, value, at)
        if takes == "pattern":
            return _pattern(value, at)
        if takes == "scalar":
            return _scalar(value, at)
        if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MOST_NAMES:
            _refuse(f"This is a list of 1 to {MOST_NAMES} values.", at)
        if takes == "scalars":
            return tuple(_scalar(one, f"{at}/{n}") for n, one in enumerate(value))
        return tuple(self.name(fact, one, f"{at}/{n}") for n, one in enumerate(value))

    def name(self, fact: Fact, value: Any, at: str) -> str:
        """One name of a list, in the form it is compared in."""
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
            _refuse(f"This is a name of 1 to {LONGEST_NAME} characters.", at)
        if fact.names is Names.DOMAIN:
            try:
                return links.domain(value)
            except InvalidInput as error:
                _refuse(error.detail, at)
        self.check_name(fact.names, value, at)
        return value

    def check_name(self, names: Names, value: str, at: str) -> None:
        """Refuse a name that refers to nothing."""
        if names is Names.SOURCE and value not in SOURCES:
            _refuse(f"A source is one of {', '.join(sorted(SOURCES))}.", at)
        if self.known is not None and names is Names.POLICY and value not in self.known.policies:
            _refuse("There is no policy with this slug.", at)
        if self.known is not None and names is Names.BANK and value not in self.known.banks:
            _refuse("There is no bank with this slug.", at)


def parse(document: Any, *, known: Known | None = None, at: str = "") -> Condition:
    """The condition of a JSON document. ``known``: also refuse policies and banks that there are not.

    Raises ``InvalidInput`` with a JSON pointer below ``at``.
    """
    return _Reader(known).condition(document, at, 1)


def questions(condition: Condition) -> list[Question]:
    """Every question of the condition, in order."""
    if isinstance(condition, Question):
        return [condition]
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return [question for part in parts for question in questions(part)]


def _number(fact: Fact, value: Any, at: str) -> float:
    # JSON as Python reads it may hold an infinity; the bounds leave it out.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e15 <= value <= 1e15:
        _refuse("This is a number.", at)
    if fact.kind is Kind.NUMBER and not 0 <= value <= (fact.top or 1e15):
        _refuse("This lies between 0 and 1." if fact.top == 1.0 else "This is 0 or more.", at)
    return value


def _scalar(value: Any, at: str) -> Scalar:
    if isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_NAME):
        return value
    if isinstance(value, int | float) and -1e15 <= value <= 1e15:
        return value
    _refuse(f"This is a text of up to {LONGEST_NAME} characters, a number, true or false.", at)


def _pattern(value: Any, at: str) -> str:
    if not isinstance(value, str):
        _refuse("A pattern is a text.", at)
    try:
        patterns.compiled(value)
    except InvalidInput as error:
        _refuse(error.detail, at)
    return value


def _token(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")[:LONGEST_NAME]


def _refuse(detail: str, at: str) -> NoReturn:
    raise InvalidInput(detail, pointer=at or "/")
