"""What nobody decides alone: held, approved or sent back, once."""

import pytest

from moderation.enums import CaseStatus, HoldReason, HoldState, Standing
from moderation.errors import AlreadyDecided, Conflict, NotFound, NotPermitted, StaleVersion
from moderation.models import (
    AuditEvent,
    Case,
    Decision,
    Hold,
    JudgementNote,
    Label,
    OutboxMessage,
    ProtectedAccount,
    Rationale,
    Strike,
    User,
)
from moderation.selectors import holds as selectors
from moderation.services import appeals, decisions, holds, undoing
from moderation.services.decisions import Opinion
from moderation.services.intake import withdraw_content
from tests import factories
from tests.moderation.concurrency import at_once


def _protected(integrator: User, **fields: str) -> Case:
    case = factories.case(factories.BENIGN, sent_by=integrator, **fields)
    ProtectedAccount.objects.create(account=case.content.author, reason="a journalist")
    return case


def _held(case: Case, moderator: User, **fields: object) -> Hold:
    outcome = factories.judge(factories.claim(case, moderator), moderator, rationale="an insult", **fields)
    assert (outcome.standing, outcome.decision) == (Standing.HELD, None)
    return Hold.objects.get(judgement=outcome.judgement)


def test_effects_follow_only_an_approval(integrator: User, moderator: User, senior: User) -> None:
    case = _protected(integrator)
    hold = _held(case, moderator)
    assert hold.reason == HoldReason.PROTECTED
    for rows in (Decision, OutboxMessage, Label, Strike):
        assert not rows.objects.exists()
    decision = holds.approve(hold_id=hold.pk, acting_user=senior)
    assert (decision.judgement, decision.decided_by) == (hold.judgement, moderator)
    assert (Rationale.objects.get().text, JudgementNote.objects.count()) == ("an insult", 0)
    assert OutboxMessage.objects.count() == 2
    assert Strike.objects.count() == 1
    assert Label.objects.current().filter(value=True).count() == 1
    case.refresh_from_db()
    assert case.status == CaseStatus.DECIDED
    hold.refresh_from_db()
    assert (hold.state, hold.settled_by) == (HoldState.APPROVED, senior)
    assert AuditEvent.objects.get(kind="hold.approved").actor == senior


def test_who_approved_a_decision_does_not_resolve_its_appeal(
    integrator: User, moderator: User, senior: User, admin: User
) -> None:
    decision = holds.approve(hold_id=_held(_protected(integrator), moderator).pk, acting_user=senior)
    appeal = appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="no", acting_user=integrator)
    with pytest.raises(NotPermitted):
        appeals.resolve_appeal(appeal_id=appeal.pk, opinion=None, acting_user=senior)
    assert appeals.resolve_appeal(appeal_id=appeal.pk, opinion=None, acting_user=admin).resolved_by == admin


def test_acting_twice_does_nothing(integrator: User, moderator: User, senior: User, admin: User) -> None:
    hold = _held(_protected(integrator), moderator)
    first = holds.approve(hold_id=hold.pk, acting_user=senior)
    events = AuditEvent.objects.count()
    assert holds.approve(hold_id=hold.pk, acting_user=admin) == first
    with pytest.raises(AlreadyDecided, match="senior has settled"):
        holds.reject(hold_id=hold.pk, note="no", acting_user=admin)
    assert (AuditEvent.objects.count(), Decision.objects.count()) == (events, 1)


def test_a_rejected_judgement_goes_to_someone_else(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    case = _protected(integrator)
    hold = _held(case, moderator)
    assert holds.reject(hold_id=hold.pk, note="Not aimed at anyone.", acting_user=senior).state == HoldState.REJECTED
    assert holds.reject(hold_id=hold.pk, note="again", acting_user=senior).note == "Not aimed at anyone."
    assert "aimed" not in str(list(AuditEvent.objects.values_list("data", flat=True)))
    with pytest.raises(Conflict):
        factories.claim(case, moderator)
    assert factories.judge(factories.claim(case, colleague), colleague, "ok").standing == Standing.BINDING
    with pytest.raises(AlreadyDecided):
        holds.approve(hold_id=hold.pk, acting_user=senior)


def test_nobody_approves_their_own(integrator: User, senior: User, moderator: User) -> None:
    hold = _held(_protected(integrator), senior)
    for act in (
        lambda: holds.approve(hold_id=hold.pk, acting_user=senior),
        lambda: holds.reject(hold_id=hold.pk, note="x", acting_user=senior),
        lambda: holds.approve(hold_id=hold.pk, acting_user=moderator),
    ):
        with pytest.raises(NotPermitted):
            act()
    with pytest.raises(NotFound):
        holds.approve(hold_id=10**9, acting_user=senior)
    assert not Decision.objects.exists()


def test_a_finding_of_no_violation_needs_nobody(integrator: User, moderator: User) -> None:
    assert factories.judge(factories.claim(_protected(integrator), moderator), moderator, "ok").decision is not None


@pytest.mark.parametrize(
    ("policy", "standing"), [("spam", Standing.BINDING), ("hate", Standing.HELD), ("violence", Standing.HELD)]
)
def test_grave_policies_need_a_second_person_where_the_plan_says_so(
    policy: str, standing: Standing, integrator: User, moderator: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(hold_from_severity=3)
    outcome = factories.judge(factories.claim(case, moderator), moderator, policies=[policy])
    assert outcome.standing == standing


def test_two_who_judged_the_same_need_no_third(integrator: User, moderator: User, colleague: User) -> None:
    case = _protected(integrator)
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, moderator), moderator)
    assert factories.judge(factories.claim(case, colleague), colleague).standing == Standing.BINDING


def test_an_edited_or_deleted_text_is_not_approved(integrator: User, moderator: User, senior: User) -> None:
    hold = _held(_protected(integrator, id="m"), moderator)
    factories.content("edited since", sent_by=integrator, id="m")
    with pytest.raises(StaleVersion):
        holds.approve(hold_id=hold.pk, acting_user=senior)
    withdraw_content(external_id="m", acting_user=integrator)
    assert not selectors.pending().exists()
    with pytest.raises(Conflict):
        holds.approve(hold_id=hold.pk, acting_user=senior)
    holds.reject(hold_id=hold.pk, note="gone", acting_user=senior)


def test_its_author_may_take_it_back(integrator: User, moderator: User, senior: User) -> None:
    case = _protected(integrator)
    hold = _held(case, moderator)
    claim = undoing.take_back(case_id=case.pk, acting_user=moderator)
    with pytest.raises(AlreadyDecided):
        holds.approve(hold_id=hold.pk, acting_user=senior)
    assert factories.judge(claim, moderator, "ok").decision is not None


def test_nobody_gets_around_it_by_overriding_themselves(integrator: User, senior: User, admin: User) -> None:
    case = _protected(integrator)
    decision = factories.judge(factories.claim(case, senior), senior, "ok").decision
    assert decision is not None
    grave = Opinion(verdict="violates", policies=["hate"], actions=["terminate"])
    with pytest.raises(NotPermitted, match="second person"):
        decisions.override(decision_id=decision.pk, opinion=grave, acting_user=senior)
    assert decisions.override(decision_id=decision.pk, opinion=grave, acting_user=admin).decided_by == admin


@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_a_rejection_at_the_same_moment_one_wins(db: None) -> None:
    factories.installation()
    platform, person = factories.user("integrator", role="integrator"), factories.user("moderator")
    seniors = [factories.user(f"senior{n}", role="senior") for n in range(2)]
    hold = _held(_protected(platform), person)
    results = at_once(
        [
            lambda: holds.approve(hold_id=hold.pk, acting_user=seniors[0]),
            lambda: holds.reject(hold_id=hold.pk, note="no", acting_user=seniors[1]),
            lambda: holds.approve(hold_id=hold.pk, acting_user=seniors[1]),
        ]
    )
    approved = sum(isinstance(result, Decision) for result in results)
    assert approved in {0, 2}
    assert Decision.objects.count() == (1 if approved else 0)
    assert sum(isinstance(result, AlreadyDecided) for result in results) == (1 if approved else 2)
