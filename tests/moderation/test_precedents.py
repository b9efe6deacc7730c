"""Decided cases like the one at hand: found by an index, none that gives a blind or golden case away."""

import json
from typing import Any

import pytest
from django.db import connection

from moderation.models import Case, ContentRevision, Evidence, Precedent, User
from moderation.selectors import precedents
from moderation.services import decisions
from moderation.services.decisions import Opinion
from tests import factories

WORDS = ["idiot", "moron", "fool", "clown", "loser", "worm"]


def _text(n: int) -> str:
    return f"you are a worthless pathetic {WORDS[n % 6]} and everyone here hates you, number {n}"


def _decided(n: int, integrator: User, moderator: User, verdict: str = "violates", **fields: Any) -> Case:
    case = factories.case(_text(n), sent_by=integrator)
    factories.decide(factories.claim(case, moderator), moderator, verdict, **fields)
    return case


def _shown(text: str, integrator: User, moderator: User) -> Evidence:
    return factories.claim(factories.case(text, sent_by=integrator), moderator).evidence


def test_the_most_similar_decided_cases_come_first_with_their_outcome(integrator: User, moderator: User) -> None:
    near = _decided(1, integrator, moderator)
    far = factories.case("you are a pathetic clown, nobody likes you", sent_by=integrator)
    factories.decide(factories.claim(far, moderator), moderator, "ok")
    other = factories.case(factories.SPAM, sent_by=integrator)
    factories.decide(factories.claim(other, moderator), moderator, policies=["spam"])
    factories.case(_text(1), sent_by=integrator)  # open: no precedent
    found = precedents.precedents_of(_shown(_text(7), integrator, moderator))
    assert found.nearest[0].decision.case_id == near.pk
    assert other.pk not in [like.decision.case_id for like in found.nearest]
    assert found.nearest[0].decision.verdict == "violates"
    assert 0.5 < found.nearest[0].likeness <= 1
    assert found.practice is None


def test_five_of_one_mind_are_a_practice_that_a_decision_may_go_against(integrator: User, moderator: User) -> None:
    for n in range(5):
        _decided(n, integrator, moderator)
    claim = factories.claim(factories.case(_text(6), sent_by=integrator), moderator)
    practice = precedents.precedents_of(claim.evidence).practice
    assert practice == precedents.Practice("violates", ["harassment"], 5)
    assert practice.contradicts("ok", [])
    assert practice.contradicts("violates", ["spam"])
    assert not practice.contradicts("violates", ["harassment", "hate"])
    assert factories.judge(claim, moderator, "ok").against == practice
    agreed = factories.claim(factories.case(_text(8), sent_by=integrator), moderator)
    # The newest five are no longer of one mind.
    assert precedents.precedents_of(agreed.evidence).practice is None


def test_an_override_changes_the_precedent_and_an_undo_removes_it(
    integrator: User, moderator: User, senior: User
) -> None:
    case = _decided(1, integrator, moderator)
    evidence = _shown(_text(7), integrator, moderator)
    decision = case.decisions.get()
    later = decisions.override(decision_id=decision.pk, opinion=Opinion("ok"), acting_user=senior)
    assert [like.decision for like in precedents.precedents_of(evidence).nearest] == [later]
    decisions.undo(decision_id=later.pk, acting_user=senior)
    assert precedents.precedents_of(evidence) == precedents.NONE


def test_a_blind_review_has_none_and_no_case_is_its_own(integrator: User, moderator: User) -> None:
    case = _decided(1, integrator, moderator)
    factories.plan(blind_rate=1)
    claim = factories.claim(factories.case(_text(7), sent_by=integrator), moderator)
    assert precedents.precedents_of(claim.evidence) == precedents.NONE
    again = factories.case(_text(1), sent_by=integrator, id=case.content.external_id, source="trusted_flagger")
    assert again.content == case.content
    claim = factories.claim(again, moderator)
    assert case.pk not in [like.decision.case_id for like in precedents.precedents_of(claim.evidence).nearest]


def test_an_erased_text_is_no_precedent(integrator: User, moderator: User) -> None:
    case = _decided(1, integrator, moderator)
    ContentRevision.objects.filter(content=case.content).update(text="", erased_at="2026-01-01T00:00:00Z")
    assert precedents.precedents_of(_shown(_text(7), integrator, moderator)) == precedents.NONE


@pytest.mark.parametrize("text", ["", " ", "🦄", "%s %(x)s '; --", "a" * 20_000])
def test_any_text_can_be_looked_up(text: str, integrator: User, moderator: User) -> None:
    assert precedents.precedents_of(_shown(text, integrator, moderator)) == precedents.NONE


def test_candidates_come_from_the_index_among_many(integrator: User, moderator: User) -> None:
    case = _decided(1, integrator, moderator)
    evidence = _shown(_text(7), integrator, moderator)
    own = Precedent.objects.get(case=case)
    with connection.cursor() as cursor:
        # Rows of other texts, not held to their cases: only the plan is looked at.
        cursor.execute(
            "INSERT INTO moderation_precedent (case_id, revision_id, sketch) "
            "SELECT -n, -n, ARRAY(SELECT (random() * 2e9)::int FROM generate_series(1, 42 + 0 * n)) "
            "FROM generate_series(1, 2000) n"
        )
        cursor.execute("ANALYZE moderation_precedent")
        # So few rows are read faster than an index; whether it can serve the search is what is asked.
        cursor.execute("SET LOCAL enable_seqscan = off")
        sketch = precedents.sketch_of(evidence.revision)
        values = {"bands": sketch.bands, "marks": sketch.marks, "text": "x", "content": 0, "least": 0.3, "limit": 25}
        cursor.execute(f"EXPLAIN (FORMAT JSON) {precedents.CANDIDATES}", values)
        plan = json.dumps(cursor.fetchone()[0])
        # Keys are checked at the end of a transaction.
        cursor.execute("DELETE FROM moderation_precedent WHERE case_id < 0")
    assert plan.count('"Index Name": "precedent_sketch_idx"') == 2
    scanned = [node["Relation Name"] for node in _nodes(json.loads(plan)) if node["Node Type"] == "Seq Scan"]
    assert "moderation_precedent" not in scanned
    assert [like.decision.case_id for like in precedents.precedents_of(evidence).nearest] == [own.case_id]


def _nodes(plan: Any) -> list[dict[str, Any]]:
    """Every node of a plan."""
    if isinstance(plan, list):
        return [node for part in plan for node in _nodes(part)]
    own = [plan] if "Node Type" in plan else []
    return own + [node for value in plan.values() if isinstance(value, dict | list) for node in _nodes_if(value)]


def _nodes_if(value: Any) -> list[dict[str, Any]]:
    return _nodes([part for part in value if isinstance(part, dict)] if isinstance(value, list) else value)
