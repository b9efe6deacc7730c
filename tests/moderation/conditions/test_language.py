"""The condition language against a second, plain interpreter of it; and what it refuses, and where."""

from typing import Any

import pytest
from hypothesis import given, settings

from moderation.conditions.evaluation import compiled
from moderation.conditions.facts import Facts
from moderation.conditions.implication import implies
from moderation.conditions.parsing import Known, parse, questions
from moderation.conditions.wording import words
from moderation.errors import InvalidInput
from tests.moderation.conditions import reference

SCORE = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}
STRUCK = {"fact": "strikes", "is": "above", "value": 2}
BANKED = {"fact": "banks"}
SPOKEN = {"fact": "language", "is": "one_of"}


@given(document=reference.documents(), facts=reference.facts())
@settings(max_examples=400)
def test_the_compiled_condition_answers_as_the_plain_reading_does(document: Any, facts: Facts) -> None:
    assert compiled(parse(document))(facts) is reference.evaluate(document, facts)


@given(premise=reference.documents(), conclusion=reference.documents(), facts=reference.facts())
@settings(max_examples=400)
def test_what_is_shown_to_be_implied_never_fails_to_hold(premise: Any, conclusion: Any, facts: Facts) -> None:
    widened = {"any": [conclusion, premise]}
    assert implies(parse(premise), parse(premise))
    assert implies(parse(premise), parse(widened))
    if implies(parse(premise), parse(conclusion)) and reference.evaluate(premise, facts):
        assert reference.evaluate(conclusion, facts)


@given(first=reference.questions(), second=reference.questions(), facts=reference.facts())
@settings(max_examples=400)
def test_no_question_is_wrongly_seen_to_imply_another_of_its_fact(first: Any, second: Any, facts: Facts) -> None:
    related = {**second, "fact": first["fact"], **({"of": first["of"]} if "of" in first else {})}
    try:
        conclusion = parse(related)
    except InvalidInput:
        return
    if implies(parse(first), conclusion) and reference.evaluate(first, facts):
        assert reference.evaluate(related, facts)


@given(document=reference.documents())
def test_every_condition_can_be_said_in_words(document: Any) -> None:
    condition = parse(document)
    assert len(words(condition)) > 3
    assert 1 <= len(questions(condition)) <= 12


@pytest.mark.parametrize(
    ("premise", "conclusion"),
    [
        (SCORE, {**SCORE, "value": 0.4}),
        (SCORE, {**SCORE, "is": "above", "value": 0.4}),
        ({**SCORE, "is": "equals"}, {**SCORE, "is": "at_most"}),
        (SCORE, {**SCORE, "is": "known", "value": ...}),
        ({"all": [SCORE, STRUCK]}, {**STRUCK, "is": "at_least"}),
        ({"any": [SCORE, {**SCORE, "value": 0.9}]}, SCORE),
        ({"not": {**SCORE, "value": 0.4}}, {"not": SCORE}),
        ({**BANKED, "is": "all_of", "value": ["a", "b"]}, {**BANKED, "is": "any_of", "value": ["b", "c"]}),
        ({**SPOKEN, "value": ["pt-BR"]}, {**SPOKEN, "value": ["PT"]}),
        (SCORE, {"all": []}),
    ],
)  # fmt: skip
def test_containment_is_seen(premise: Any, conclusion: Any) -> None:
    premise, conclusion = _without_gaps(premise), _without_gaps(conclusion)
    assert implies(parse(premise), parse(conclusion))
    if conclusion != {"all": []}:
        assert not implies(parse({"all": []}), parse(conclusion))


def _without_gaps(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not ...}


def test_true_is_not_one() -> None:
    one, true = ({"fact": "author_attribute", "of": "x", "is": "equals", "value": value} for value in (1, True))
    assert not implies(parse(one), parse(true))
    assert not compiled(parse(true))(Facts(author_attributes={"x": 1}))


@pytest.mark.parametrize(
    ("document", "pointer", "said"),
    [
        ([], "/", "is an object"),
        ({}, "/", "question"),
        ({"all": [], "any": []}, "/", "question"),
        ({"any": []}, "/any", "empty"),
        ({"all": [{"all": []}]}, "/all/0/all", "empty"),
        ({"all": "x"}, "/all", "list"),
        ({"not": [SCORE]}, "/not", "is an object"),
        ({"any": [SCORE, {"fact": "mood", "is": "known"}]}, "/any/1/fact", "score"),
        ({**SCORE, "is": "matches"}, "/is", "at_least"),
        ({**SCORE, "colour": 1}, "/colour", "not known"),
        ({"fact": "score", "is": "at_least", "value": 0.5}, "/of", "policy"),
        ({**SCORE, "of": "nonsense"}, "/of", "no policy"),
        ({"fact": "strikes", "of": "spam", "is": "known"}, "/of", "asked of nothing"),
        ({**SCORE, "value": 1.5}, "/value", "between 0 and 1"),
        ({**SCORE, "value": True}, "/value", "number"),
        ({**SCORE, "value": float("nan")}, "/value", "number"),
        ({**SCORE, "value": "0.5"}, "/value", "number"),
        ({"fact": "strikes", "is": "above", "value": -1}, "/value", "0 or more"),
        ({"fact": "strikes", "is": "known", "value": 1}, "/value", "takes no value"),
        ({"fact": "flagged", "is": "any_of", "value": []}, "/value", "list of 1"),
        ({"fact": "flagged", "is": "any_of", "value": ["spam", "x"]}, "/value/1", "no policy"),
        ({"fact": "banks", "is": "any_of", "value": ["x"]}, "/value/0", "no bank"),
        ({"fact": "report_sources", "is": "any_of", "value": ["x"]}, "/value/0", "source is one of"),
        ({"fact": "domains", "is": "any_of", "value": ["co.uk"]}, "/value/0", "public suffix"),
        ({"fact": "text", "is": "matches", "value": "(a"}, "/value", r"missing \)"),
        ({"fact": "text", "is": "matches", "value": "(?=a)"}, "/value", "RE2"),
        ({"fact": "text", "is": "matches", "value": "a*"}, "/value", "match everything"),
        ({"fact": "text", "is": "matches", "value": "(a{1000}){1000}"}, "/value", "RE2"),
        ({"fact": "author_attribute", "of": "x", "is": "equals", "value": [1]}, "/value", "text"),
    ],
)
def test_it_says_what_is_wrong_and_where(document: Any, pointer: str, said: str) -> None:
    known = Known(frozenset({"spam"}), frozenset())
    with pytest.raises(InvalidInput, match=said) as refused:
        parse(document, known=known)
    assert refused.value.pointer == pointer


def test_depth_and_number_of_questions_are_bounded() -> None:
    deep: Any = SCORE
    for _ in range(8):
        deep = {"not": deep}
    with pytest.raises(InvalidInput, match="deep"):
        parse(deep)
    parse({"all": [SCORE] * 100})
    with pytest.raises(InvalidInput, match="100 questions") as refused:
        parse({"all": [SCORE] * 101}, at="/condition")
    assert refused.value.pointer == "/condition/all/100"


def test_a_pattern_takes_time_linear_in_the_text() -> None:
    """What takes a backtracking matcher longer than the universe has been around is answered at once."""
    bomb = compiled(parse({"fact": "text", "is": "matches", "value": "^(a+)+$"}))
    assert not bomb(Facts(text="a" * 20_000 + "!"))
    assert bomb(Facts(text="A" * 20_000))
