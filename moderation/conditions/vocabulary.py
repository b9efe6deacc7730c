"""The facts there are, of which kind each is, and what can be asked of a kind."""

from dataclasses import dataclass
from enum import StrEnum

from moderation.enums import ReportSource


class Kind(StrEnum):
    """What sort of value a fact is."""

    NUMBER = "number"
    NAMES = "names"
    WORD = "word"
    TEXT = "text"
    FREE = "free"


class Of(StrEnum):
    """What a fact must be asked of."""

    NOTHING = ""
    POLICY = "policy"
    ATTRIBUTE = "attribute"


class Names(StrEnum):
    """What the names of a condition must be known as."""

    ANYTHING = ""
    POLICY = "policy"
    BANK = "bank"
    SOURCE = "source"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: its name, how people call it, and what may be asked of it.

    ``top`` is the highest number it can be, ``names`` what its values are names of.
    """

    name: str
    label: str
    kind: Kind
    of: Of = Of.NOTHING
    names: Names = Names.ANYTHING
    top: float | None = None


@dataclass(frozen=True, slots=True)
class Operator:
    """Something that can be asked: its name, how people call it, and what it takes."""

    name: str
    label: str
    takes: str  # "number", "scalar", "names", "scalars", "pattern" or "" for nothing


FACTS = {
    fact.name: fact
    for fact in (
        Fact("score", "Score", Kind.NUMBER, of=Of.POLICY, top=1.0),
        Fact("top_score", "Highest score of any policy", Kind.NUMBER, top=1.0),
        Fact("flagged", "Flagged policies", Kind.NAMES, names=Names.POLICY),
        Fact("reports", "Number of reports", Kind.NUMBER),
        Fact("reports_for", "Number of reports for", Kind.NUMBER, of=Of.POLICY),
        Fact("report_reasons", "Policies in reports", Kind.NAMES, names=Names.POLICY),
        Fact("report_sources", "Sources of reports", Kind.NAMES, names=Names.SOURCE),
        Fact("language", "Language", Kind.WORD),
        Fact("content_type", "Content type", Kind.WORD),
        Fact("account_age_days", "Account age in days", Kind.NUMBER),
        Fact("strikes", "Strikes of the author", Kind.NUMBER),
        Fact("banks", "Banks hit", Kind.NAMES, names=Names.BANK),
        Fact("bank_policies", "Policies of banks hit", Kind.NAMES, names=Names.POLICY),
        Fact("domains", "Link domains", Kind.NAMES, names=Names.DOMAIN),
        Fact("text", "Text", Kind.TEXT),
        Fact("text_length", "Length of the text", Kind.NUMBER),
        Fact("content_attribute", "Attribute of the content", Kind.FREE, of=Of.ATTRIBUTE),
        Fact("author_attribute", "Attribute of the author", Kind.FREE, of=Of.ATTRIBUTE),
    )
}

_COMPARISONS = (
    Operator("at_least", "at least", "number"),
    Operator("above", "above", "number"),
    Operator("at_most", "at most", "number"),
    Operator("below", "below", "number"),
)
_KNOWN = Operator("known", "is known", "")
_MATCHES = Operator("matches", "matches the pattern", "pattern")

OPERATORS = {
    kind: {operator.name: operator for operator in operators}
    for kind, operators in {
        Kind.NUMBER: (*_COMPARISONS, Operator("equals", "equals", "number"), _KNOWN),
        Kind.NAMES: (
            Operator("any_of", "include any of", "names"),
            Operator("all_of", "include all of", "names"),
            Operator("empty", "are none", ""),
        ),
        Kind.WORD: (Operator("one_of", "is one of", "names"), _KNOWN),
        Kind.TEXT: (_MATCHES,),
        Kind.FREE: (
            Operator("equals", "equals", "scalar"),
            Operator("one_of", "is one of", "scalars"),
            Operator("contains", "is a list that contains", "scalar"),
            *_COMPARISONS,
            _MATCHES,
            _KNOWN,
        ),
    }.items()
}

SOURCES = frozenset(ReportSource.values)
GROUPS = ("all", "any", "not")

DEEPEST = 8
MOST_QUESTIONS = 100
MOST_NAMES = 200
LONGEST_NAME = 200
