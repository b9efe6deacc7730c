"""Whatever people do to cases in whatever order, what must hold holds after every step."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.enums import CaseStatus, HoldState, ReviewKind, ReviewState
from moderation.errors import ModerationError
from moderation.models import (
    Case,
    Decision,
    GoldenCase,
    Hold,
    Judgement,
    Label,
    OutboxMessage,
    ProtectedAccount,
    Queue,
    Review,
    User,
)
from moderation.services import claims, decisions, holds, undoing
from tests import factories

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["judge", "judge", "judge", "judge", "skip", "release", "escalate", "take back", "undo", "settle"]
        ),
        st.integers(0, 3),
        st.sampled_from(["ok", "violates"]),
    ),
    min_size=4,
    max_size=12,
)


def _held_by(person: User) -> Review | None:
    return Review.objects.filter(reviewer=person, state=ReviewState.LEASED).order_by("pk").first()


def _claim(person: User) -> claims.Claim | None:
    for queue in Queue.objects.filter(seniors_only=False) if person.role == "moderator" else Queue.objects.all():
        found = claims.claim_next(queue=queue, acting_user=person)
        if found is not None:
            return found
    return None


def _step(action: str, person: User, verdict: str) -> None:
    held = _held_by(person)
    if action == "judge":
        claim = _claim(person)
        if claim is not None:
            factories.judge(claim, person, verdict)
    elif action in {"skip", "release", "escalate"} and held is not None:
        named: dict[str, Any] = {"reason": "other"} if action == "skip" else {}
        act = getattr(claims, action)
        act(case_id=held.case_id, token=held.lease_token, acting_user=person, **named)
    elif action == "take back":
        last = Judgement.objects.filter(reviewer=person).order_by("-pk").first()
        if last is not None:
            undoing.take_back(case_id=last.review.case_id, acting_user=person)
    elif action == "undo":
        decision = Decision.objects.filter(decided_by=person).order_by("-pk").first()
        if decision is not None:
            decisions.undo(decision_id=decision.pk, acting_user=person)
    elif action == "settle":
        hold = Hold.objects.filter(state=HoldState.HELD).first()
        if hold is not None and verdict == "ok":
            holds.reject(hold_id=hold.pk, note="no", acting_user=person)
        elif hold is not None:
            holds.approve(hold_id=hold.pk, acting_user=person)


def _check() -> None:
    for case in Case.including_golden.all():
        pending = case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED])
        binding = case.decisions.filter(superseded_by__isnull=True, verdict__isnull=False)
        held = case.holds.filter(state=HoldState.HELD)
        assert pending.count() + held.count() == (1 if case.status == CaseStatus.OPEN else 0)
        assert binding.count() <= 1
        if case.status == CaseStatus.OPEN:
            assert not binding.exists()
        judges = {row.reviewer_id for row in Judgement.objects.filter(review__in=_round(pending.first()))}
        if (review := pending.first()) is not None and review.kind != ReviewKind.INFORMED:
            assert review.reviewer_id not in judges, "nobody reviews what they judged in this round"
    golden = GoldenCase.objects.values("case")
    assert not Decision.objects.filter(case__in=golden).exists()
    assert not Label.objects.filter(evidence__case__in=golden).exists()
    assert all(message.decision_id for message in OutboxMessage.objects.all())
    assert not Decision.objects.filter(kind="review", judgement__isnull=True).exists()
    approved = Hold.objects.filter(state=HoldState.APPROVED)
    assert all(hold.settled_by_id != hold.judgement.reviewer_id for hold in approved)
    violating = Decision.objects.filter(kind="review", verdict="violates", judgement__hold__isnull=True)
    violating = violating.exclude(decided_by__username="known")  # before the account was protected
    for decision in violating.select_related("judgement__review"):
        review = decision.judgement.review  # type: ignore[union-attr]
        assert review.kind in {ReviewKind.SECOND, ReviewKind.ADJUDICATION}, "the account is protected"


def _round(review: Review | None) -> list[int]:
    """The reviews before this one in its round."""
    keys = []
    while review is not None and review.follows_id is not None:
        review = review.follows
        keys.append(review.pk if review is not None else 0)
    return keys


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, rates=st.tuples(st.sampled_from([0, 1]), st.sampled_from([0, 1])))
def test_a_review_goes_its_way_in_any_order(
    steps: list[tuple[str, int, str]], rates: tuple[int, int], installation: None
) -> None:
    with transaction.atomic():
        platform = factories.user("platform", role="integrator")
        people = [factories.user(f"m{n}") for n in range(2)]
        people += [factories.user(f"s{n}", role="senior") for n in range(2)]
        known = factories.user("known", role="senior")
        factories.golden_item(["harassment"], sent_by=platform, decided_by=known)
        factories.plan(double_rate=rates[0], blind_rate=rates[1], golden_rate=1)
        for n in range(2):
            case = factories.case(f"{factories.ABUSIVE}, walk {n}", sent_by=platform)
        ProtectedAccount.objects.create(account=case.content.author)
        for action, who, verdict in steps:
            try:
                with transaction.atomic():
                    _step(action, people[who], verdict)
            except ModerationError:
                pass  # refused: then nothing has happened, which is checked too
            _check()
        transaction.set_rollback(True)


@pytest.mark.parametrize("kind", [kind for kind in ReviewKind if kind != ReviewKind.APPEAL])
def test_every_kind_of_review_is_one_of_a_case(kind: str, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    with pytest.raises(IntegrityError, match="review_one_pending_a_case"):
        Review.objects.create(case=case, kind=kind, queue=case.queue, priority=0)
