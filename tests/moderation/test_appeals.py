"""The window of an appeal, the signed link, and who may not decide it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from moderation.enums import AppealState
from moderation.errors import AppealClosed, InvalidInput, NotFound
from moderation.models import Decision, OutboxMessage, Policy, User
from moderation.selectors import appeals as selectors
from moderation.services import appeal_links, appeals, decisions, webhook_messages
from tests import factories


def _decided(integrator: User, person: User, verdict: str = "violates") -> Decision:
    chosen = {"policies": ["hate"], "actions": ["remove"]} if verdict == "violates" else {}
    claim = factories.claim(factories.case(sent_by=integrator), person)
    decision = factories.decide(claim, person, verdict, **chosen)
    assert isinstance(decision, Decision)
    return decision


def _token(decision: Decision) -> str:
    link = appeal_links.link(decision)
    assert link is not None
    return link.split("/")[-2]


def test_the_link_names_the_decision_and_is_the_same_each_time(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    assert appeal_links.link(decision) == appeal_links.link(decision)
    assert appeal_links.decision_id(_token(decision)) == decision.pk


def test_a_tampered_link_is_not_valid(integrator: User, moderator: User) -> None:
    token = _token(_decided(integrator, moderator))
    body, signature = token.split(":")
    other = appeal_links.token(10**6, until=10**10).split(":")[0]
    for tampered in (body, f"{other}:{signature}", f"{body}:{signature[::-1]}", "nonsense"):
        with pytest.raises(NotFound):
            appeal_links.decision_id(tampered)


def test_a_link_ends() -> None:
    with pytest.raises(AppealClosed):
        appeal_links.decision_id(appeal_links.token(1, until=int(timezone.now().timestamp()) - 1))


def test_only_a_violation_that_can_be_appealed_has_a_link(integrator: User, moderator: User) -> None:
    assert appeal_links.link(_decided(integrator, moderator, "ok")) is None
    Policy.objects.filter(slug="hate").update(appeal_days=0)
    assert appeal_links.link(_decided(integrator, moderator)) is None


def test_the_news_of_a_decision_carries_the_link_and_no_other_news_does(
    integrator: User, moderator: User, admin: User
) -> None:
    decision = _decided(integrator, moderator)
    for message in OutboxMessage.objects.filter(decision=decision):
        body = webhook_messages._body(message)
        assert ("appeal_url" in body) == (message.topic == "decision.made")
        assert (_token(decision) in body) == (message.topic == "decision.made")


def test_the_window_is_that_of_the_most_generous_policy(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    Policy.objects.filter(slug="hate").update(appeal_days=10)
    assert selectors.deadline(decision) == decision.created_at + timedelta(days=10)


def test_after_its_window_a_decision_cannot_be_appealed(integrator: User, moderator: User) -> None:
    decision = _decided(integrator, moderator)
    Policy.objects.update(appeal_days=0)
    with pytest.raises(AppealClosed):
        appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="late", acting_user=None)


def test_upholding_keeps_why(integrator: User, moderator: User, senior: User) -> None:
    decision = _decided(integrator, moderator)
    appeal = appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="no", acting_user=None)
    resolved = appeals.resolve_appeal(appeal_id=appeal.pk, opinion=None, rationale="It threatens.", acting_user=senior)
    assert (resolved.state, resolved.rationale) == (AppealState.UPHELD, "It threatens.")
    assert list(selectors.contested()) == []
    assert list(selectors.resolved()) == [appeal]


def test_what_changes_nothing_overturns_nothing(integrator: User, moderator: User, senior: User) -> None:
    decision = _decided(integrator, moderator)
    appeal = appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="no", acting_user=None)
    same = decisions.Opinion("violates", ["hate"], ["remove"])
    with pytest.raises(InvalidInput):
        appeals.resolve_appeal(appeal_id=appeal.pk, opinion=same, acting_user=senior)
    other = decisions.Opinion("violates", ["spam"], ["remove"])
    resolved = appeals.resolve_appeal(appeal_id=appeal.pk, opinion=other, acting_user=senior)
    assert resolved.resolution is not None
    assert (resolved.resolution.supersedes, resolved.resolution.policies) == (decision, ["spam"])


def test_an_appeal_of_a_decision_that_was_replaced_waits_for_nobody(
    integrator: User, moderator: User, senior: User
) -> None:
    decision = _decided(integrator, moderator)
    appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="no", acting_user=None)
    decisions.override(decision_id=decision.pk, opinion=decisions.Opinion("ok"), acting_user=senior)
    assert list(selectors.contested()) == []
