"""Judging: decision, labels, effects and reports in one transaction, and what overturns them."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from moderation import audit
from moderation.enums import (
    AppealState,
    CaseStatus,
    DecisionKind,
    OutboxState,
    OutboxTopic,
    ReportOutcome,
    Verdict,
    WhyShown,
)
from moderation.errors import AlreadyDecided, Conflict, InvalidInput, LeaseLost, NotFound, NotPermitted, StaleVersion
from moderation.models import (
    Account,
    Action,
    AuditEvent,
    Case,
    Content,
    Decision,
    Judgement,
    Label,
    OutboxMessage,
    Policy,
    Rationale,
    Review,
    Strike,
    User,
)
from moderation.services import appeals, claims, decisions
from moderation.services.decisions import Opinion
from moderation.services.intake import receive_report, withdraw_content
from tests import factories
from tests.moderation.concurrency import at_once

OK = Opinion(verdict="ok")
REMOVE_HATE = Opinion(verdict="violates", policies=["hate"], actions=["remove"])


def _current() -> dict[str, bool | None]:
    return {label.policy.slug: label.value for label in Label.objects.current().select_related("policy")}


def _decided(integrator: User, moderator: User, verdict: str = "violates", **fields: Any) -> Decision:
    case = factories.case(factories.BENIGN, sent_by=integrator, **fields)
    decision: Decision = factories.decide(factories.claim(case, moderator), moderator, verdict)
    return decision


def _line(content: Content) -> list[tuple[str, str | None, str]]:
    """The messages to the platform, in the order they go out."""
    messages = OutboxMessage.objects.filter(content=content).order_by("sequence").select_related("action")
    return [(str(m.topic), str(m.action.kind) if m.action else None, str(m.state)) for m in messages]


def _deliver_all() -> None:
    OutboxMessage.objects.filter(state="pending").update(state="delivered", attempts=1, settled_at=timezone.now())


# What a decision is


def test_a_decision_comes_with_everything_that_follows_from_it(integrator: User, moderator: User) -> None:
    case = factories.case("hello you idiot", sent_by=integrator)
    claim = factories.claim(case, moderator)
    decision = factories.decide(
        claim, moderator, rationale="an insult", actions=["warn", "remove"], spans=[{"start": 10, "end": 15}]
    )
    case.refresh_from_db()
    judgement = decision.judgement
    assert (case.status, case.version, case.closed_at is None) == (
        CaseStatus.DECIDED,
        claim.evidence.case_version + 1,
        False,
    )
    assert (judgement.evidence, judgement.spans, judgement.actions) == (claim.evidence, [[10, 15]], ["remove", "warn"])
    assert judgement.seconds >= 0
    assert Rationale.objects.get().text == "an insult"
    assert Review.objects.get().state == "judged"
    assert case.reports.get().outcome == ReportOutcome.UPHELD
    assert Strike.objects.get().policy.slug == "harassment"
    event = AuditEvent.objects.get(kind="case.decided")
    assert (event.actor, event.data["decision"], event.data["policies"]) == (moderator, decision.pk, ["harassment"])
    assert "insult" not in str(event.data)


def test_an_ok_strikes_nobody_and_asks_for_nothing(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator, "ok")
    assert not Strike.objects.exists()
    assert _line(decision.case.content) == [("decision.made", None, "pending")]
    assert decision.case.reports.get().outcome == ReportOutcome.NOT_UPHELD


def test_effects_wait_for_the_undo_window(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    window = timedelta(seconds=settings.UNDO_SECONDS)
    assert _line(decision.case.content) == [
        ("action.requested", "remove", "pending"),
        ("decision.made", None, "pending"),
    ]
    for message in OutboxMessage.objects.all():
        assert message.not_before == decision.undo_until
    assert abs(decision.undo_until - decision.created_at - window) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("opinion", "pointer"),
    [
        (Opinion(verdict="maybe"), "/verdict"),
        (Opinion(verdict="violates"), "/policies"),
        (Opinion(verdict="ok", policies=["hate"]), "/policies"),
        (Opinion(verdict="ok", actions=["remove"]), "/actions"),
        (Opinion(verdict="violates", policies=["hate", "rudeness"]), "/policies/1"),
        (Opinion(verdict="violates", policies=["hate"], actions=["remove", "shout"]), "/actions/1"),
        (Opinion(verdict="ok", spans=[{"start": 0, "end": 1}, {"start": 3, "end": 3}]), "/spans/1"),
        (Opinion(verdict="ok", spans=[{"start": 5, "end": 6}]), "/spans/0"),
        (Opinion(verdict="ok", spans=[{"start": -1, "end": 1}]), "/spans/0"),
        (Opinion(verdict="ok", spans=[{"start": 4, "end": 2}]), "/spans/0"),
    ],
)
def test_it_refuses_an_opinion_that_makes_no_sense(
    opinion: Opinion, pointer: str, integrator: User, moderator: User
) -> None:
    claim = factories.claim(factories.case("🦄🦄🦄🦄🦄", sent_by=integrator), moderator)
    with pytest.raises(InvalidInput) as refused:
        decisions.decide(
            case_id=claim.review.case_id,
            lease_token=claim.review.lease_token or 0,
            version=claim.evidence.case_version,
            evidence_id=claim.evidence.pk,
            opinion=opinion,
            acting_user=moderator,
        )
    assert refused.value.pointer == pointer
    assert not Judgement.objects.exists()
    assert factories.decide(claim, moderator, "ok", spans=[{"start": 4, "end": 5}])


def test_it_refuses_an_inactive_policy(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    Policy.objects.filter(slug="harassment").update(is_active=False)
    with pytest.raises(InvalidInput):
        factories.decide(claim, moderator)


def test_it_refuses_foreign_and_outdated_evidence(integrator: User, moderator: User, colleague: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    theirs = factories.claim(case, colleague)
    claims.release(case_id=case.pk, token=theirs.review.lease_token or 0, acting_user=colleague)
    other = factories.claim(factories.case(sent_by=integrator), moderator)
    mine = factories.claim(case, moderator)
    for evidence in (theirs.evidence.pk, other.evidence.pk, 10**12):
        with pytest.raises(InvalidInput) as refused:
            decisions.decide(
                case_id=case.pk,
                lease_token=mine.review.lease_token or 0,
                version=mine.evidence.case_version,
                evidence_id=evidence,
                opinion=OK,
                acting_user=moderator,
            )
        assert refused.value.pointer == "/evidence_id"
    factories.content("edited", sent_by=integrator, id="m")
    case.refresh_from_db()
    with pytest.raises(InvalidInput):
        decisions.decide(
            case_id=case.pk,
            lease_token=mine.review.lease_token or 0,
            version=case.version,
            evidence_id=mine.evidence.pk,
            opinion=OK,
            acting_user=moderator,
        )


def test_a_stale_version_says_who_changed_the_case_and_when(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator, id="m"), moderator)
    factories.content("edited", sent_by=integrator, id="m")
    with pytest.raises(StaleVersion) as stale:
        factories.decide(claim, moderator)
    event = AuditEvent.objects.get(kind="content.revised")
    assert (stale.value.code, stale.value.status) == ("stale_version", 409)
    assert stale.value.extra == {
        "version": claim.evidence.case_version + 1,
        "by": "integrator",
        "at": event.created_at.isoformat(),
    }
    again = factories.claim(claim.review.case, moderator)
    assert factories.decide(again, moderator, "ok").judgement.evidence.revision.text == "edited"


def test_a_case_is_decided_once(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    factories.decide(claim, moderator)
    with pytest.raises(LeaseLost, match="You have decided"):
        factories.decide(claim, moderator)
    assert Decision.objects.count() == 1


def test_a_judgement_that_fails_at_its_last_step_leaves_nothing(
    integrator: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit, "case_decided", fail)
    with pytest.raises(RuntimeError):
        factories.decide(claim, moderator, rationale="why")
    for model in (Judgement, Decision, Rationale, Label, Action, OutboxMessage, Strike):
        assert not model.objects.exists(), model
    assert Review.objects.get().state == "leased"
    assert Case.objects.get().status == CaseStatus.OPEN
    monkeypatch.undo()
    assert factories.decide(claim, moderator)


def test_only_reviewers_decide(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    with pytest.raises(NotPermitted):
        factories.decide(claim, integrator)


# What it teaches


def test_ok_is_a_negative_for_what_was_shown_only(integrator: User, moderator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, policy="violence")
    factories.decide(factories.claim(case, moderator), moderator, "ok")
    assert _current() == {"violence": False}


def test_ok_without_any_reason_shown_is_a_negative_for_all(integrator: User, moderator: User) -> None:
    _decided(integrator, moderator, "ok")
    assert _current() == dict.fromkeys(Policy.objects.values_list("slug", flat=True), False)


def test_violates_is_a_positive_for_the_chosen_and_a_negative_for_the_shown(integrator: User, moderator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator, policy="violence")
    claim = factories.claim(case, moderator)
    assert {row["policy"] for row in claim.evidence.policies if row["shown"]} == {"spam", "violence"}
    factories.decide(claim, moderator, policies=["spam", "hate"])
    assert _current() == {"spam": True, "hate": True, "violence": False}
    label = Label.objects.get(policy__slug="hate")
    assert (label.evidence, label.why_shown, label.sampling_probability, label.supersedes) == (
        claim.evidence,
        WhyShown.REPORTED,
        1.0,
        None,
    )


def test_a_randomly_shown_case_teaches_with_its_probability(integrator: User, moderator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    Case.objects.update(why_shown=WhyShown.RANDOM_AUDIT, sampling_probability=0.05)
    factories.decide(factories.claim(case, moderator), moderator, "ok")
    assert set(Label.objects.values_list("why_shown", "sampling_probability")) == {("random_audit", 0.05)}


def test_a_skip_teaches_nothing(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    claims.skip(
        case_id=claim.review.case_id, token=claim.review.lease_token or 0, reason="other", acting_user=moderator
    )
    assert not Label.objects.exists()


# Undo


def test_an_undo_inside_the_window_cancels_every_effect(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    labelled = set(_current())
    claim = decisions.undo(decision_id=decision.pk, acting_user=moderator)
    case = Case.objects.get()
    assert (case.status, case.closed_at, claim.review.case_id) == (CaseStatus.OPEN, None, case.pk)
    assert _line(case.content) == [("action.requested", "remove", "cancelled"), ("decision.made", None, "cancelled")]
    assert _current() == dict.fromkeys(labelled)
    assert Strike.objects.get().lifted_by == Decision.objects.get(kind="undo")
    assert case.reports.get().outcome == ReportOutcome.PENDING
    assert claim.review.reviewer == moderator
    assert AuditEvent.objects.get(kind="decision.undone").data["supersedes"] == decision.pk


def test_an_undo_after_delivery_takes_the_effects_back(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    _deliver_all()
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    assert _line(decision.case.content)[2:] == [
        (OutboxTopic.ACTION_REVERSED, "remove", "pending"),
        (OutboxTopic.DECISION_MADE, None, "pending"),
    ]
    inverse = Action.objects.get(reverses__isnull=False)
    assert inverse.reverses is not None
    assert inverse.reverses.decision == decision


def test_what_may_have_gone_out_is_taken_back_not_cancelled(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    OutboxMessage.objects.filter(topic="action.requested").update(attempts=1)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    assert _line(decision.case.content)[:3] == [
        ("action.requested", "remove", "pending"),
        ("decision.made", None, "cancelled"),
        ("action.reversed", "remove", "pending"),
    ]


def test_a_decision_after_an_undo_continues_the_chain(integrator: User, moderator: User) -> None:
    first = _decided(integrator, moderator)
    claim = decisions.undo(decision_id=first.pk, acting_user=moderator)
    second = factories.decide(claim, moderator, "ok")
    undo = second.supersedes
    assert (undo.kind, undo.supersedes) == (DecisionKind.UNDO, first)
    harassment = Label.objects.filter(policy__slug="harassment").order_by("pk")
    assert [label.value for label in harassment] == [True, None, False]
    assert [label.supersedes for label in harassment] == [None, harassment[0], harassment[1]]
    assert _line(second.case.content)[-1] == ("decision.made", None, "pending")


def test_an_undo_cannot_be_done_twice_nor_undone(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    with pytest.raises(AlreadyDecided):
        decisions.undo(decision_id=decision.pk, acting_user=moderator)
    with pytest.raises(AlreadyDecided):
        decisions.undo(decision_id=Decision.objects.get(kind="undo").pk, acting_user=moderator)


def test_only_a_senior_undoes_anothers_decision(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    decision = _decided(integrator, moderator)
    with pytest.raises(NotPermitted):
        decisions.undo(decision_id=decision.pk, acting_user=colleague)
    assert decisions.undo(decision_id=decision.pk, acting_user=senior).review.reviewer == senior


def test_an_undo_waits_for_no_newer_case(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator, id="m")
    receive_report(submitted=factories.report_input("another wording", id="m"), acting_user=integrator)
    factories.score_all()
    with pytest.raises(AlreadyDecided, match="newer case"):
        decisions.undo(decision_id=decision.pk, acting_user=moderator)


def test_a_decision_on_deleted_content_is_not_reopened(integrator: User, moderator: User, senior: User) -> None:
    decision = _decided(integrator, moderator, id="m")
    withdraw_content(external_id="m", acting_user=integrator)
    with pytest.raises(Conflict, match="deleted"):
        decisions.undo(decision_id=decision.pk, acting_user=moderator)
    assert decisions.override(decision_id=decision.pk, opinion=OK, acting_user=senior).verdict == Verdict.OK


# Overrides


def test_an_override_replaces_decision_labels_strikes_and_effects(
    integrator: User, moderator: User, senior: User
) -> None:
    first = _decided(integrator, moderator)
    _deliver_all()
    second = decisions.override(decision_id=first.pk, opinion=REMOVE_HATE, acting_user=senior)
    assert (second.kind, second.supersedes) == (DecisionKind.OVERRIDE, first)
    assert second.judgement is not None
    assert second.judgement.evidence.shown_to == senior
    assert {slug for slug, value in _current().items() if value} == {"hate"}
    assert _current()["harassment"] is False
    assert Strike.objects.get(lifted_by__isnull=True).policy.slug == "hate"
    assert Case.objects.get().status == CaseStatus.DECIDED
    # Taken back first, asked for anew after: the platform must not end up with the content restored.
    assert _line(first.case.content)[2:] == [
        ("action.reversed", "remove", "pending"),
        ("action.requested", "remove", "pending"),
        ("decision.made", None, "pending"),
    ]


def test_an_override_to_ok_settles_the_reports_anew(integrator: User, moderator: User, senior: User) -> None:
    first = _decided(integrator, moderator)
    decisions.override(decision_id=first.pk, opinion=OK, acting_user=senior)
    assert first.case.reports.get().outcome == ReportOutcome.NOT_UPHELD
    assert True not in _current().values()
    assert _line(first.case.content) == [
        ("action.requested", "remove", "cancelled"),
        ("decision.made", None, "cancelled"),
        ("decision.made", None, "pending"),
    ]


def test_overriding_an_override_keeps_what_it_took_back(
    integrator: User, moderator: User, senior: User, admin: User
) -> None:
    first = _decided(integrator, moderator)
    _deliver_all()
    second = decisions.override(decision_id=first.pk, opinion=OK, acting_user=senior)
    warn = Opinion(verdict="violates", policies=["harassment"], actions=["warn"])
    decisions.override(decision_id=second.pk, opinion=warn, acting_user=admin)
    assert _line(first.case.content)[2:] == [
        ("action.reversed", "remove", "pending"),
        ("decision.made", None, "cancelled"),
        ("action.requested", "warn", "pending"),
        ("decision.made", None, "pending"),
    ]


def test_only_the_binding_decision_is_overridden(integrator: User, moderator: User, senior: User) -> None:
    first = _decided(integrator, moderator)
    second = decisions.override(decision_id=first.pk, opinion=OK, acting_user=senior)
    with pytest.raises(AlreadyDecided, match="replaced"):
        decisions.override(decision_id=first.pk, opinion=REMOVE_HATE, acting_user=senior)
    decisions.undo(decision_id=second.pk, acting_user=senior)
    undo = Decision.objects.get(kind="undo")
    with pytest.raises(AlreadyDecided):
        decisions.override(decision_id=undo.pk, opinion=REMOVE_HATE, acting_user=senior)
    with pytest.raises(NotFound):
        decisions.override(decision_id=10**12, opinion=OK, acting_user=senior)


def test_a_moderator_overrides_nothing(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    with pytest.raises(NotPermitted):
        decisions.override(decision_id=decision.pk, opinion=OK, acting_user=moderator)


def test_an_override_that_makes_no_sense_leaves_nothing(integrator: User, moderator: User, senior: User) -> None:
    decision = _decided(integrator, moderator)
    with pytest.raises(InvalidInput):
        decisions.override(decision_id=decision.pk, opinion=Opinion(verdict="violates"), acting_user=senior)
    assert Decision.objects.count() == Review.objects.count() == 1


def test_an_override_after_an_edit_withdraws_what_was_said_of_the_old_wording(
    integrator: User, moderator: User, senior: User
) -> None:
    first = _decided(integrator, moderator, id="m")
    assert first.judgement is not None
    old = first.judgement.evidence.revision
    factories.content("edited", sent_by=integrator, id="m")
    decisions.override(decision_id=first.pk, opinion=OK, acting_user=senior)
    assert set(Label.objects.current().filter(revision=old).values_list("value", flat=True)) == {None}
    assert set(Label.objects.current().exclude(revision=old).values_list("value", flat=True)) == {False}


# Appeals


def _appealed(integrator: User, moderator: User) -> Any:
    decision = _decided(integrator, moderator)
    author = Account.objects.get(external_id="author-1")
    return appeals.open_appeal(
        decision_id=decision.pk, appellant=author, statement="that was a joke", acting_user=integrator
    )


def test_an_appeal_is_not_decided_by_who_decided_first(integrator: User, senior: User, admin: User) -> None:
    appeal = _appealed(integrator, senior)
    for opinion in (OK, None):
        with pytest.raises(NotPermitted, match="someone other"):
            appeals.resolve_appeal(appeal_id=appeal.pk, opinion=opinion, acting_user=senior)
    resolved = appeals.resolve_appeal(appeal_id=appeal.pk, opinion=None, acting_user=admin)
    assert (resolved.state, resolved.resolved_by, resolved.resolution) == (AppealState.UPHELD, admin, None)
    assert Decision.objects.count() == 1


def test_nor_by_who_made_a_decision_that_was_replaced(integrator: User, senior: User, admin: User) -> None:
    first = _decided(integrator, senior)
    second = decisions.override(decision_id=first.pk, opinion=REMOVE_HATE, acting_user=admin)
    appeal = appeals.open_appeal(decision_id=second.pk, appellant=None, statement="no", acting_user=integrator)
    for person in (senior, admin):
        with pytest.raises(NotPermitted):
            appeals.resolve_appeal(appeal_id=appeal.pk, opinion=OK, acting_user=person)


def test_an_overturned_appeal_replaces_the_decision(integrator: User, moderator: User, senior: User) -> None:
    appeal = _appealed(integrator, moderator)
    _deliver_all()
    resolved = appeals.resolve_appeal(appeal_id=appeal.pk, opinion=OK, acting_user=senior)
    assert resolved.state == AppealState.OVERTURNED
    assert resolved.resolution is not None
    assert (resolved.resolution.kind, resolved.resolution.supersedes) == (DecisionKind.APPEAL, appeal.decision)
    assert True not in _current().values()
    assert ("action.reversed", "remove", "pending") in _line(appeal.decision.case.content)
    with pytest.raises(AlreadyDecided):
        appeals.resolve_appeal(appeal_id=appeal.pk, opinion=None, acting_user=senior)


def test_a_decision_is_appealed_once_and_only_while_it_binds(integrator: User, moderator: User, senior: User) -> None:
    appeal = _appealed(integrator, moderator)
    for decision_id, error in ((appeal.decision_id, AlreadyDecided), (10**12, NotFound)):
        with pytest.raises(error):
            appeals.open_appeal(decision_id=decision_id, appellant=None, statement="again", acting_user=integrator)
    other = _decided(integrator, moderator)
    decisions.undo(decision_id=other.pk, acting_user=moderator)
    for decision in (other, Decision.objects.get(kind="undo")):
        with pytest.raises(AlreadyDecided):
            appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="x", acting_user=integrator)


def test_a_moderator_resolves_no_appeal(integrator: User, moderator: User, colleague: User) -> None:
    appeal = _appealed(integrator, moderator)
    with pytest.raises(NotPermitted):
        appeals.resolve_appeal(appeal_id=appeal.pk, opinion=OK, acting_user=colleague)
    with pytest.raises(NotFound):
        appeals.resolve_appeal(appeal_id=10**12, opinion=OK, acting_user=factories.user("s2", role="senior"))


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_a_double_click_decides_once(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    person = factories.user("moderator")
    claim = factories.claim(factories.case(sent_by=platform), person)
    results = at_once([lambda: factories.decide(claim, person) for _ in range(6)])
    assert sum(isinstance(result, Decision) for result in results) == 1
    assert sum(isinstance(result, LeaseLost) for result in results) == 5
    assert Decision.objects.count() == Judgement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_an_undo_and_an_override_at_the_same_moment_one_wins(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    person = factories.user("moderator")
    senior = factories.user("senior", role="senior")
    for _ in range(4):
        decision = _decided(platform, person)
        results = at_once(
            [
                lambda pk=decision.pk: decisions.undo(decision_id=pk, acting_user=person),  # type: ignore[misc]
                lambda pk=decision.pk: decisions.override(decision_id=pk, opinion=OK, acting_user=senior),  # type: ignore[misc]
            ]
        )
        assert sum(isinstance(result, AlreadyDecided) for result in results) == 1
        assert Decision.objects.filter(supersedes=decision).count() == 1


def test_messages_of_a_content_are_numbered_without_a_gap(integrator: User, moderator: User, senior: User) -> None:
    decision = _decided(integrator, moderator)
    _deliver_all()
    claim = decisions.undo(decision_id=decision.pk, acting_user=moderator)
    second = factories.decide(claim, moderator)
    decisions.override(decision_id=second.pk, opinion=OK, acting_user=senior)
    sequences = list(OutboxMessage.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))
    assert OutboxMessage.objects.exclude(state=OutboxState.PENDING).exists()
