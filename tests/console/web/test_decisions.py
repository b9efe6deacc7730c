"""What one decided."""

from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from console.web.views.decisions import PAGE_SIZE
from moderation.models import User
from moderation.services import decisions
from tests import factories


def test_it_lists_ones_own_decisions_only(
    browser_of_moderator: Client, moderator: User, colleague: User, integrator: User
) -> None:
    mine = factories.case(sent_by=integrator)
    theirs = factories.case(f"{factories.ABUSIVE} too", sent_by=integrator)
    own = factories.decide(factories.claim(mine, moderator), moderator)
    factories.decide(factories.claim(theirs, colleague), colleague)
    page = browser_of_moderator.get(reverse("decisions")).content.decode()
    assert reverse("case", args=[mine.pk]) in page
    assert reverse("case", args=[theirs.pk]) not in page
    assert reverse("undo", args=[own.pk]) in page


def test_what_was_replaced_offers_no_undo(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    decision = factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    page = browser_of_moderator.get(reverse("decisions")).content.decode()
    assert reverse("undo", args=[decision.pk]) not in page


def test_many_decisions_come_in_pages(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    cases = [factories.case(f"message number {n} of many", sent_by=integrator) for n in range(PAGE_SIZE + 1)]
    for case in cases:
        factories.decide(factories.claim(case, moderator), moderator, "ok")
    answer = browser_of_moderator.get(reverse("decisions"))
    first = answer.content.decode()
    second = browser_of_moderator.get(reverse("decisions"), {"after": answer.context["next"]}).content.decode()
    assert "Next page" in first
    assert "Next page" not in second
    assert f'href="{reverse("case", args=[cases[0].pk])}"' not in first
    assert f'href="{reverse("case", args=[cases[0].pk])}"' in second


def test_somebody_elses_decision_cannot_be_undone(
    browser_of_moderator: Client, colleague: User, integrator: User
) -> None:
    decision = factories.decide(factories.claim(factories.case(sent_by=integrator), colleague), colleague)
    browser_of_moderator.post(reverse("undo", args=[decision.pk]))
    decision.refresh_from_db()
    assert not hasattr(decision, "superseded_by")


def test_nothing_decided_is_said(browser_of_moderator: Client) -> None:
    assert b"Nothing decided yet" in browser_of_moderator.get(reverse("decisions")).content


def test_a_cursor_of_no_list_is_refused(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.get(reverse("decisions"), {"after": "2"}).status_code == 400


def test_it_says_while_the_effects_of_a_decision_still_wait(
    browser_of_moderator: Client, moderator: User, integrator: User, settings: Settings
) -> None:
    for seconds, words in ((60, "its effects still wait"), (0, "its effects are reversed")):
        settings.UNDO_SECONDS = seconds
        case = factories.case(f"{factories.ABUSIVE} {seconds}", sent_by=integrator)
        factories.decide(factories.claim(case, moderator), moderator)
        assert words in browser_of_moderator.get(reverse("decisions")).content.decode()
