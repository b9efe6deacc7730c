"""The first rules asked in columns: what they asked is what their conditions ask."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from moderation.conditions.evaluation import compiled
from moderation.conditions.facts import Facts
from moderation.conditions.parsing import parse

SPAM = SimpleNamespace(slug="spam")
BARE = {"policy": None, "minimum_score": None, "source": "", "minimum_reports": 0}


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        ({}, Facts(), None),
        ({"minimum_reports": 3}, Facts(reports=3), Facts(reports=2)),
        ({"source": "user"}, Facts(sources=frozenset(["user"])), Facts(sources=frozenset(["automated"]))),
        ({"policy": SPAM, "minimum_score": 0.5}, Facts(scores={"spam": 0.5}), Facts(flagged=frozenset(["spam"]))),
        ({"policy": SPAM}, Facts(flagged=frozenset(["spam"])), Facts(scores={"spam": 1.0})),
        ({"policy": SPAM}, Facts(reasons={"spam": 1}), Facts(reasons={"hate": 1})),
        ({"policy": SPAM}, Facts(bank_policies=frozenset(["spam"])), Facts(banks=frozenset(["spam"]))),
        ({"policy": SPAM, "minimum_reports": 1}, Facts(reports=1, reasons={"spam": 1}), Facts(reasons={"spam": 1})),
    ],
)
def test_columns_become_the_condition_they_meant(rule: dict[str, Any], matching: Facts, other: Facts | None) -> None:
    migration = importlib.import_module("moderation.migrations.0011_rule_conditions")
    test = compiled(parse(migration._condition(SimpleNamespace(**{**BARE, **rule}))))
    assert test(matching)
    assert other is None or not test(other)
