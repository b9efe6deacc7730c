"""Many cases decided as one: what is in, what is left out, stopped, undone, gone on with."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction

from moderation.enums import BatchMode, CaseStatus
from moderation.errors import Conflict, InvalidInput, NotPermitted
from moderation.models import (
    Account,
    AuditEvent,
    Batch,
    BatchCase,
    Case,
    Decision,
    Evidence,
    Judgement,
    Label,
    OutboxMessage,
    ProtectedAccount,
    Queue,
    Review,
    Strike,
    User,
)
from moderation.selectors import batches as selectors
from moderation.selectors import campaigns
from moderation.services import batches, decisions, priority
from moderation.services.batches import Scope
from moderation.services.decisions import Opinion
from tests import factories
from tests.moderation.concurrency import at_once

SPAM = Opinion("violates", ["spam"], ["remove"], "all one wave")
HIGH = Scope(mode=BatchMode.SCORE, policy="spam", low=0.5, high=1.0)
WAVE = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "


def _wave(integrator: User, size: int, **fields: Any) -> list[Case]:
    return [factories.case(f"{WAVE}{n}", sent_by=integrator, author=f"a{n}", **fields) for n in range(size)]


def _spam(integrator: User, size: int, author: str = "spammer") -> list[Case]:
    return [factories.case(f"{factories.SPAM} {n}", sent_by=integrator, author=author) for n in range(size)]


def _begin(person: User, scope: Scope = HIGH, opinion: Opinion = SPAM, **fields: Any) -> Batch:
    batch = batches.begin(scope=scope, opinion=opinion, acting_user=person, **fields)
    batches.work_if_small(batch.pk)
    batch.refresh_from_db()
    return batch


def _states(batch: Batch) -> dict[int, tuple[str, str]]:
    return {row.case_id: (row.state, row.reason) for row in batch.cases.all()}


def test_a_range_of_scores_is_decided_as_one(integrator: User, senior: User) -> None:
    cases = _spam(integrator, 3)
    below = factories.case(factories.BENIGN, sent_by=integrator)
    batch = _begin(senior, sampled=[cases[0].pk, below.pk])
    assert (batch.state, batch.sample_count) == ("decided", 1)
    assert set(_states(batch)) == {case.pk for case in cases}
    for case in cases:
        decision = Decision.objects.get(case=case)
        assert (decision.kind, decision.decided_by, decision.policies) == ("batch", senior, ["spam"])
        assert decision.rationale.text == "all one wave"
        assert decision.judgement is not None
        assert decision.judgement.evidence.revision == case.content.current_revision
        assert case.reports.get().outcome == "upheld"
    below.refresh_from_db()
    assert below.status == CaseStatus.OPEN
    assert Strike.objects.count() == 3
    assert OutboxMessage.objects.filter(topic="action.requested").count() == 3


def test_what_was_decided_unseen_makes_no_labels_and_is_nobodys_judgement(integrator: User, senior: User) -> None:
    _spam(integrator, 2)
    _begin(senior)
    assert Label.objects.count() == 0
    assert not Judgement.objects.filter(reviewer=senior).exists()
    assert not Evidence.objects.filter(shown_to=senior).exists()
    assert not Judgement.objects.exclude(reviewer__is_active=False).exists()


def test_each_batch_and_each_case_leave_audit_events(integrator: User, senior: User) -> None:
    cases = _spam(integrator, 2)
    batch = _begin(senior)
    begun = AuditEvent.objects.get(kind="batch.decided")
    assert (begun.actor, begun.data["batch"], begun.data["cases"]) == (senior, batch.pk, 2)
    assert AuditEvent.objects.get(kind="batch.ended").data["counts"] == {"decided": 2}
    assert {event.case_id for event in AuditEvent.objects.filter(kind="case.decided")} == {case.pk for case in cases}


def test_exceptions_and_what_came_later_stay_out(integrator: User, senior: User) -> None:
    first, second = _spam(integrator, 2)
    newest = max(Review.objects.values_list("pk", flat=True))
    later = factories.case(f"{factories.SPAM} later", sent_by=integrator)
    scope = Scope(mode=BatchMode.SCORE, policy="spam", low=0.5, high=1.0, newest=newest)
    batch = _begin(senior, scope, exceptions=[second.pk])
    assert set(_states(batch)) == {first.pk}
    assert set(Case.objects.filter(status="open")) == {second, later}


def test_what_is_held_changed_closed_or_grave_is_left_out_and_said(
    integrator: User, senior: User, moderator: User
) -> None:
    held, changed, closed, grave, fine = _spam(integrator, 5)
    batch = batches.begin(scope=HIGH, opinion=SPAM, acting_user=senior)
    factories.claim(held, moderator)
    factories.content("another wording", sent_by=integrator, id=changed.content.external_id)
    factories.decide(factories.claim(closed, moderator), moderator, "ok")
    other = Account.objects.create(external_id="protected")
    ProtectedAccount.objects.create(account=other)
    grave.content.author = other
    grave.content.save()
    batches.work_if_small(batch.pk)
    assert _states(batch) == {
        held.pk: ("left_out", "held"),
        changed.pk: ("left_out", "changed"),
        closed.pk: ("left_out", "closed"),
        grave.pk: ("left_out", "needs_second"),
        fine.pk: ("decided", ""),
    }
    progress = selectors.progress(batch)
    assert (progress.total, progress.done, progress.decided, progress.left_out) == (5, 5, 1, 4)
    assert ("Someone holds it", 1) in progress.reasons


def test_blind_reviews_audits_and_golden_cases_are_no_part_of_a_batch(integrator: User, senior: User) -> None:
    blind, plain = _spam(integrator, 2)
    Review.objects.filter(case=blind).update(blind=True)
    assert set(_states(_begin(senior))) == {plain.pk}


def test_a_batch_is_undone_as_one(integrator: User, senior: User) -> None:
    cases = _spam(integrator, 3)
    batch = _begin(senior)
    overridden = Decision.objects.get(case=cases[0])
    decisions.override(decision_id=overridden.pk, opinion=Opinion("ok"), acting_user=senior)
    batches.undo(batch_id=batch.pk, acting_user=senior)
    batches.work_if_small(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.undone_by) == ("undone", senior)
    assert _states(batch) == {
        cases[0].pk: ("kept", "later"),
        cases[1].pk: ("undone", ""),
        cases[2].pk: ("undone", ""),
    }
    assert set(Case.objects.filter(status="open")) == set(cases[1:])
    assert Review.objects.filter(case__in=cases[1:], state="waiting").count() == 2
    assert not Review.objects.filter(state="leased").exists(), "an undone batch lands on nobody's desk"
    assert not OutboxMessage.objects.filter(state="pending", decision__case__in=cases[1:], topic="action.requested")
    assert AuditEvent.objects.filter(kind="decision.undone").count() == 2
    assert batches.undo(batch_id=batch.pk, acting_user=senior).state == "undone"


def test_a_large_batch_is_left_to_a_worker_and_can_be_stopped(
    integrator: User, senior: User, settings: LazySettings
) -> None:
    settings.BATCH_AT_ONCE = 2
    cases = _spam(integrator, 5)
    batch = _begin(senior)
    assert batch.state == "deciding"
    assert batches.go_on(limit=2) == 2
    batches.stop(batch_id=batch.pk, acting_user=senior)
    assert batches.go_on(limit=100) == 0
    progress = selectors.progress(batch)
    assert (progress.decided, progress.left_out, progress.pending) == (2, 3, 0)
    assert Case.objects.filter(status="open").count() == 3
    with pytest.raises(Conflict):
        batches.stop(batch_id=batch.pk, acting_user=senior)
    batches.undo(batch_id=batch.pk, acting_user=senior)
    while batches.go_on(limit=1):
        pass
    assert Case.objects.filter(status="open").count() == len(cases)


def test_a_worker_that_dies_loses_nothing(integrator: User, senior: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _spam(integrator, 3)
    batch = batches.begin(scope=HIGH, opinion=SPAM, acting_user=senior)
    assert batches.work(batch.pk, limit=1) == 1
    monkeypatch.setattr(batches.unseen, "decide", _dies)
    with pytest.raises(KeyboardInterrupt):
        batches.go_on(limit=10)
    monkeypatch.undo()
    assert selectors.progress(batch).pending == 2
    assert batches.go_on(limit=10) == 2
    assert Decision.objects.count() == 3
    batch.refresh_from_db()
    assert batch.state == "decided"


@pytest.mark.django_db(transaction=True)
def test_several_workers_on_one_batch_decide_each_case_once(db: None) -> None:
    factories.installation()
    platform, lead = factories.user("integrator", role="integrator"), factories.user("senior", role="senior")
    _spam(platform, 12)
    batch = batches.begin(scope=HIGH, opinion=SPAM, acting_user=lead)
    done = at_once([lambda: batches.work(batch.pk, limit=100)] * 4)
    assert sum(count for count in done if isinstance(count, int)) == 12
    assert Decision.objects.count() == 12
    batch.refresh_from_db()
    assert batch.state == "decided"


def test_only_leads_decide_in_batches(integrator: User, moderator: User) -> None:
    _spam(integrator, 1)
    with pytest.raises(NotPermitted):
        batches.begin(scope=HIGH, opinion=SPAM, acting_user=moderator)


def test_a_lead_decides_in_their_own_languages_and_policies(integrator: User, senior: User) -> None:
    _spam(integrator, 2)
    senior.policies = ["hate"]
    senior.save()
    with pytest.raises(Conflict, match="Nothing waits"):
        _begin(senior)


@pytest.mark.parametrize(
    ("scope", "opinion", "follows", "pointer"),
    [
        (HIGH, Opinion("violates"), False, "/policies"),
        (HIGH, Opinion("perhaps"), False, "/verdict"),
        (HIGH, SPAM, True, "/follows"),
        (Scope(mode=BatchMode.SCORE, policy="spam", low=0.9, high=0.1), SPAM, False, "/from"),
        (Scope(mode=BatchMode.ACCOUNT), SPAM, False, "/account"),
        (Scope(mode=BatchMode.CAMPAIGN, group_id=1), Opinion("ok"), True, "/follows"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(
    senior: User, scope: Scope, opinion: Opinion, follows: bool, pointer: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        batches.begin(scope=scope, opinion=opinion, acting_user=senior, follows=follows)
    assert refused.value.pointer == pointer


def test_too_large_a_batch_is_refused(integrator: User, senior: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _spam(integrator, 3)
    monkeypatch.setattr(batches, "LARGEST", 2)
    with pytest.raises(InvalidInput, match="narrow the range"):
        _begin(senior)


def test_what_a_batch_decided_never_changes(integrator: User, senior: User) -> None:
    _spam(integrator, 1)
    batch = _begin(senior)
    for change in ({"verdict": "ok", "policies": []}, {"actions": []}, {"rationale": "other"}, {"made_by": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Batch.objects.filter(pk=batch.pk).update(**change)
    Batch.objects.filter(pk=batch.pk).update(rationale="")  # erasure
    for row in (batch, batch.cases.get()):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(row).objects.filter(pk=row.pk).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        BatchCase.objects.update(decision=None, state="pending")


def test_the_histogram_counts_what_waits(integrator: User, senior: User) -> None:
    cases = _spam(integrator, 3)
    bins = selectors.histogram(policy="spam")
    assert sum(one.count for one in bins) == 3
    score = Review.objects.filter(case=cases[0]).values_list("score", flat=True).get()
    assert score is not None
    assert next(one.count for one in bins if one.start <= score < one.end or score == one.end == 1.0) >= 1
    assert sum(one.count for one in selectors.histogram(policy="spam", queue=Queue.objects.get(slug="abuse"))) == 0
    sample = selectors.sample(HIGH.reviews(senior), limit=2)
    assert len(sample) == 2


def test_near_duplicates_are_a_campaign_decided_with_exceptions(integrator: User, senior: User) -> None:
    cases = _wave(integrator, 4)
    other = factories.case(factories.BENIGN, sent_by=integrator)
    (found,) = campaigns.waiting()
    assert (found.waiting, found.authors) == (4, 4)
    members = campaigns.members(found, limit=10)
    assert {member.review.case_id for member in members} == {case.pk for case in cases}
    assert all(member.likeness > 0.8 for member in members)
    assert [m.likeness for m in members] == sorted(m.likeness for m in members)
    scope = Scope(mode=BatchMode.CAMPAIGN, group_id=found.group_id)
    batch = _begin(senior, scope, exceptions=[cases[0].pk])
    assert set(_states(batch)) == {case.pk for case in cases[1:]}
    assert set(Case.objects.filter(status="open")) == {cases[0], other}


def test_two_near_duplicates_are_no_campaign(integrator: User) -> None:
    _wave(integrator, 2)
    assert campaigns.waiting() == []


def test_new_members_of_a_decided_campaign_come_first_and_say_why(integrator: User, senior: User) -> None:
    _wave(integrator, 3)
    (found,) = campaigns.waiting()
    batch = _begin(senior, Scope(mode=BatchMode.CAMPAIGN, group_id=found.group_id))
    urgent = factories.case(factories.ABUSIVE, sent_by=integrator, source="legal_notice")
    new = factories.case(f"{WAVE}99", sent_by=integrator)
    assert new.status == CaseStatus.OPEN
    assert priority.current(new) > priority.current(urgent)
    words = next(part["words"] for part in new.priority_parts if part["name"] == "campaign")
    assert words == "near-duplicate of a campaign found to violate spam"
    batches.undo(batch_id=batch.pk, acting_user=senior)
    batches.work_if_small(batch.pk)
    later = factories.case(f"{WAVE}100", sent_by=integrator)
    assert not [part for part in later.priority_parts if part["name"] == "campaign"]


def test_everything_open_by_one_account_is_swept(integrator: User, senior: User, moderator: User) -> None:
    spam = _spam(integrator, 2, author="bad")
    abuse = factories.case(factories.ABUSIVE, sent_by=integrator, author="bad")
    held = factories.case(f"{factories.ABUSIVE} again", sent_by=integrator, author="bad")
    other = factories.case(factories.BENIGN, sent_by=integrator, author="good")
    factories.claim(held, moderator)
    account = Account.objects.get(external_id="bad")
    assert selectors.elsewhere(account) == [held]
    batch = _begin(senior, Scope(mode=BatchMode.ACCOUNT, account=account))
    assert set(_states(batch)) == {*(case.pk for case in spam), abuse.pk}
    assert set(Case.objects.filter(status="open")) == {held, other}


def test_ok_in_a_batch_has_no_effects_and_tells_reporters(integrator: User, senior: User) -> None:
    (case,) = _spam(integrator, 1)
    _begin(senior, opinion=Opinion("ok"))
    assert case.reports.get().outcome == "not_upheld"
    assert Strike.objects.count() == 0
    assert not OutboxMessage.objects.filter(topic="action.requested").exists()


def _dies(*args: object, **fields: object) -> None:
    raise KeyboardInterrupt
