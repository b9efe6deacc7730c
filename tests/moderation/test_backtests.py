"""What a rule would have done to the contents of the last days."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from moderation import tasks
from moderation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from moderation.models import AuditEvent, Backtest, Case, Content, Queue, RoutingRule, RuleHit, User
from moderation.selectors import backtests as selectors
from moderation.selectors import past_facts, rule_sets
from moderation.services import backtests, routing, rules
from moderation.services.rules import Draft
from tests import factories
from tests.moderation.concurrency import at_once

SPAM = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}


@pytest.fixture
def history(integrator: User, moderator: User) -> dict[str, Content]:
    """Four contents of the last days: spam flagged, spam reported and upheld, abuse, and what nobody saw."""
    upheld = factories.case(f"{factories.SPAM} now", sent_by=integrator)
    factories.decide(factories.claim(upheld, moderator), moderator, policies=["spam"])
    flagged = factories.content(factories.SPAM, sent_by=integrator, language="en")
    abuse = factories.case(factories.ABUSIVE, sent_by=integrator).content
    fine = factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    return {"upheld": upheld.content, "flagged": flagged, "abuse": abuse, "fine": fine}


def _draft(admin: User, *, first: bool = True, **fields: Any) -> RoutingRule:
    values: dict[str, Any] = {"name": "tested", "condition": SPAM, "queue": "urgent", **fields}
    rule = rules.create(draft=Draft(**values), acting_user=admin)
    return rules.move(rule_id=rule.pk, to=1, acting_user=admin) if first else rule


def _run(rule: RoutingRule, admin: User, **fields: Any) -> Backtest:
    backtest = backtests.request(rule_id=rule.pk, days=7, acting_user=admin, **fields)
    tasks.run_backtests()
    backtest.refresh_from_db()
    return backtest


def test_it_tells_what_would_have_moved_with_examples(history: dict[str, Content], admin: User) -> None:
    backtest = _run(_draft(admin, priority_boost=5.0, holds_for_senior=True, queue="urgent"), admin)
    assert (backtest.state, backtest.looked_at, backtest.total) == ("done", 4, 4)
    figures = backtest.figures
    assert figures["moves"] == {"spam escalations": 2}
    assert {
        name: figures[name] for name in ("matched", "decided", "changed", "moved", "raised", "held")
    } == dict.fromkeys(("matched", "decided", "changed", "moved", "raised", "held"), 2)
    assert (figures["judged"], figures["upheld"]) == (1, 1)
    assert "opened" not in figures
    assert sorted(backtest.examples["moved"]) == sorted([history["upheld"].pk, history["flagged"].pk])
    (overlap,) = figures["overlaps"].items()
    assert overlap == (str(RoutingRule.objects.get(name="Spam and scams to Spam and scams").pk), 2)


def test_it_changes_nothing(history: dict[str, Content], admin: User) -> None:
    before = list(Case.objects.order_by("pk").values()), RuleHit.objects.count()
    _run(_draft(admin), admin)
    assert (list(Case.objects.order_by("pk").values()), RuleHit.objects.count()) == before


def test_what_it_foretells_is_what_routing_then_does(
    history: dict[str, Content], admin: User, integrator: User
) -> None:
    """The evaluator is the same, and so are the facts: tested on past contents, then sent again to a live rule."""
    condition = {"any": [SPAM, {"all": [{"fact": "flagged", "is": "any_of", "value": ["harassment"]}, {"not": SPAM}]}]}
    rule = _draft(admin, condition=condition, opens_cases=True)
    foretold = _run(rule, admin).figures["decided"]
    rules.set_state(rule_id=rule.pk, version=rule.version, state="live", acting_user=admin)
    for content in history.values():
        assert content.current_revision is not None
        factories.content(content.current_revision.text, sent_by=integrator)
    factories.score_all()
    assert RuleHit.objects.filter(rule=rule, decided=True).count() == foretold == 3


def test_facts_of_the_past_are_those_routing_saw(integrator: User, admin: User) -> None:
    factories.bank_entry("domain", "bad.example", by=admin)
    text = f"{factories.SPAM} https://bad.example/x"
    case = factories.case(text, sent_by=integrator, language="en", policy="spam")
    content = past_facts.contents(since=case.opened_at - timedelta(days=1), until=timezone.now()).get()
    (past,) = past_facts.past([content])
    predictions = {
        row.policy.slug: row
        for row in content.current_revision.predictions.get().policies.select_related("policy")  # type: ignore[union-attr]
    }
    (live,) = routing._gather([content], {content.pk: predictions})
    seen = routing._asked(live)
    assert past.facts == seen
    assert seen.banks == {"domain"}
    assert (seen.reports, dict(seen.reasons), seen.language) == (1, {"spam": 1}, "en")
    assert past.seen
    assert past.violated is None


def test_cases_it_would_open_are_told(history: dict[str, Content], admin: User) -> None:
    lentils = {"fact": "text", "is": "matches", "value": "lentil"}
    backtest = _run(_draft(admin, condition=lentils, opens_cases=True), admin)
    assert backtest.figures["opened"] == 1
    assert backtest.examples["opened"] == [history["fine"].pk]
    assert "moves" not in backtest.figures


def test_a_rule_behind_another_matches_and_decides_nothing(history: dict[str, Content], admin: User) -> None:
    backtest = _run(_draft(admin, first=False), admin)
    assert backtest.figures["matched"] == 2
    assert "decided" not in backtest.figures
    assert "changed" not in backtest.figures


def test_a_live_rule_is_compared_with_the_rules_without_it(history: dict[str, Content], admin: User) -> None:
    live = RoutingRule.objects.get(name="Spam and scams to Spam and scams")
    backtest = _run(live, admin)
    assert backtest.figures["moves"] == {"reports spam": 2}


def test_a_replacement_is_compared_with_what_it_replaces(history: dict[str, Content], admin: User) -> None:
    live = RoutingRule.objects.get(name="Spam and scams to Spam and scams")
    copy = rules.copy(rule_id=live.pk, acting_user=admin)
    assert "changed" not in _run(copy, admin).figures
    copy = rules.change(
        rule_id=copy.pk,
        version=copy.version,
        draft=Draft(name="tighter", condition={**SPAM, "value": 1.0}, queue="spam"),
        acting_user=admin,
    )
    assert _run(copy, admin).figures["moves"] == {"spam reports": 2}


def test_it_looks_at_the_newest_of_the_days_asked_for(history: dict[str, Content], admin: User) -> None:
    Content.objects.filter(pk=history["upheld"].pk).update(received_at=timezone.now() - timedelta(days=8))
    backtest = _run(_draft(admin), admin, limit=2)
    assert (backtest.available, backtest.total, backtest.looked_at) == (3, 2, 2)
    assert backtest.figures.get("matched") is None, "the newest two are abuse and what is fine"


def test_erased_texts_are_left_out(history: dict[str, Content], admin: User) -> None:
    Content.objects.filter(pk=history["fine"].pk).update(erased_at=timezone.now())
    assert _run(_draft(admin), admin).total == 3


def test_a_step_or_another_name_leaves_it_a_test_of_the_rule_and_another_wording_does_not(admin: User) -> None:
    draft = _draft(admin)
    tested = _run(draft, admin)

    def is_current() -> bool:
        return selectors.report(selectors.get(tested.pk)).is_current

    fields = {"version": draft.version, "acting_user": admin}
    renamed = rules.change(rule_id=draft.pk, draft=Draft("another name", draft.condition, draft.queue.slug), **fields)
    assert is_current()
    in_shadow = rules.set_state(rule_id=draft.pk, version=renamed.version, state="shadow", acting_user=admin)
    assert in_shadow.version > tested.rule_version
    assert is_current()
    copied = rules.copy(rule_id=draft.pk, acting_user=admin)
    of_copy = _run(copied, admin)
    rules.change(
        rule_id=copied.pk,
        version=copied.version,
        draft=Draft("another name", draft.condition, draft.queue.slug, priority_boost=3.0),
        acting_user=admin,
    )
    assert not selectors.report(selectors.get(of_copy.pk)).is_current


def test_nothing_to_look_at_is_done_at_once(admin: User) -> None:
    backtest = _run(_draft(admin), admin)
    assert (backtest.state, backtest.total, backtest.figures) == ("done", 0, {})


def test_a_worker_that_dies_leaves_what_it_had_and_another_goes_on(
    history: dict[str, Content], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "_PIECE", 1)
    backtest = backtests.request(rule_id=_draft(admin).pk, days=7, acting_user=admin)
    real = past_facts.past
    calls = 0

    def dies(rows: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt  # as a killed process: nothing catches it
        return real(rows)

    monkeypatch.setattr(past_facts, "past", dies)
    with pytest.raises(KeyboardInterrupt):
        tasks.run_backtests()
    backtest.refresh_from_db()
    assert (backtest.state, backtest.looked_at) == ("running", 2)
    tasks.run_backtests()
    backtest.refresh_from_db()
    assert (backtest.state, backtest.looked_at, backtest.figures["matched"]) == ("done", 4, 2)


def test_a_content_it_cannot_read_ends_it_in_the_end_with_what_went_wrong(
    history: dict[str, Content], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(rows: Any) -> Any:
        raise ValueError("the words of a text")

    monkeypatch.setattr(past_facts, "past", fails)
    backtest = _run(_draft(admin), admin)
    assert (backtest.state, backtest.error, backtest.looked_at) == ("failed", "ValueError", 0)
    event = AuditEvent.objects.get(kind="backtest.ended")
    assert event.data["state"] == "failed"
    assert "words" not in str(event.data)


def test_it_stops_where_it_is_cancelled(
    history: dict[str, Content], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "_PIECE", 1)
    backtest = backtests.request(rule_id=_draft(admin).pk, days=7, acting_user=admin)
    assert backtests._piece() == 1
    backtests.cancel(backtest_id=backtest.pk, acting_user=admin)
    assert tasks.run_backtests() == 0
    backtest.refresh_from_db()
    assert (backtest.state, backtest.looked_at) == ("cancelled", 1)
    with pytest.raises(Conflict, match="ended already"):
        backtests.cancel(backtest_id=backtest.pk, acting_user=admin)
    events = AuditEvent.objects.filter(kind__startswith="backtest").order_by("pk")
    assert [(event.kind, event.actor) for event in events] == [
        ("backtest.requested", admin),
        ("backtest.ended", admin),
    ]


def test_a_slice_of_time_ends_between_two_pieces(
    history: dict[str, Content], admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "_PIECE", 1)
    backtests.request(rule_id=_draft(admin).pk, days=7, acting_user=admin)
    assert backtests.run(seconds=0) == 0
    assert backtests.run(seconds=60) == 4


@pytest.mark.django_db(transaction=True)
def test_two_workers_count_no_content_twice(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    factories.installation()
    admin, integrator = factories.user("admin", role="admin"), factories.user("integrator", role="integrator")
    for number in range(30):
        factories.content(f"{factories.SPAM} {number}", sent_by=integrator)
    factories.score_all()
    monkeypatch.setattr(backtests, "_PIECE", 3)
    backtest = backtests.request(rule_id=_draft(admin).pk, days=7, acting_user=admin)
    done = at_once([lambda: backtests.run(seconds=60)] * 3)
    while backtests.run(seconds=1):
        pass
    backtest.refresh_from_db()
    assert all(isinstance(count, int) for count in done), done
    assert (backtest.state, backtest.looked_at, backtest.figures["matched"]) == ("done", 30, 30)


def test_one_backtest_of_a_rule_at_a_time(admin: User) -> None:
    rule = _draft(admin)
    backtests.request(rule_id=rule.pk, days=7, acting_user=admin)
    with pytest.raises(Conflict, match="is running"):
        backtests.request(rule_id=rule.pk, days=7, acting_user=admin)
    assert rule_sets.in_force() is not None


def test_what_makes_no_sense_is_refused(admin: User, senior: User) -> None:
    rule = _draft(admin)
    for days in (0, 366):
        with pytest.raises(InvalidInput, match="days"):
            backtests.request(rule_id=rule.pk, days=days, acting_user=admin)
    with pytest.raises(NotFound):
        backtests.request(rule_id=rule.pk + 999, days=7, acting_user=admin)
    with pytest.raises(NotFound):
        backtests.cancel(backtest_id=999, acting_user=admin)
    with pytest.raises(NotPermitted):
        backtests.request(rule_id=rule.pk, days=7, acting_user=senior)
    assert Queue.objects.exists()
