"""The public page behind the signed link, and the seniors' pages."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from moderation.models import Appeal, Decision, Policy, User
from moderation.services import appeal_links, appeals, decisions
from tests import factories


@pytest.fixture
def decision(integrator: User, moderator: User) -> Decision:
    """Something removed as hate, with a note of the moderator's."""
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    made = factories.decide(claim, moderator, policies=["hate"], actions=["remove"], rationale="a private note")
    assert isinstance(made, Decision)
    return made


@pytest.fixture
def link(decision: Decision) -> str:
    """The link as the platform was told it."""
    found = appeal_links.link(decision)
    assert found is not None
    return found


@pytest.fixture
def stranger() -> Client:
    """Nobody we know, in a browser that checks as a real one is checked."""
    return Client(enforce_csrf_checks=True)


def test_opening_the_link_shows_the_decision_and_changes_nothing(stranger: Client, link: str) -> None:
    for _ in range(2):
        answer = stranger.get(link)
        assert answer.status_code == 200
        assert factories.ABUSIVE in answer.text
        assert "Hate" in answer.text
    assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
    assert "moderator" not in answer.text
    assert "private note" not in answer.text
    assert not Appeal.objects.exists()


def test_the_post_is_single_use(stranger: Client, link: str, decision: Decision) -> None:
    assert stranger.post(link, {"statement": "It was a joke."}).status_code == 302
    assert "has been received" in stranger.get(link).text
    again = stranger.post(link, {"statement": "Again."})
    assert (again.status_code, again["Cache-Control"]) == (409, "no-store")
    appeal = Appeal.objects.get()
    assert (appeal.decision, appeal.statement) == (decision, "It was a joke.")
    assert appeal.appellant == decision.case.content.author


def test_an_empty_statement_is_asked_for(stranger: Client, link: str) -> None:
    for sent in ("  ", "x" * 2001):
        answer = stranger.post(link, {"statement": sent})
        assert answer.status_code == 400
        assert 'aria-invalid="true"' in answer.text
    assert not Appeal.objects.exists()


def test_tampered_and_expired_links_are_refused(stranger: Client, link: str, decision: Decision) -> None:
    past = f"/appeal/{appeal_links.token(decision.pk, until=int(timezone.now().timestamp()) - 1)}/"
    for path, status in ((link[:-3] + "/", 404), ("/appeal/nonsense/", 404), (past, 409)):
        for answer in (stranger.get(path), stranger.post(path, {"statement": "x"})):
            assert answer.status_code == status
            assert (answer["Referrer-Policy"], answer["Cache-Control"]) == ("no-referrer", "no-store")
            assert factories.ABUSIVE not in answer.text
    assert not Appeal.objects.exists()


def test_a_window_that_was_shortened_holds_for_links_already_sent(stranger: Client, link: str) -> None:
    Policy.objects.update(appeal_days=0)
    assert stranger.post(link, {"statement": "x"}).status_code == 409


def test_visits_are_limited_by_address(stranger: Client, link: str, settings: Settings) -> None:
    settings.PUBLIC_PAGE_RATE_PER_MINUTE = 0
    assert stranger.get(link).status_code == 429
    assert stranger.post(link, {"statement": "x"}).status_code == 429
    assert not Appeal.objects.exists()


def test_an_erased_text_is_not_shown(stranger: Client, link: str, decision: Decision) -> None:
    assert decision.judgement is not None
    decision.case.content.revisions.update(text="", erased_at=timezone.now())
    assert "has been erased" in stranger.get(link).text


@pytest.fixture
def appeal(decision: Decision) -> Appeal:
    """The removal, contested."""
    return appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="It was a joke.", acting_user=None)


def test_a_senior_sees_the_appeal_but_not_who_decided(
    sign_in: Callable[[User], Client], senior: User, appeal: Appeal
) -> None:
    browser = sign_in(senior)
    for path in ("/appeals/", f"/appeals/{appeal.pk}/"):
        answer = browser.get(path)
        assert "It was a joke." in answer.text
        assert "private note" not in answer.text
        assert ">moderator<" not in answer.text
    assert factories.ABUSIVE in answer.text


@pytest.mark.parametrize(
    ("sent", "status", "state"),
    [
        ({"verdict": "uphold", "rationale": "It is hate."}, 302, "upheld"),
        ({"verdict": "ok", "rationale": "It was a joke."}, 302, "overturned"),
        ({"verdict": "violates", "policies": ["spam"], "rationale": "Spam."}, 302, "overturned"),
        ({"verdict": "violates", "policies": ["hate"], "actions": ["remove"], "rationale": "Same."}, 400, "open"),
        ({"verdict": "violates", "rationale": "Of what?"}, 400, "open"),
        ({"verdict": "uphold"}, 400, "open"),
        ({"rationale": "Well."}, 400, "open"),
    ],
)
def test_an_appeal_is_upheld_overturned_or_changed(
    sent: dict[str, object],
    status: int,
    state: str,
    sign_in: Callable[[User], Client],
    senior: User,
    appeal: Appeal,
    link: str,
) -> None:
    browser = sign_in(senior)
    answer = browser.post(f"/appeals/{appeal.pk}/", sent)
    appeal.refresh_from_db()
    assert (answer.status_code, appeal.state) == (status, state)
    if state == "upheld":
        assert "upheld the decision" in Client().get(link).text
    if state == "overturned":
        assert "successful" in Client().get(link).text
    if state != "open":
        assert "Time to resolution" in browser.get("/appeals/").text


def test_who_decided_first_is_told_that_someone_else_decides(
    sign_in: Callable[[User], Client], senior: User, admin: User, decision: Decision
) -> None:
    second = decisions.override(decision_id=decision.pk, opinion=decisions.Opinion("ok"), acting_user=senior)
    contested = appeals.open_appeal(decision_id=second.pk, appellant=None, statement="no", acting_user=None)
    assert "someone else decides" in sign_in(senior).get(f"/appeals/{contested.pk}/").text
    assert sign_in(senior).post(f"/appeals/{contested.pk}/", {"verdict": "uphold", "rationale": "x"}).status_code == 403
    assert "someone else decides" not in sign_in(admin).get(f"/appeals/{contested.pk}/").text
