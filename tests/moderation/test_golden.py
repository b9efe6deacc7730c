"""Golden cases: mixed in at a rate, like any other until judged, without labels, decisions or effects."""

import pytest

from moderation.enums import CaseStatus, ReviewKind, ReviewState, Standing, WhyShown
from moderation.errors import Conflict, InvalidInput, NotPermitted
from moderation.models import (
    Case,
    Decision,
    GoldenCase,
    GoldenItem,
    Judgement,
    Label,
    OutboxMessage,
    Review,
    Strike,
    User,
)
from moderation.services import claims, golden
from moderation.services.intake import receive_report, withdraw_content
from tests import factories


@pytest.fixture
def planted(integrator: User, senior: User, moderator: User) -> Case:
    """A golden case (known: harassment) in the queue of an ordinary one; the senior knows its text."""
    factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    factories.plan(golden_rate=1)
    factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    return GoldenCase.objects.get().case


def test_it_is_planted_once_beside_an_ordinary_case(planted: Case, integrator: User) -> None:
    beside = planted.golden.beside
    assert (planted.queue, planted.opened_at, planted.due_at) == (beside.queue, beside.opened_at, beside.due_at)
    source = Case.objects.filter(content=planted.content).get()
    assert (planted.priority_parts, planted.rule_hits) == (source.priority_parts, source.rule_hits)
    assert planted not in Case.objects.all()
    receive_report(
        submitted=factories.report_input(
            f"{factories.ABUSIVE} again", id=beside.content.external_id, reporter_id="another"
        ),
        acting_user=integrator,
    )
    factories.score_all()
    assert GoldenCase.objects.count() == 1


def test_a_judged_golden_case_binds_nothing_and_teaches_nothing(planted: Case, moderator: User) -> None:
    counts = [rows.objects.count() for rows in (Decision, Label, OutboxMessage, Strike)]
    claim = factories.claim(planted, moderator)
    outcome = factories.judge(claim, moderator, rationale="an insult", actions=["terminate"])
    assert (outcome.standing, outcome.decision) == (Standing.GOLDEN, None)
    assert outcome.feedback == golden.Feedback(correct=True, policies=["harassment"])
    assert [rows.objects.count() for rows in (Decision, Label, OutboxMessage, Strike)] == counts
    planted.refresh_from_db()
    assert planted.status == CaseStatus.DECIDED
    assert not Case.objects.filter(content=planted.content, status=CaseStatus.OPEN).exists()


@pytest.mark.parametrize(
    ("verdict", "policies", "correct"),
    [
        ("violates", ["harassment"], True),
        ("violates", ["harassment", "hate"], False),
        ("violates", ["hate"], False),
        ("ok", [], False),
    ],
)
def test_an_answer_is_right_if_it_says_of_every_policy_what_is_known(
    verdict: str, policies: list[str], correct: bool, planted: Case, moderator: User
) -> None:
    outcome = factories.judge(factories.claim(planted, moderator), moderator, verdict, policies=policies)
    assert outcome.feedback is not None
    assert outcome.feedback.correct is correct


def test_who_knows_its_text_never_gets_it(planted: Case, senior: User, moderator: User, integrator: User) -> None:
    with pytest.raises(Conflict):
        factories.claim(planted, senior)
    factories.judge(factories.claim(planted, moderator), moderator)
    # Planted again, it is barred for whoever has judged it, and comes no more once everyone has.
    factories.case(f"{factories.ABUSIVE} a third time", sent_by=integrator)
    assert GoldenCase.objects.count() == 1, "everyone has met it"
    fresh = factories.user("fresh")
    factories.case(f"{factories.ABUSIVE} a fourth time", sent_by=integrator)
    again = GoldenCase.objects.order_by("-pk").first()
    assert again is not None
    with pytest.raises(Conflict):
        factories.claim(again.case, moderator)
    assert factories.claim(again.case, fresh).review.kind == ReviewKind.GOLDEN


def test_reports_join_the_real_case_never_the_golden_one(planted: Case, integrator: User) -> None:
    report = receive_report(
        submitted=factories.report_input(
            factories.ABUSIVE, id=planted.content.external_id, source="trusted_flagger", reporter_id="flagger"
        ),
        acting_user=integrator,
    )
    factories.score_all()
    report.refresh_from_db()
    assert report.case is not None
    assert report.case.why_shown != WhyShown.GOLDEN
    planted.refresh_from_db()
    assert planted.status == CaseStatus.OPEN


@pytest.mark.parametrize("end", ["edit", "deletion"])
def test_it_ends_with_its_wording(end: str, planted: Case, integrator: User) -> None:
    assert planted.content.external_id is not None
    if end == "edit":
        factories.content("other words altogether", sent_by=integrator, id=planted.content.external_id)
    else:
        withdraw_content(external_id=planted.content.external_id, acting_user=integrator)
    planted.refresh_from_db()
    assert planted.status == CaseStatus.WITHDRAWN
    assert planted.reviews.get().state == ReviewState.CANCELLED


def test_it_is_claimed_in_its_turn_skipped_released_and_escalated_like_any_other(
    planted: Case, moderator: User, integrator: User
) -> None:
    Review.objects.filter(case=planted).update(priority=10**6)
    claim = claims.claim_next(queue=planted.queue, acting_user=moderator)
    assert claim is not None
    assert claim.review.case_id == planted.pk
    claims.renew(case_id=planted.pk, token=claim.review.lease_token or 0, acting_user=moderator)
    claims.release(case_id=planted.pk, token=claim.review.lease_token or 0, acting_user=moderator)
    claim = factories.claim(planted, moderator)
    review = claims.escalate(case_id=planted.pk, token=claim.review.lease_token or 0, acting_user=moderator)
    assert review.queue.slug == "escalations"


def test_a_retired_item_is_mixed_in_no_more(integrator: User, senior: User) -> None:
    factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    GoldenItem.objects.update(is_active=False)
    factories.plan(golden_rate=1)
    factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    assert not GoldenCase.objects.exists()


def test_administrators_make_and_change_items(integrator: User, admin: User, senior: User) -> None:
    content = factories.case(sent_by=integrator).content
    item = golden.save_item(content=content, violated=["hate"], is_active=True, acting_user=admin)
    assert [slug for slug, violates in item.truth.items() if violates] == ["hate"]
    golden.save_item(content=content, violated=[], is_active=False, acting_user=admin, item=item)
    item.refresh_from_db()
    assert (any(item.truth.values()), item.is_active) == (False, False)
    with pytest.raises(InvalidInput):
        golden.save_item(content=content, violated=[], is_active=True, acting_user=admin)
    with pytest.raises(NotPermitted):
        golden.save_item(content=content, violated=[], is_active=True, acting_user=senior)


def test_judgements_of_golden_cases_are_kept(planted: Case, moderator: User) -> None:
    factories.judge(factories.claim(planted, moderator), moderator, "ok", rationale="harmless")
    assert Judgement.objects.get(review__case=planted).note.text == "harmless"
