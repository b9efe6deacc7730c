"""Routing rules: 200 of them on 10,000 contents, beside the same rules as bare Python and read anew each time."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.bench.figures import Figure, ratio
from tests.moderation.conditions import reference

_RULES = 200
_CONTENTS = 10_000
_READ_ANEW = 500  # contents: more would only take longer
_CHUNK = 500
_BARE = "the same as bare Python"
_UNCOMPILED = "documents read anew"
_POLICIES = ("harassment", "hate", "spam", "self-harm", "sexual", "violence")
_LANGUAGES = ("en", "de", "fr", "es", "pt")


def measure() -> Iterator[Figure]:
    """Contents a second through all 200 rules; hardly any matches, so that nearly all are asked."""
    from moderation.conditions.facts import Facts
    from moderation.selectors.rule_sets import Rule, RuleSet, Spec

    chance = random.Random(7)
    documents = [_document(chance) for _ in range(_RULES)]
    specs = [Spec(n, f"rule {n}", doc, "q", False, 0.0, False, None, (), None) for n, doc in enumerate(documents)]
    compiled = RuleSet([(Rule.of(spec), True) for spec in specs], {})
    bare = [eval(f"lambda facts: {_python(document)}") for document in documents]  # noqa: S307 (our own words)
    contents = [_facts(chance, Facts) for _ in range(_CONTENTS)]

    def read_anew(facts: Any) -> object:
        return next((document for document in documents if reference.evaluate(document, facts)), None)

    def in_python(facts: Any) -> object:
        return next((test for test in bare if test(facts)), None)

    agreed = sum((compiled.first(facts, seen=True) is None) == (in_python(facts) is None) for facts in contents)
    if agreed != len(contents):
        raise RuntimeError("the compiled rules and bare Python do not agree")
    ours, python = _rates([lambda facts: compiled.first(facts, seen=True), in_python], contents)
    (anew,) = _rates([read_anew], contents[:_READ_ANEW])
    figure = Figure("routing rules", f"{_RULES} rules", ours, "contents/s", _CONTENTS)
    yield figure
    for name, rate, n in ((_BARE, python, _CONTENTS), (_UNCOMPILED, anew, _READ_ANEW)):
        floor = Figure("routing rules", name, rate, "contents/s", n)
        yield floor
        yield ratio(figure, floor, name)


def _document(chance: random.Random) -> dict[str, Any]:
    """A rule as administrators write them: a score or a reason, narrowed by one or two other facts."""
    policy = chance.choice(_POLICIES)
    first = chance.choice(
        [
            {"fact": "score", "of": policy, "is": "at_least", "value": round(chance.uniform(0.4, 0.95), 2)},
            {"fact": "report_reasons", "is": "any_of", "value": [policy]},
            {"fact": "reports", "is": "at_least", "value": chance.randint(2, 9)},
        ]
    )
    others = [
        {"fact": "language", "is": "one_of", "value": chance.sample(_LANGUAGES, 2)},
        {"fact": "account_age_days", "is": "below", "value": chance.randint(1, 5)},
        {"not": {"fact": "report_sources", "is": "any_of", "value": ["user", "automated"]}},
        {"any": [{"fact": "strikes", "is": "above", "value": 4}, {"fact": "banks", "is": "any_of", "value": ["x"]}]},
        {"fact": "author_attribute", "of": "tier", "is": "equals", "value": "trial"},
    ]
    return {"all": [first, *chance.sample(others, 2)]}


def _facts(chance: random.Random, make: Callable[..., Any]) -> Any:
    return make(
        scores={policy: chance.betavariate(0.5, 4) for policy in _POLICIES},
        reports=chance.choice([0, 1, 1, 2, 3]),
        reasons={chance.choice(_POLICIES): 1},
        sources=frozenset(["user"]),
        language=chance.choice(_LANGUAGES),
        account_age_days=chance.uniform(0, 900),
        strikes=chance.choice([0, 0, 0, 1]),
        author_attributes={"tier": chance.choice(["free", "paid"])},
        text="a message of no interest",
    )


def _python(document: dict[str, Any]) -> str:
    """The condition as a person would write it in Python."""
    if "all" in document:
        return f"({' and '.join(map(_python, document['all']))})"
    if "any" in document:
        return f"({' or '.join(map(_python, document['any']))})"
    if "not" in document:
        return f"not {_python(document['not'])}"
    value = document["value"]
    return {
        "score": lambda: f"facts.scores.get({document['of']!r}, -1.0) >= {value}",
        "report_reasons": lambda: f"{value[0]!r} in facts.reasons",
        "reports": lambda: f"facts.reports >= {value}",
        "language": lambda: f"facts.language in {tuple(value)!r}",
        "account_age_days": lambda: f"(facts.account_age_days is not None and facts.account_age_days < {value})",
        "report_sources": lambda: f"any(source in facts.sources for source in {value!r})",
        "strikes": lambda: f"facts.strikes > {value}",
        "banks": lambda: f"{value[0]!r} in facts.banks",
        "author_attribute": lambda: f"facts.author_attributes.get({document['of']!r}) == {value!r}",
    }[document["fact"]]()


def _rates(actions: Sequence[Callable[[Any], object]], contents: Sequence[Any]) -> list[float]:
    """Contents a second of each action over all chunks, chunk by chunk in turns."""
    taken = [0.0] * len(actions)
    for start in range(0, len(contents), _CHUNK):
        chunk = contents[start : start + _CHUNK]
        for index, act in enumerate(actions):
            begun = time.perf_counter()
            for one in chunk:
                act(one)
            taken[index] += time.perf_counter() - begun
    return [len(contents) / seconds for seconds in taken]
