"""Leases: who holds what, until when, and what the others are told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from moderation.enums import ReviewState
from moderation.errors import Conflict, InvalidInput, LeaseLost, NotFound, NotPermitted
from moderation.models import AuditEvent, Case, Evidence, Queue, Review, ReviewSkip, User
from moderation.services import claims, decisions
from moderation.services.intake import AccountInput, receive_content, receive_report, withdraw_content
from tests import factories
from tests.moderation.concurrency import at_once


@pytest.fixture
def queue(installation: None) -> Queue:
    return Queue.objects.get(slug="reports")


def _cases(number: int, integrator: User) -> list[Case]:
    return [factories.case(f"{factories.BENIGN} {n}", sent_by=integrator) for n in range(number)]


def _expire(claim: claims.Claim) -> None:
    Review.objects.filter(pk=claim.review.pk).update(lease_expires_at=timezone.now())


def _token(claim: claims.Claim) -> int:
    assert claim.review.lease_token is not None
    return claim.review.lease_token


def _drain(queue: Queue, user: User) -> Iterator[int]:
    while (claim := claims.claim_next(queue=queue, acting_user=user)) is not None:
        yield claim.review.case_id
        claims.skip(case_id=claim.review.case_id, token=_token(claim), reason="other", acting_user=user)


def test_the_most_urgent_comes_first(queue: Queue, integrator: User, moderator: User) -> None:
    low, high, middle = _cases(3, integrator)
    for case, priority in ((low, 1.0), (high, 9.0), (middle, 5.0)):
        Review.objects.filter(case=case).update(priority=priority)
    assert list(_drain(queue, moderator)) == [high.pk, middle.pk, low.pk]


def test_equally_urgent_cases_come_oldest_first(queue: Queue, integrator: User, moderator: User) -> None:
    cases = _cases(3, integrator)
    Review.objects.update(priority=1.0)
    assert list(_drain(queue, moderator)) == [case.pk for case in cases]


def test_an_empty_queue_gives_nothing(queue: Queue, moderator: User) -> None:
    assert claims.claim_next(queue=queue, acting_user=moderator) is None


def test_a_claim_freezes_what_is_shown(queue: Queue, integrator: User, moderator: User) -> None:
    (case,) = _cases(1, integrator)
    claim = claims.claim_next(queue=queue, acting_user=moderator)
    assert claim is not None
    evidence = Evidence.objects.get()
    assert (evidence.case, evidence.shown_to, evidence.revision) == (case, moderator, case.content.current_revision)
    assert evidence.report_ids == list(case.reports.values_list("pk", flat=True))
    assert evidence.case_version == case.version
    event = AuditEvent.objects.get(kind="review.claimed")
    assert (event.actor, event.data["evidence"]) == (moderator, evidence.pk)


def test_one_who_asks_again_gets_the_lease_they_hold(queue: Queue, integrator: User, moderator: User) -> None:
    _cases(2, integrator)
    first = claims.claim_next(queue=queue, acting_user=moderator)
    again = claims.claim_next(queue=queue, acting_user=moderator)
    assert first is not None
    assert again is not None
    assert (first.review.pk, _token(first), first.evidence) == (again.review.pk, _token(again), again.evidence)
    assert Evidence.objects.count() == 1


def test_one_who_asks_again_after_an_edit_is_shown_the_new_wording(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    first = factories.claim(case, moderator)
    factories.content("edited", sent_by=integrator, id="m")
    again = factories.claim(case, moderator)
    assert _token(first) == _token(again)
    assert again.evidence.pk != first.evidence.pk
    assert again.evidence.revision.text == "edited"


def test_a_colleague_gets_another_case(queue: Queue, integrator: User, moderator: User, colleague: User) -> None:
    _cases(2, integrator)
    mine = claims.claim_next(queue=queue, acting_user=moderator)
    theirs = claims.claim_next(queue=queue, acting_user=colleague)
    assert mine is not None
    assert theirs is not None
    assert mine.review.case_id != theirs.review.case_id
    assert _token(theirs) > _token(mine)


def test_a_lease_that_ran_out_goes_to_the_next(
    queue: Queue, integrator: User, moderator: User, colleague: User
) -> None:
    (case,) = _cases(1, integrator)
    old = factories.claim(case, moderator)
    assert claims.claim_next(queue=queue, acting_user=colleague) is None
    _expire(old)
    new = claims.claim_next(queue=queue, acting_user=colleague)
    assert new is not None
    assert new.review.case_id == case.pk
    assert _token(new) > _token(old)
    assert AuditEvent.objects.get(kind="review.lease_expired").actor == moderator


def test_an_old_token_is_told_who_has_the_case_and_since_when(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = factories.case(sent_by=integrator)
    old = factories.claim(case, moderator)
    _expire(old)
    new = factories.claim(case, colleague)
    for act in (
        lambda: factories.decide(old, moderator),
        lambda: claims.renew(case_id=case.pk, token=_token(old), acting_user=moderator),
        lambda: claims.release(case_id=case.pk, token=_token(old), acting_user=moderator),
        lambda: claims.skip(case_id=case.pk, token=_token(old), reason="other", acting_user=moderator),
        lambda: claims.escalate(case_id=case.pk, token=_token(old), acting_user=moderator),
    ):
        with pytest.raises(LeaseLost, match="colleague holds") as lost:
            act()
        assert (lost.value.code, lost.value.status) == ("lease_lost", 409)
        assert lost.value.extra["holder"] == "colleague"
        assert new.review.leased_at is not None
        assert lost.value.extra["since"] == new.review.leased_at.isoformat()
    assert factories.decide(new, colleague).decided_by == colleague


def test_a_token_of_a_decided_case_is_told_who_decided(integrator: User, moderator: User, colleague: User) -> None:
    case = factories.case(sent_by=integrator)
    old = factories.claim(case, moderator)
    _expire(old)
    factories.decide(factories.claim(case, colleague), colleague)
    with pytest.raises(LeaseLost, match="colleague has decided") as lost:
        factories.decide(old, moderator)
    assert lost.value.extra["since"]


def test_a_lease_that_ran_out_does_nothing_even_if_nobody_took_it(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    _expire(claim)
    with pytest.raises(LeaseLost, match="nobody has taken it"):
        factories.decide(claim, moderator)
    with pytest.raises(LeaseLost):
        claims.renew(case_id=case.pk, token=_token(claim), acting_user=moderator)
    again = factories.claim(case, moderator)
    assert _token(again) > _token(claim)
    assert factories.decide(again, moderator).verdict == "violates"


def test_a_colleagues_token_is_worth_nothing_to_me(integrator: User, moderator: User, colleague: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), colleague)
    with pytest.raises(LeaseLost):
        factories.decide(claim, moderator)
    with pytest.raises(LeaseLost):
        claims.release(case_id=claim.review.case_id, token=_token(claim), acting_user=moderator)


def test_a_heartbeat_extends_the_lease(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    soon = timezone.now() + timedelta(seconds=5)
    Review.objects.filter(pk=claim.review.pk).update(lease_expires_at=soon)
    renewed = claims.renew(case_id=claim.review.case_id, token=_token(claim), acting_user=moderator)
    assert renewed.lease_expires_at is not None
    assert renewed.lease_expires_at > soon + timedelta(seconds=60)
    assert renewed.lease_token == claim.review.lease_token


def test_a_released_case_is_there_for_the_next(queue: Queue, integrator: User, moderator: User) -> None:
    (case,) = _cases(1, integrator)
    claim = factories.claim(case, moderator)
    claims.release(case_id=case.pk, token=_token(claim), acting_user=moderator)
    review = Review.objects.get()
    assert (review.state, review.reviewer, review.lease_token) == (ReviewState.WAITING, None, None)
    again = claims.claim_next(queue=queue, acting_user=moderator)
    assert again is not None
    with pytest.raises(LeaseLost):
        claims.release(case_id=case.pk, token=_token(claim), acting_user=moderator)


def test_a_skipped_case_never_comes_back_to_who_skipped_it(
    queue: Queue, integrator: User, moderator: User, colleague: User
) -> None:
    (case,) = _cases(1, integrator)
    claim = factories.claim(case, moderator)
    claims.skip(case_id=case.pk, token=_token(claim), reason="wellbeing", acting_user=moderator)
    assert claims.claim_next(queue=queue, acting_user=moderator) is None
    assert claims.claim_next(queue=queue, acting_user=colleague) is not None
    assert ReviewSkip.objects.get().reason == "wellbeing"


def test_a_skip_needs_a_known_reason(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    with pytest.raises(InvalidInput) as refused:
        claims.skip(case_id=claim.review.case_id, token=_token(claim), reason="bored", acting_user=moderator)
    assert refused.value.pointer == "/reason"


def test_an_escalation_is_for_seniors(queue: Queue, integrator: User, moderator: User, senior: User) -> None:
    (case,) = _cases(1, integrator)
    claim = factories.claim(case, moderator)
    claims.escalate(case_id=case.pk, token=_token(claim), acting_user=moderator)
    target = Queue.objects.get(slug="escalations")
    after = Case.objects.get()
    assert (after.queue, after.version) == (target, case.version + 1)
    with pytest.raises(NotPermitted):
        claims.claim_next(queue=target, acting_user=moderator)
    with pytest.raises(NotPermitted):
        claims.claim_case(case=after, acting_user=moderator)
    taken = claims.claim_next(queue=target, acting_user=senior)
    assert taken is not None
    assert taken.review.case_id == case.pk
    assert taken.evidence.case_version == after.version
    with pytest.raises(Conflict, match="no queue to escalate to"):
        claims.escalate(case_id=case.pk, token=_token(taken), acting_user=senior)


def test_escalated_cases_are_sorted_as_if_they_had_opened_there(
    integrator: User, moderator: User, senior: User
) -> None:
    spam = factories.case(factories.SPAM, sent_by=integrator)
    threat = factories.case("someone reported this", sent_by=integrator, policy="violence", source="legal_notice")
    assert (spam.queue.slug, threat.queue.slug) == ("spam", "urgent")
    parts = {case.pk: sum(part["points"] for part in case.priority_parts) for case in (spam, threat)}
    for case in (spam, threat):
        claim = factories.claim(case, moderator)
        claims.escalate(case_id=case.pk, token=_token(claim), acting_user=moderator)
    target = Queue.objects.get(slug="escalations")
    assert list(_drain(target, senior)) == sorted(parts, key=lambda pk: -parts[pk])
    for case in Case.objects.all():
        assert case.due_at == case.opened_at + timedelta(minutes=target.sla_minutes)
        assert case.reviews.get().priority == case.priority


@pytest.mark.parametrize("act", ["renew", "release", "escalate"])
def test_an_unknown_case_is_not_found(act: str, moderator: User) -> None:
    with pytest.raises(NotFound):
        getattr(claims, act)(case_id=10**12, token=1, acting_user=moderator)


def test_only_reviewers_claim(queue: Queue, integrator: User) -> None:
    with pytest.raises(NotPermitted):
        claims.claim_next(queue=queue, acting_user=integrator)


def test_a_person_who_was_switched_off_claims_nothing(queue: Queue, moderator: User) -> None:
    moderator.is_active = False
    with pytest.raises(NotPermitted):
        claims.claim_next(queue=queue, acting_user=moderator)


def test_claiming_a_case_somebody_has_says_who(integrator: User, moderator: User, colleague: User) -> None:
    case = factories.case(sent_by=integrator)
    factories.claim(case, colleague)
    with pytest.raises(LeaseLost, match="colleague holds"):
        factories.claim(case, moderator)


def test_a_closed_case_cannot_be_claimed(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    withdraw_content(external_id="m", acting_user=integrator)
    with pytest.raises(Conflict, match="closed"):
        factories.claim(case, moderator)


def test_leaving_gives_everything_back(integrator: User, moderator: User, colleague: User) -> None:
    one, two, other = _cases(3, integrator)
    factories.claim(one, moderator)
    factories.claim(two, moderator)
    factories.claim(other, colleague)
    assert claims.release_all(acting_user=moderator) == 2
    assert claims.release_all(acting_user=moderator) == 0
    assert Review.objects.get(state=ReviewState.LEASED).reviewer == colleague


def test_an_edit_while_leased_keeps_the_lease(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator, id="m"), moderator)
    factories.content("edited", sent_by=integrator, id="m")
    factories.score_all()
    assert claims.renew(case_id=claim.review.case_id, token=_token(claim), acting_user=moderator)


@pytest.mark.django_db(transaction=True)
def test_no_case_goes_to_two_people_at_the_same_moment(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    people = [factories.user(f"moderator-{number}") for number in range(32)]
    for number in range(100):
        receive_report(submitted=factories.report_input(f"{factories.BENIGN} {number}"), acting_user=platform)
    factories.score_all()
    queue = Queue.objects.get(slug="reports")

    def take_three(person: User) -> list[int]:
        taken = []
        for _ in range(3):
            claim = claims.claim_next(queue=queue, acting_user=person)
            assert claim is not None, "100 cases are enough for 96 claims"
            taken.append(claim.review.pk)
            factories.decide(claim, person, "ok")
        return taken

    results = at_once([lambda person=person: take_three(person) for person in people])  # type: ignore[misc]
    assert [result for result in results if isinstance(result, Exception)] == []
    taken = [pk for result in results if not isinstance(result, Exception) for pk in result]
    assert len(taken) == len(set(taken)) == 96
    assert Review.objects.filter(state=ReviewState.WAITING).count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_person_get_one_lease(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    person = factories.user("moderator")
    for number in range(8):
        receive_report(submitted=factories.report_input(f"{factories.BENIGN} {number}"), acting_user=platform)
    factories.score_all()
    queue = Queue.objects.get(slug="reports")

    def take() -> int:
        claim = claims.claim_next(queue=queue, acting_user=person)
        assert claim is not None
        return _token(claim)

    results = at_once([take for _ in range(8)])
    assert len({result for result in results if isinstance(result, int)}) == 1
    assert not any(isinstance(result, Exception) for result in results)
    assert Review.objects.filter(state=ReviewState.LEASED).count() == 1
    assert Evidence.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_decision_and_a_deletion_at_the_same_moment_end_in_one_of_two_ways(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    person = factories.user("moderator")
    for number in range(6):
        case = factories.case(sent_by=platform, id=f"m{number}")
        claim = factories.claim(case, person)
        decided, deleted = at_once(
            [
                lambda claim=claim: factories.decide(claim, person),  # type: ignore[misc]
                lambda number=number: withdraw_content(external_id=f"m{number}", acting_user=platform),  # type: ignore[misc]
            ]
        )
        assert not isinstance(deleted, Exception)
        case.refresh_from_db()
        if isinstance(decided, Exception):
            assert isinstance(decided, LeaseLost)
            assert (case.status, case.decisions.count()) == ("withdrawn", 0)
        else:
            assert (case.status, case.decisions.count()) == ("decided", 1)


@pytest.mark.django_db(transaction=True)
def test_an_expiry_during_the_judgements_transaction_counts(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    person = factories.user("moderator")
    claim = factories.claim(factories.case(sent_by=platform), person)
    with transaction.atomic():
        Review.objects.aggregate(Max("pk"))  # the transaction, and with it now(), begins before the lease ends
        Review.objects.filter(pk=claim.review.pk).update(lease_expires_at=timezone.now())
        with pytest.raises(LeaseLost):
            factories.decide(claim, person)


def test_receiving_content_again_does_not_end_a_lease(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator, id="m"), moderator)
    receive_content(
        submitted=factories.content_input(id="m"),
        author=AccountInput("author-1"),
        acting_user=integrator,
    )
    assert factories.decide(claim, moderator).verdict == "violates"


def test_an_old_token_is_told_of_ones_own_newer_lease(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    first = factories.claim(case, moderator)
    token = first.review.lease_token or 0
    claims.release(case_id=case.pk, token=token, acting_user=moderator)
    factories.claim(case, moderator)
    with pytest.raises(LeaseLost, match="You hold this case under a newer lease"):
        claims.release(case_id=case.pk, token=token, acting_user=moderator)


def test_after_an_undo_an_old_token_is_told_who_holds_the_case_now(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    decision = factories.decide(claim, moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    with pytest.raises(LeaseLost, match="You hold this case under a newer lease"):
        claims.release(case_id=claim.review.case_id, token=claim.review.lease_token or 0, acting_user=moderator)
