"""Double review, adjudication, blind-first review, and taking back what does not bind yet."""

from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.enums import CaseStatus, DecisionKind, ReviewKind, ReviewState, Standing, WhyShown
from moderation.errors import AlreadyDecided, Conflict, LeaseLost, NotPermitted
from moderation.models import (
    AuditEvent,
    Case,
    Decision,
    Escalation,
    Judgement,
    JudgementNote,
    Label,
    OutboxMessage,
    Review,
    User,
)
from moderation.selectors import pending
from moderation.services import claims, decisions, undoing
from tests import factories
from tests.moderation.concurrency import at_once


def _case(integrator: User) -> Case:
    return factories.case(factories.BENIGN, sent_by=integrator)


def _twice(integrator: User) -> Case:
    case = _case(integrator)
    factories.plan(double_rate=1)
    return case


# Double review


def test_the_first_judgement_waits_for_a_second(integrator: User, moderator: User, colleague: User) -> None:
    case = _twice(integrator)
    outcome = factories.judge(factories.claim(case, moderator), moderator, rationale="an insult")
    assert (outcome.standing, outcome.decision) == (Standing.AWAITS_SECOND, None)
    assert not Decision.objects.exists()
    assert not Label.objects.exists()
    assert not OutboxMessage.objects.exists()
    case.refresh_from_db()
    assert case.status == CaseStatus.OPEN
    event = AuditEvent.objects.get(kind="review.judged")
    assert "verdict" not in event.data
    assert "insult" not in str(event.data)
    assert JudgementNote.objects.get().text == "an insult"

    second = claims.claim_next(queue=case.queue, acting_user=colleague)
    assert second is not None
    assert (second.review.kind, second.review.case_id) == (ReviewKind.SECOND, case.pk)
    agreed = factories.judge(second, colleague)
    assert agreed.standing == Standing.BINDING
    assert agreed.decision is not None
    assert (agreed.decision.judgement, agreed.decision.decided_by) == (agreed.judgement, colleague)
    case.refresh_from_db()
    assert case.status == CaseStatus.DECIDED
    assert Label.objects.current().filter(value=True).get().policy.slug == "harassment"


def test_nobody_gives_the_second_opinion_on_their_own(integrator: User, moderator: User) -> None:
    case = _twice(integrator)
    claim = factories.claim(case, moderator)
    factories.judge(claim, moderator)
    assert claims.claim_next(queue=case.queue, acting_user=moderator) is None
    with pytest.raises(Conflict, match="You have judged"):
        factories.claim(case, moderator)
    with pytest.raises(LeaseLost, match="You have judged"):
        factories.judge(claim, moderator)
    assert Judgement.objects.count() == 1


def test_a_disagreement_goes_to_a_senior_whose_judgement_binds(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    case = _twice(integrator)
    factories.judge(factories.claim(case, moderator), moderator, rationale="a slur")
    outcome = factories.judge(factories.claim(case, colleague), colleague, "ok", rationale="banter")
    assert outcome.standing == Standing.AWAITS_ADJUDICATION
    review = Review.objects.get(kind=ReviewKind.ADJUDICATION)
    assert (review.queue.slug, review.queue.seniors_only) == ("adjudication", True)
    for person in (moderator, colleague, factories.user("third")):
        with pytest.raises((NotPermitted, Conflict)):
            factories.claim(case, person)
    assert not Decision.objects.exists()
    bound = factories.judge(factories.claim(case, senior), senior, "ok")
    assert bound.decision is not None
    assert (bound.decision.kind, bound.decision.decided_by) == (DecisionKind.REVIEW, senior)
    assert Label.objects.current().filter(value=True).count() == 0


@pytest.mark.parametrize(
    ("policies", "actions", "standing"),
    [
        (["harassment"], ["remove"], Standing.BINDING),
        (["harassment"], ["warn"], Standing.BINDING),
        (["harassment"], ["remove", "suspend"], Standing.AWAITS_ADJUDICATION),
        (["hate"], ["remove"], Standing.AWAITS_ADJUDICATION),
        (["hate", "harassment"], ["remove"], Standing.AWAITS_ADJUDICATION),
    ],
)
def test_what_counts_as_a_disagreement(
    policies: list[str], actions: list[str], standing: Standing, integrator: User, moderator: User, colleague: User
) -> None:
    case = _twice(integrator)
    factories.judge(factories.claim(case, moderator), moderator)
    second = factories.judge(factories.claim(case, colleague), colleague, policies=policies, actions=actions)
    assert second.standing == standing


def test_an_edit_in_between_makes_the_second_judgement_the_only_one(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, id="m")
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, moderator), moderator)
    factories.content("something quite different now", sent_by=integrator, id="m")
    factories.score_all()
    outcome = factories.judge(factories.claim(case, colleague), colleague, "ok")
    assert outcome.standing == Standing.BINDING


def test_a_decided_case_that_is_opened_again_is_not_judged_twice_again(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = _twice(integrator)
    factories.judge(factories.claim(case, moderator), moderator)
    decision = factories.judge(factories.claim(case, colleague), colleague).decision
    assert decision is not None
    claim = decisions.undo(decision_id=decision.pk, acting_user=colleague)
    assert factories.judge(claim, colleague, "ok").standing == Standing.BINDING


def test_the_share_judged_twice_is_the_rate(integrator: User) -> None:
    from moderation.services import draws

    drawn = sum(draws.chance("double", key) < 0.25 for key in range(4000))
    assert abs(drawn / 4000 - 0.25) < 0.03
    assert draws.chance("double", 7) == draws.chance("double", 7) != draws.chance("golden", 7)


@pytest.mark.django_db(transaction=True)
def test_of_two_second_opinions_at_the_same_moment_one_counts(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    first, *others = [factories.user(f"m{n}") for n in range(4)]
    case = _twice(platform)
    factories.judge(factories.claim(case, first), first)

    def second(person: User) -> object:
        return factories.judge(factories.claim(case, person), person)

    results = at_once([lambda person=person: second(person) for person in others])  # type: ignore[misc]
    assert sum(isinstance(result, decisions.Outcome) for result in results) == 1
    assert Decision.objects.count() == 1


# Blind first


def _blind(integrator: User) -> Case:
    factories.plan(blind_rate=1)
    return factories.case(sent_by=integrator)


def test_a_blind_judgement_is_followed_by_an_informed_one(integrator: User, moderator: User) -> None:
    case = _blind(integrator)
    claim = factories.claim(case, moderator)
    assert (claim.review.blind, claim.evidence.blind) == (True, True)
    assert all(row["shown"] for row in claim.evidence.policies)
    first = factories.judge(claim, moderator, "ok")
    assert (first.standing, first.decision) == (Standing.INFORMED, None)
    assert first.claim is not None
    assert (first.claim.review.kind, first.claim.review.reviewer) == (ReviewKind.INFORMED, moderator)
    assert (first.claim.review.lease_token or 0) > (claim.review.lease_token or 0)
    assert not first.claim.evidence.blind
    second = factories.judge(first.claim, moderator)
    assert second.decision is not None
    assert second.decision.verdict == "violates"
    assert Decision.objects.count() == 1


def test_a_blind_case_whose_reviewer_leaves_is_judged_in_full_view_by_the_next(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = _blind(integrator)
    factories.judge(factories.claim(case, moderator), moderator, "ok")
    claims.release_all(acting_user=moderator)
    with pytest.raises(AlreadyDecided):
        undoing.take_back(case_id=case.pk, acting_user=moderator)  # it would not be blind a second time
    claim = claims.claim_next(queue=case.queue, acting_user=colleague)
    assert claim is not None
    assert not claim.evidence.blind
    assert factories.judge(claim, colleague).standing == Standing.BINDING


def test_a_case_someone_has_seen_does_not_turn_blind(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    claims.release(case_id=case.pk, token=claim.review.lease_token or 0, acting_user=moderator)
    factories.plan(blind_rate=1)
    factories.case(sent_by=integrator, id=case.content.external_id, reporter_id="another")
    assert not case.reviews.get().blind


# Taking back


def test_an_escalation_takes_a_note_and_can_be_undone(integrator: User, moderator: User, senior: User) -> None:
    before = factories.decide(factories.claim(_case(integrator), moderator), moderator, "ok")
    case = _case(integrator)
    queue = case.queue
    claim = factories.claim(case, moderator)
    claims.escalate(
        case_id=case.pk, token=claim.review.lease_token or 0, note="Is this a threat?", acting_user=moderator
    )
    assert Escalation.objects.get().note == "Is this a threat?"
    assert "threat" not in str(list(AuditEvent.objects.values_list("data", flat=True)))
    act = pending.last_act_of(moderator)
    assert act is not None
    assert (act.case_id, act.decision) == (case.pk, None), "the escalation, not the decision before it"
    taken = undoing.take_back(case_id=case.pk, acting_user=moderator)
    case.refresh_from_db()
    assert (case.queue, taken.review.queue, taken.review.reviewer) == (queue, queue, moderator)
    assert taken.evidence.case_version == case.version == claim.evidence.case_version + 2
    assert Escalation.objects.get().undone_at is not None
    assert not hasattr(Decision.objects.get(pk=before.pk), "superseded_by")
    with pytest.raises(AlreadyDecided):
        undoing.take_back(case_id=case.pk, acting_user=moderator)


def test_an_escalation_that_was_taken_or_is_old_stays(integrator: User, moderator: User, senior: User) -> None:
    case = _case(integrator)
    claim = factories.claim(case, moderator)
    claims.escalate(case_id=case.pk, token=claim.review.lease_token or 0, acting_user=moderator)
    held = factories.claim(case, senior)
    with pytest.raises(AlreadyDecided):
        undoing.take_back(case_id=case.pk, acting_user=moderator)
    assert pending.last_act_of(moderator) is None
    claims.release(case_id=case.pk, token=held.review.lease_token or 0, acting_user=senior)
    row = Escalation.objects.get()
    late = Escalation(
        review=row.review,
        escalated_by=moderator,
        from_queue=row.from_queue,
        to_queue=row.to_queue,
        undo_until=timezone.now() - timedelta(seconds=1),
    )
    late.save()
    with pytest.raises(AlreadyDecided, match="time to take this escalation back is over"):
        undoing.take_back(case_id=case.pk, acting_user=moderator)
    assert pending.last_act_of(moderator) is None
    with pytest.raises(AlreadyDecided, match="nothing of yours"):
        undoing.take_back(case_id=case.pk, acting_user=senior)


def test_a_judgement_that_waits_can_be_taken_back_until_someone_goes_on(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = _twice(integrator)
    factories.judge(factories.claim(case, moderator), moderator)
    act = pending.last_act_of(moderator)
    assert act is not None
    assert act.case_id == case.pk
    again = undoing.take_back(case_id=case.pk, acting_user=moderator)
    assert (again.review.kind, again.review.reviewer) == (ReviewKind.FIRST, moderator)
    assert Review.objects.get(kind=ReviewKind.SECOND).state == ReviewState.CANCELLED
    factories.judge(again, moderator, "ok")
    factories.claim(case, colleague)
    with pytest.raises(AlreadyDecided):
        undoing.take_back(case_id=case.pk, acting_user=moderator)


def test_an_undo_gives_back_what_one_holds_in_the_queue(integrator: User, moderator: User) -> None:
    cases = [_case(integrator) for _ in range(2)]
    decision = factories.decide(factories.claim(cases[0], moderator), moderator, "ok")
    factories.claim(cases[1], moderator)
    claim = decisions.undo(decision_id=decision.pk, acting_user=moderator)
    held = Review.objects.filter(reviewer=moderator, state=ReviewState.LEASED)
    assert [review.pk for review in held] == [claim.review.pk]
    assert cases[1].reviews.get().state == ReviewState.WAITING


def test_the_last_act_is_never_an_earlier_one(integrator: User, moderator: User) -> None:
    assert pending.last_act_of(moderator) is None
    first = factories.decide(factories.claim(_case(integrator), moderator), moderator, "ok")
    act = pending.last_act_of(moderator)
    assert act is not None
    assert act.decision == first
    claim = decisions.undo(decision_id=first.pk, acting_user=moderator)
    assert pending.last_act_of(moderator) is None
    second = factories.decide(claim, moderator, "ok")
    act = pending.last_act_of(moderator)
    assert act is not None
    assert act.decision == second


def test_an_audit_is_judged_blind_and_binds_at_once(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    Case.objects.filter(pk=case.pk).update(why_shown=WhyShown.RANDOM_AUDIT, sampling_probability=0.05)
    Review.objects.filter(case=case).update(blind=True)
    outcome = factories.judge(factories.claim(case, moderator), moderator)
    assert outcome.standing == Standing.BINDING
    assert set(Label.objects.values_list("why_shown", "sampling_probability")) == {("random_audit", 0.05)}
    assert Label.objects.count() == 6, "asked about every policy, so that each is known"
