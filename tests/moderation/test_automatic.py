"""Decisions without a person: only what a live rule asks for and the guaranteed precision allows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings

from moderation import tasks
from moderation.learning import registry
from moderation.models import (
    AuditEvent,
    AutomationThreshold,
    Case,
    Decision,
    Label,
    OutboxMessage,
    Policy,
    Queue,
    RoutingRule,
    Strike,
    User,
)
from moderation.selectors import automation
from moderation.services import appeals, backtests, decisions
from moderation.services.intake import receive_report
from tests import factories


@pytest.fixture
def rule(installation: None, settings: LazySettings) -> RoutingRule:
    """A live rule that removes spam by itself; nothing is held out."""
    settings.AUTOMATION_HOLDOUT = 0.0
    spam = Policy.objects.get(slug="spam")
    flagged = {"fact": "flagged", "is": "any_of", "value": ["spam"]}
    return factories.rule(flagged, queue=Queue.objects.get(slug="spam"), automates=spam, automatic_actions=["remove"])


def _guarantee(admin: User, threshold: float | None = 0.5, *, number: int = 1) -> AutomationThreshold:
    return AutomationThreshold.objects.create(
        policy=Policy.objects.get(slug="spam"),
        model_version=registry.champion(),
        recalibration=number,
        precision=0.9,
        threshold=threshold,
        lower_bound=0.95 if threshold is not None else None,
        sample_count=500,
        used_count=200,
        delta_spent=0.03,
        sentence="s",
        computed_by=admin,
    )


def _spam(integrator: User, text: str = factories.SPAM, **fields: Any) -> Case:
    return factories.case(text, sent_by=integrator, **{"language": "en", **fields})


def test_a_backtest_tells_what_would_be_automated(rule: RoutingRule, integrator: User, admin: User) -> None:
    for number, fields in enumerate(({}, {"language": "fr"}, {"source": "legal_notice"})):
        _spam(integrator, f"{factories.SPAM} number {number}", **fields)
    figures = []
    for _ in range(2):
        backtest = backtests.request(rule_id=rule.pk, days=1, acting_user=admin)
        tasks.run_backtests()
        backtest.refresh_from_db()
        figures.append((backtest.figures.get("automated", 0), backtest.figures.get("not_automated", 0)))
        _guarantee(admin, number=len(figures))
    assert figures == [(0, 3), (1, 2)]


def test_nothing_is_automated_without_a_guarantee(rule: RoutingRule, integrator: User) -> None:
    assert _spam(integrator).status == "open"
    assert not Decision.objects.exists()
    assert "has not been calibrated" in automation.standings(["spam"])["spam"].reason


def test_a_guaranteed_rule_decides_with_all_effects_and_no_label(
    rule: RoutingRule, integrator: User, admin: User
) -> None:
    _guarantee(admin)
    case = _spam(integrator)
    decision = Decision.objects.get()
    assert (case.status, decision.kind, decision.verdict, decision.policies) == (
        "decided",
        "automated",
        "violates",
        ["spam"],
    )
    assert decision.decided_by is None
    assert decision.judgement is not None
    assert decision.judgement.evidence.rule_hits[0]["id"] == rule.pk
    topics = OutboxMessage.objects.order_by("sequence").values_list("topic", flat=True)
    assert list(topics) == ["action.requested", "decision.made"]
    assert Strike.objects.get().policy.slug == "spam"
    assert case.reports.get().outcome == "upheld"
    assert not Label.objects.exists()
    assert AuditEvent.objects.get(kind="case.decided").actor is None
    automaton = decision.judgement.reviewer
    assert not automaton.is_active
    assert not automaton.has_usable_password()


def _shadowed(admin: User, integrator: User) -> dict[str, Any]:
    RoutingRule.objects.filter(automates__isnull=False).update(state="shadow")
    return {}


def _beyond_the_score(admin: User, integrator: User) -> dict[str, Any]:
    _guarantee(admin, 0.9999999, number=2)
    return {}


def _lost(admin: User, integrator: User) -> dict[str, Any]:
    _guarantee(admin, None, number=2)
    return {}


def _of_another_model(admin: User, integrator: User) -> dict[str, Any]:
    registry.promote(registry.register_starter(acting_user=admin), acting_user=admin)
    return {}


@pytest.mark.parametrize(
    "spoil",
    [
        _shadowed,
        _beyond_the_score,
        _lost,
        _of_another_model,
        lambda admin, integrator: {"language": "fr"},
        lambda admin, integrator: {"language": ""},
        lambda admin, integrator: {"source": "legal_notice"},
    ],
    ids=["shadow", "score", "lost", "model", "language", "no language", "legal notice"],
)
def test_people_decide_what_the_guarantee_does_not_cover(
    spoil: Callable[[User, User], dict[str, Any]], rule: RoutingRule, integrator: User, admin: User
) -> None:
    _guarantee(admin)
    case = _spam(integrator, **spoil(admin, integrator))
    assert case.status == "open"
    assert not Decision.objects.exists()


def test_a_random_share_is_left_to_people(
    rule: RoutingRule, integrator: User, admin: User, settings: LazySettings
) -> None:
    settings.AUTOMATION_HOLDOUT = 1.0
    _guarantee(admin)
    assert _spam(integrator).status == "open"


def test_one_overturned_decision_turns_it_off_until_it_is_calibrated_anew(
    rule: RoutingRule, integrator: User, admin: User, senior: User
) -> None:
    _guarantee(admin)
    _spam(integrator)
    decisions.override(
        decision_id=Decision.objects.get().pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior
    )
    assert Label.objects.filter(value=False).exists(), "the person who overturned it says what it is"
    assert "overturned" in automation.standings(["spam"])["spam"].reason
    assert _spam(integrator, f"{factories.SPAM} again").status == "open"
    _guarantee(admin, number=2)
    assert automation.standings(["spam"])["spam"].is_on


def test_it_can_be_undone_and_appealed_as_any_other(
    rule: RoutingRule, integrator: User, admin: User, senior: User
) -> None:
    _guarantee(admin)
    _spam(integrator)
    decision = Decision.objects.get()
    appeal = appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="no", acting_user=integrator)
    appeals.resolve_appeal(appeal_id=appeal.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    assert Decision.objects.get(supersedes=decision).verdict == "ok"
    _guarantee(admin, number=2)
    other = _spam(integrator, f"{factories.SPAM} again")
    claim = decisions.undo(decision_id=other.decisions.get().pk, acting_user=senior)
    assert claim.review.case.status == "open"


def test_a_rule_that_people_keep_refuting_is_stopped_by_its_own_record(
    rule: RoutingRule, integrator: User, admin: User, moderator: User
) -> None:
    """The guarantee is about all texts of a score; a rule may pick the wrong ones of them."""
    for number in range(6):
        case = _spam(integrator, f"{factories.SPAM} number {number}")
        factories.decide(factories.claim(case, moderator), moderator, "ok")
    _guarantee(admin)
    assert _spam(integrator, f"{factories.SPAM} again").status == "open"


def test_a_case_that_is_open_already_stays_with_people(rule: RoutingRule, integrator: User, admin: User) -> None:
    case = _spam(integrator, id="c")
    _guarantee(admin)
    receive_report(
        submitted=factories.report_input(factories.SPAM, id="c", reporter_id="r2", language="en"),
        acting_user=integrator,
    )
    factories.score_all()
    case.refresh_from_db()
    assert case.status == "open"
