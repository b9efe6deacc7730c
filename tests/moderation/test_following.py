"""New members of a decided campaign: first in line, or decided where automation is guaranteed."""

from typing import Any

import pytest
from django.conf import LazySettings

from moderation.enums import BatchMode
from moderation.learning import registry
from moderation.models import AutomationThreshold, Batch, Case, Decision, Label, Policy, ProtectedAccount, User
from moderation.selectors import campaigns
from moderation.services import batches, decisions
from moderation.services.batches import Scope
from moderation.services.decisions import Opinion
from tests import factories


@pytest.fixture
def nothing_held_out(settings: LazySettings) -> None:
    settings.AUTOMATION_HOLDOUT = 0.0


def _guarantee(admin: User, *, number: int = 1) -> None:
    AutomationThreshold.objects.create(
        policy=Policy.objects.get(slug="spam"),
        model_version=registry.champion(),
        recalibration=number,
        precision=0.9,
        threshold=0.5,
        lower_bound=0.95,
        sample_count=500,
        used_count=200,
        delta_spent=0.03,
        sentence="s",
        computed_by=admin,
    )


def _member(integrator: User, number: int, **fields: Any) -> Case:
    fields = {"language": "en", "author": f"a{number}", **fields}
    case = factories.case(f"{factories.SPAM} now, quick, as long as it lasts {number}", sent_by=integrator, **fields)
    case.refresh_from_db()
    return case


def _campaign(integrator: User, senior: User, *, follows: bool = True, **opinion: Any) -> Batch:
    for number in range(3):
        _member(integrator, number)
    (found,) = campaigns.waiting()
    said = Opinion(**{"verdict": "violates", "policies": ["spam"], "actions": ["remove"], **opinion})
    scope = Scope(mode=BatchMode.CAMPAIGN, group_id=found.group_id)
    batch = batches.begin(scope=scope, opinion=said, acting_user=senior, follows=follows)
    batches.work_if_small(batch.pk)
    return batch


@pytest.mark.usefixtures("nothing_held_out")
def test_a_new_member_follows_where_it_is_guaranteed(integrator: User, senior: User, admin: User) -> None:
    _campaign(integrator, senior)
    _guarantee(admin)
    case = _member(integrator, 10)
    decision = Decision.objects.get(case=case)
    assert (case.status, decision.kind, decision.policies, decision.actions) == (
        "decided",
        "automated",
        ["spam"],
        ["remove"],
    )
    assert decision.judgement is not None
    assert decision.judgement.evidence.revision == case.content.current_revision
    assert case.reports.get().outcome == "upheld"
    assert not Label.objects.exists()


@pytest.mark.usefixtures("nothing_held_out")
@pytest.mark.parametrize("doubt", ["unasked", "no guarantee", "language", "legal notice", "protected", "undone"])
def test_people_decide_what_may_not_follow(integrator: User, senior: User, admin: User, doubt: str) -> None:
    batch = _campaign(integrator, senior, follows=doubt != "unasked")
    if doubt != "no guarantee":
        _guarantee(admin)
    if doubt == "undone":
        batches.undo(batch_id=batch.pk, acting_user=senior)
    if doubt == "protected":
        seen = _member(integrator, 50, language="de", author="protected")
        assert seen.content.author is not None
        ProtectedAccount.objects.create(account=seen.content.author)
    fields = {
        "language": {"language": "de"},
        "legal notice": {"source": "legal_notice"},
        "protected": {"author": "protected"},
    }.get(doubt, {})
    case = _member(integrator, 10, **fields)
    assert case.status == "open"
    first = [part["name"] for part in case.priority_parts if part["points"] >= 500]
    assert first == ([] if doubt == "undone" else ["campaign"])


def test_a_random_share_is_left_to_people(integrator: User, senior: User, admin: User, settings: LazySettings) -> None:
    settings.AUTOMATION_HOLDOUT = 1.0
    _campaign(integrator, senior)
    _guarantee(admin)
    assert _member(integrator, 10).status == "open"


@pytest.mark.usefixtures("nothing_held_out")
def test_one_overturned_follower_ends_it(integrator: User, senior: User, admin: User) -> None:
    _campaign(integrator, senior)
    _guarantee(admin)
    follower = _member(integrator, 10)
    decision = Decision.objects.get(case=follower)
    decisions.override(decision_id=decision.pk, opinion=Opinion("ok"), acting_user=senior)
    assert _member(integrator, 11).status == "open"


@pytest.mark.usefixtures("nothing_held_out")
def test_every_policy_of_the_decision_must_be_guaranteed(integrator: User, senior: User, admin: User) -> None:
    _campaign(integrator, senior, policies=["spam", "hate"])
    _guarantee(admin)
    assert _member(integrator, 10).status == "open"


@pytest.mark.usefixtures("nothing_held_out")
def test_a_text_that_has_drifted_from_what_was_decided_is_for_people(
    integrator: User, senior: User, admin: User
) -> None:
    batch = _campaign(integrator, senior)
    _guarantee(admin)
    group = batch.group
    far = factories.content(
        f"{factories.SPAM} and quite another matter besides: " * 3, sent_by=integrator, language="en"
    )
    assert far.current_revision is not None
    far.current_revision.group = group
    far.current_revision.save()
    factories.score_all()
    case = Case.objects.filter(content=far).first()
    assert case is not None
    assert case.status == "open"
