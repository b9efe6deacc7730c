"""Who gets what: languages and policies, the limit, what was passed by, reservations, takeovers."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from moderation.errors import Conflict, InvalidInput, LeaseLimit, LeaseLost, NotPermitted
from moderation.models import AuditEvent, Case, Evidence, Judgement, Queue, Review, User
from moderation.selectors import queues
from moderation.services import census, claims, decisions
from tests import factories
from tests.moderation.concurrency import at_once


@pytest.fixture
def queue(installation: None) -> Queue:
    return Queue.objects.get(slug="reports")


def _case(integrator: User, number: int, **fields: str) -> Case:
    return factories.case(f"{factories.BENIGN} {number}", sent_by=integrator, **fields)


def _next(queue: Queue, person: User) -> int | None:
    claim = claims.claim_next(queue=queue, acting_user=person)
    return claim.review.case_id if claim else None


def _token(claim: claims.Claim) -> int:
    assert claim.review.lease_token is not None
    return claim.review.lease_token


def _skip(claim: claims.Claim, person: User, reason: str = "other") -> None:
    claims.skip(case_id=claim.review.case_id, token=_token(claim), reason=reason, acting_user=person)


@pytest.mark.parametrize(
    ("languages", "first"), [([], "de-AT"), (["de"], "de-AT"), (["en"], "en"), (["fr"], ""), (["en", "fr"], "en")]
)
def test_people_get_their_languages_and_what_names_none(
    queue: Queue, integrator: User, moderator: User, languages: list[str], first: str
) -> None:
    cases = {language: _case(integrator, n, language=language) for n, language in enumerate(("", "en", "de-AT"))}
    for place, case in enumerate(cases.values()):
        Review.objects.filter(case=case).update(priority=place)
    moderator.languages = languages
    moderator.save()
    assert _next(queue, moderator) == cases[first].pk


def test_people_get_their_policies_and_what_no_policy_leads(queue: Queue, integrator: User, moderator: User) -> None:
    hate = _case(integrator, 1, policy="hate")
    spam = _case(integrator, 2, policy="spam")
    assert set(Review.objects.values_list("policy", flat=True)) == {"hate", "spam"}
    Review.objects.update(queue=queue)
    moderator.policies = ["spam"]
    moderator.save()
    assert _next(queue, moderator) == spam.pk
    Review.objects.filter(case=hate).update(policy="")
    claims.release_all(acting_user=moderator)
    Review.objects.filter(case=hate).update(priority=99)
    assert _next(queue, moderator) == hate.pk


def test_the_most_urgent_of_several_lanes_comes_first(queue: Queue, integrator: User, moderator: User) -> None:
    cases = [_case(integrator, n, language=("en", "de", "fr")[n % 3]) for n in range(9)]
    for place, case in enumerate(cases):
        Review.objects.filter(case=case).update(priority=place)
    moderator.languages = ["de", "fr"]
    moderator.save()
    taken = []
    for _ in range(6):
        claim = claims.claim_next(queue=queue, acting_user=moderator)
        assert claim is not None
        taken.append(claim.review.case_id)
        factories.decide(claim, moderator, "ok")
    assert taken == [cases[n].pk for n in (8, 7, 5, 4, 2, 1)]
    assert _next(queue, moderator) is None


def test_nobody_holds_more_than_the_limit(
    queue: Queue, integrator: User, moderator: User, settings: LazySettings
) -> None:
    settings.LEASES_A_PERSON = 2
    one, two, three = (_case(integrator, n) for n in range(3))
    factories.claim(one, moderator)
    factories.claim(two, moderator)
    with pytest.raises(LeaseLimit, match="2 cases") as refused:
        factories.claim(three, moderator)
    assert (refused.value.code, refused.value.status) == ("lease_limit", 409)
    Review.objects.filter(case__in=[one, two]).update(queue=Queue.objects.get(slug="spam"))
    with pytest.raises(LeaseLimit):
        claims.claim_next(queue=queue, acting_user=moderator)
    claims.release_all(acting_user=moderator)
    assert _next(queue, moderator) == three.pk


def test_an_undo_asks_for_no_room(queue: Queue, integrator: User, moderator: User, settings: LazySettings) -> None:
    settings.LEASES_A_PERSON = 1
    decision = factories.decide(factories.claim(_case(integrator, 1), moderator), moderator, "ok")
    other = factories.case(factories.SPAM, sent_by=integrator)
    factories.claim(other, moderator)
    assert decisions.undo(decision_id=decision.pk, acting_user=moderator).review.case_id == decision.case_id


def test_what_one_skipped_comes_back_when_nobody_else_can_take_it(
    queue: Queue, integrator: User, moderator: User, colleague: User
) -> None:
    case = _case(integrator, 1)
    _skip(factories.claim(case, moderator), moderator)
    _age_skips()
    assert _next(queue, moderator) is None, "the colleague can take it"
    colleague.is_active = False
    colleague.save()
    assert _next(queue, moderator) == case.pk


@pytest.mark.parametrize("unfit", [{"languages": ["de"]}, {"policies": ["spam"]}, {"role": "integrator"}])
def test_who_is_not_fit_for_a_case_is_nobody_who_could_take_it(
    queue: Queue, integrator: User, moderator: User, colleague: User, unfit: dict[str, object]
) -> None:
    case = _case(integrator, 1, language="en", policy="hate")
    Review.objects.update(queue=queue)
    _skip(factories.claim(case, moderator), moderator)
    _age_skips()
    User.objects.filter(pk=colleague.pk).update(**unfit)
    assert _next(queue, moderator) == case.pk


def test_what_one_has_just_skipped_does_not_come_back(queue: Queue, integrator: User, moderator: User) -> None:
    _skip(factories.claim(_case(integrator, 1), moderator), moderator)
    assert _next(queue, moderator) is None


def test_a_case_that_was_opened_again_goes_to_someone_else_than_who_decided_or_skipped_it(
    queue: Queue, integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    case = _case(integrator, 1)
    _skip(factories.claim(case, colleague), colleague)
    decision = factories.decide(factories.claim(case, moderator), moderator, "ok")
    decisions.take_back(decision_id=decision.pk, acting_user=senior)
    _age_skips()
    assert _next(queue, moderator) is None
    assert _next(queue, colleague) is None
    assert _next(queue, senior) == case.pk


def test_skips_carry_their_reason_and_are_counted(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    case = _case(integrator, 1)
    for person, reason in ((moderator, "language"), (colleague, "language"), (senior, "wellbeing")):
        _skip(factories.claim(case, person), person, reason)
    assert [(reason.value, count) for reason, count in queues.skips_of(case)] == [("language", 2), ("wellbeing", 1)]


def test_a_reserved_case_counts_is_kept_and_shows_nothing(
    queue: Queue, integrator: User, moderator: User, colleague: User, settings: LazySettings
) -> None:
    settings.LEASES_A_PERSON = 2
    first, second, third = (_case(integrator, n) for n in range(3))
    for place, case in enumerate((third, second, first)):
        Review.objects.filter(case=case).update(priority=place)
    assert claims.reserve_next(queue=queue, acting_user=moderator) is None, "one works on a case first"
    claim = claims.claim_next(queue=queue, acting_user=moderator)
    assert claim is not None
    reserved = claims.reserve_next(queue=queue, acting_user=moderator)
    assert reserved is not None
    assert reserved.case_id == second.pk
    again = claims.reserve_next(queue=queue, acting_user=moderator)
    assert again is not None
    assert again.pk == reserved.pk
    assert not Evidence.objects.filter(case=second).exists()
    assert [review.case_id for review in queues.held_by(moderator)] == [first.pk]
    with pytest.raises(LeaseLimit):
        factories.claim(third, moderator)
    assert _next(queue, colleague) == third.pk
    soon = timezone.now() + timedelta(seconds=5)
    Review.objects.filter(pk=reserved.pk).update(lease_expires_at=soon, leased_at=soon - timedelta(hours=1))
    claims.renew(case_id=first.pk, token=_token(claim), acting_user=moderator)
    assert Review.objects.get(pk=reserved.pk).lease_expires_at > soon + timedelta(seconds=60)  # type: ignore[operator]
    factories.decide(claim, moderator, "ok")
    following = claims.claim_next(queue=queue, acting_user=moderator)
    assert following is not None
    assert (following.review.case_id, following.review.reserved) == (second.pk, False)
    assert following.evidence.case_id == second.pk
    assert following.review.leased_at is not None
    assert timezone.now() - following.review.leased_at < timedelta(minutes=1), "their time begins now"


def test_leaving_gives_back_what_was_reserved_and_nothing_else(queue: Queue, integrator: User, moderator: User) -> None:
    first, second = _case(integrator, 1), _case(integrator, 2)
    claim = claims.claim_next(queue=queue, acting_user=moderator)
    assert claim is not None
    claims.reserve_next(queue=queue, acting_user=moderator)
    assert claims.release_reserved(acting_user=moderator) == 1
    assert Review.objects.get(state="waiting").case_id in {first.pk, second.pk}
    assert claims.renew(case_id=claim.review.case_id, token=_token(claim), acting_user=moderator)


def test_a_reserved_case_is_opened_by_its_address_too(queue: Queue, integrator: User, moderator: User) -> None:
    _case(integrator, 1), _case(integrator, 2)
    claims.claim_next(queue=queue, acting_user=moderator)
    reserved = claims.reserve_next(queue=queue, acting_user=moderator)
    assert reserved is not None
    claim = claims.claim_case(case=reserved.case, acting_user=moderator)
    assert (claim.review.reserved, claim.evidence.case_id) == (False, reserved.case_id)


def test_what_was_shown_under_an_earlier_lease_is_no_evidence_for_a_reservation(
    queue: Queue, integrator: User, moderator: User
) -> None:
    first, second = _case(integrator, 1), _case(integrator, 2)
    before = factories.claim(second, moderator)
    claims.release(case_id=second.pk, token=_token(before), acting_user=moderator)
    factories.claim(first, moderator)
    reserved = claims.reserve_next(queue=queue, acting_user=moderator)
    assert reserved is not None
    assert (reserved.case_id, reserved.pk) == (second.pk, before.review.pk)
    guess = claims.Claim(reserved, before.evidence)
    with pytest.raises(InvalidInput) as refused:
        factories.decide(guess, moderator, "ok")
    assert refused.value.pointer == "/evidence_id"
    assert not Judgement.objects.exists()


def test_a_lead_takes_a_case_over_and_its_holder_is_told(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    case = _case(integrator, 1)
    held = factories.claim(case, moderator)
    with pytest.raises(NotPermitted):
        claims.take_over(case=case, acting_user=colleague)
    taken = claims.take_over(case=case, acting_user=senior)
    assert _token(taken) > _token(held)
    assert (taken.review.reviewer, taken.evidence.shown_to) == (senior, senior)
    with pytest.raises(LeaseLost, match="senior holds this case now"):
        factories.decide(held, moderator)
    event = AuditEvent.objects.get(kind="review.taken_over")
    assert (event.actor, event.data["holder"]) == (senior, moderator.pk)
    assert factories.decide(taken, senior, "ok").decided_by == senior


def test_a_lease_that_ran_out_is_recorded_when_the_case_is_claimed_by_its_address(
    integrator: User, moderator: User, colleague: User
) -> None:
    case = _case(integrator, 1)
    factories.claim(case, moderator)
    Review.objects.filter(case=case).update(lease_expires_at=timezone.now())
    factories.claim(case, colleague)
    assert AuditEvent.objects.get(kind="review.lease_expired").actor == moderator


def test_taking_over_what_nobody_holds_is_a_claim(integrator: User, moderator: User, senior: User) -> None:
    case = _case(integrator, 1)
    assert claims.take_over(case=case, acting_user=senior).review.reviewer == senior
    assert not AuditEvent.objects.filter(kind="review.taken_over").exists()
    factories.decide(factories.claim(case, senior), senior, "ok")
    with pytest.raises(Conflict):
        claims.take_over(case=case, acting_user=senior)


def test_counts_are_those_of_ones_own_lanes(queue: Queue, integrator: User, moderator: User, colleague: User) -> None:
    for number, language in enumerate(("en", "en", "de", "")):
        _case(integrator, number, language=language)
    moderator.languages = ["en"]
    moderator.save()
    _skip(factories.claim(Case.objects.filter(content__language="en")[0], moderator), moderator)
    census.keep_fresh()
    mine, theirs = (
        next(line for line in queues.queue_summaries(person, seniors=False) if line.queue == queue)
        for person in (moderator, colleague)
    )
    assert (mine.waiting, mine.for_me, theirs.for_me) == (4, 2, 4)


def test_counts_are_kept_for_a_few_seconds(
    queue: Queue, integrator: User, moderator: User, settings: LazySettings
) -> None:
    settings.COUNT_SECONDS = 60.0
    assert census.keep_fresh()
    _case(integrator, 1)
    assert not census.keep_fresh()
    settings.COUNT_SECONDS = 0.0
    assert census.keep_fresh()
    summary = next(line for line in queues.queue_summaries(moderator, seniors=False) if line.queue == queue)
    assert (summary.waiting, summary.oldest) == (1, Case.objects.get().opened_at)


@pytest.mark.django_db(transaction=True)
def test_people_of_several_languages_at_once_never_get_the_same_case(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    for number in range(24):
        _case(platform, number, language=("en", "de")[number % 2])
    people = [factories.user(f"m{n}", languages=[["en"], ["de"], [], ["en", "de"]][n % 4]) for n in range(12)]
    queue = Queue.objects.get(slug="reports")
    taken = at_once([lambda person=person: _next(queue, person) for person in people])  # type: ignore[misc]
    assert len({case for case in taken if isinstance(case, int)}) == len(people)
    for person, case in zip(people, taken, strict=True):
        language = Case.objects.get(pk=case).content.language
        assert not person.languages or language in person.languages


def _age_skips() -> None:
    """An hour passes. The rows are immutable, so their clock is set behind the guard's back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE moderation_reviewskip DISABLE TRIGGER immutable")
        cursor.execute("UPDATE moderation_reviewskip SET created_at = created_at - interval '61 minutes'")
        cursor.execute("ALTER TABLE moderation_reviewskip ENABLE TRIGGER immutable")
