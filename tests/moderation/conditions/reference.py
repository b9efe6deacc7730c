"""The condition language a second time: a plain interpreter of documents, and documents and facts drawn at random."""

import re
from typing import Any

from hypothesis import strategies as st

from moderation.conditions.facts import Facts
from moderation.conditions.vocabulary import FACTS, Kind, Names, Of

POLICIES = ("spam", "hate", "violence")
BANKS = ("known", "links")
DOMAINS = ("bad.example", "sub.bad.example", "fine.example")
TEXTS = ("", "buy now", "see https://bad.example/x", "go to www.sub.bad.example", "HELLO there")
PATTERNS = ("buy", "^see", "l{2}o", "bad[.]example")
SCALARS: st.SearchStrategy[Any] = st.sampled_from(["a", "b", "", 0, 1, 2.5, True, False])
WORDS = ("en", "en-GB", "pt", "message", "post")
SOURCES = ("user", "automated")


def evaluate(document: Any, facts: Facts) -> bool:
    """What the language means, said as plainly as can be."""
    if "all" in document:
        return all(evaluate(part, facts) for part in document["all"])
    if "any" in document:
        return any(evaluate(part, facts) for part in document["any"])
    if "not" in document:
        return not evaluate(document["not"], facts)
    return _question(document, facts)


def _question(question: dict[str, Any], facts: Facts) -> bool:
    fact, value = question["fact"], question.get("value")
    given = _given(fact, question.get("of"), facts)
    meanings = {
        "known": lambda: given is not None and not (FACTS[fact].kind is Kind.WORD and given == ""),
        "empty": lambda: len(given) == 0,
        "any_of": lambda: any(name in given for name in value),
        "all_of": lambda: all(name in given for name in value),
        "one_of": lambda: any(_in_range(given, one) if fact == "language" else _equal(given, one) for one in value),
        "equals": lambda: _equal(given, value),
        "contains": lambda: isinstance(given, list) and any(_equal(one, value) for one in given),
        "matches": lambda: isinstance(given, str) and re.search(value, given, re.IGNORECASE) is not None,
        "at_least": lambda: _is_number(given) and given >= value,
        "above": lambda: _is_number(given) and given > value,
        "at_most": lambda: _is_number(given) and given <= value,
        "below": lambda: _is_number(given) and given < value,
    }
    return meanings[question["is"]]()


def _in_range(given: str, tag: str) -> bool:
    return f"{given}-".lower().startswith(f"{tag}-".lower())


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _equal(left: Any, right: Any) -> bool:
    if left is None or isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _given(fact: str, of: str | None, facts: Facts) -> Any:
    special = {
        "score": lambda: facts.scores.get(of or ""),
        "top_score": lambda: max(facts.scores.values()) if facts.scores else None,
        "reports_for": lambda: facts.reasons.get(of or "", 0),
        "report_reasons": lambda: set(facts.reasons),
        "report_sources": lambda: facts.sources,
        "text_length": lambda: len(facts.text),
        "content_attribute": lambda: facts.content_attributes.get(of or ""),
        "author_attribute": lambda: facts.author_attributes.get(of or ""),
    }
    return special[fact]() if fact in special else getattr(facts, fact)


def _names(names: Names) -> tuple[str, ...]:
    return {Names.POLICY: POLICIES, Names.BANK: BANKS, Names.SOURCE: SOURCES, Names.DOMAIN: DOMAINS}.get(names, WORDS)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A valid question."""
    fact = draw(st.sampled_from(list(FACTS.values())))
    document: dict[str, Any] = {"fact": fact.name}
    if fact.of is Of.POLICY:
        document["of"] = draw(st.sampled_from(POLICIES))
    elif fact.of is Of.ATTRIBUTE:
        document["of"] = draw(st.sampled_from(["x", "y"]))
    numbers = st.sampled_from([0, 0.25, 0.5, 1]) if fact.top else st.sampled_from([0, 1, 2, 10])
    comparisons = {"at_least": numbers, "above": numbers, "at_most": numbers, "below": numbers}
    nothing = st.none()
    lists = st.lists(st.sampled_from(_names(fact.names)), min_size=1, max_size=3)
    by_kind: dict[Kind, dict[str, st.SearchStrategy[Any]]] = {
        Kind.NUMBER: {**comparisons, "equals": numbers, "known": nothing},
        Kind.NAMES: {"any_of": lists, "all_of": lists, "empty": nothing},
        Kind.WORD: {"one_of": lists, "known": nothing},
        Kind.TEXT: {"matches": st.sampled_from(PATTERNS)},
        Kind.FREE: {
            "equals": SCALARS,
            "one_of": st.lists(SCALARS, min_size=1, max_size=3),
            "contains": SCALARS,
            **comparisons,
            "matches": st.sampled_from(PATTERNS),
            "known": nothing,
        },
    }
    document["is"] = draw(st.sampled_from(list(by_kind[fact.kind])))
    value = draw(by_kind[fact.kind][document["is"]])
    return document if value is None else {**document, "value": value}


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """A valid condition of up to a dozen questions."""

    def groups(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=1, max_size=3)
        return (
            several.map(lambda parts: {"all": parts})
            | several.map(lambda parts: {"any": parts})
            | inner.map(lambda part: {"not": part})
        )

    return st.recursive(questions(), groups, max_leaves=12).filter(lambda document: _depth(document) <= 8)


def _depth(document: Any) -> int:
    below = document.get("all") or document.get("any") or ([document["not"]] if "not" in document else [])
    return 1 + max((_depth(part) for part in below), default=0)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Facts that the questions above may or may not hold of."""
    subset = lambda names: st.frozensets(st.sampled_from(names))  # noqa: E731
    attribute = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.none())
    return Facts(
        scores=draw(st.dictionaries(st.sampled_from(POLICIES), st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.9, 1.0]))),
        flagged=draw(subset(POLICIES)),
        reports=draw(st.sampled_from([0, 1, 2, 5])),
        reasons=draw(st.dictionaries(st.sampled_from(POLICIES), st.integers(1, 2))),
        sources=draw(subset(SOURCES)),
        language=draw(st.sampled_from(["", *WORDS])),
        content_type=draw(st.sampled_from(["message", "post"])),
        account_age_days=draw(st.sampled_from([None, 0.0, 1.0, 3.5])),
        strikes=draw(st.integers(0, 2)),
        banks=draw(subset(BANKS)),
        bank_policies=draw(subset(POLICIES)),
        content_attributes=draw(st.dictionaries(st.sampled_from(["x", "y"]), attribute)),
        author_attributes=draw(st.dictionaries(st.sampled_from(["x", "y"]), attribute)),
        text=draw(st.sampled_from(TEXTS)),
    )
