"""Home, queue, account and one's decisions in a real browser: by keyboard, on a phone, page by page."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from moderation.models import Account, Case, Decision, User
from moderation.services import saved_views
from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def cases(integrator: User) -> list[Case]:
    """Three insults of one author."""
    return [factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator, author="rude") for n in range(3)]


def test_a_kept_view_is_a_step_from_the_start(
    page: Page, live_server: LiveServer, moderator: User, cases: list[Case]
) -> None:
    saved_views.save(name="Insults", query="idiot is:open", acting_user=moderator)
    page.goto(f"{live_server.url}/")
    page.get_by_role("link", name="Insults").click()
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)


def test_a_queue_is_walked_by_keyboard_and_leads_to_its_whole_list(
    page: Page, live_server: LiveServer, cases: list[Case]
) -> None:
    page.goto(live_server.url + reverse("queue", args=[cases[0].queue.slug]))
    page.keyboard.press("j")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("/")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    field.press("End")
    field.type("idiot")
    field.press("Enter")
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)
    page.go_back()
    page.get_by_role("link", name="Everything open").click()
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)


def test_an_undo_counts_its_window_down_and_works(
    page: Page, live_server: LiveServer, moderator: User, cases: list[Case], settings: Settings
) -> None:
    settings.UNDO_SECONDS = 60
    factories.decide(factories.claim(cases[0], moderator), moderator)
    page.goto(f"{live_server.url}/decisions/")
    left = page.locator("[data-undo-left]")
    before = int(left.inner_text())
    expect(left).not_to_have_text(str(before))
    assert int(left.inner_text()) < before
    page.get_by_role("button", name="Undo (its effects still wait)").click()
    expect(page.locator("[data-review]")).to_be_visible()
    assert Decision.objects.filter(kind="undo").count() == 1


def test_an_undo_says_when_the_effects_are_out(
    page: Page, live_server: LiveServer, moderator: User, cases: list[Case], settings: Settings
) -> None:
    settings.UNDO_SECONDS = 3
    factories.decide(factories.claim(cases[0], moderator), moderator)
    page.goto(f"{live_server.url}/decisions/")
    expect(page.get_by_text("effects are out")).to_be_visible()
    expect(page.locator("[data-undo-left]")).to_have_count(0)


def test_an_account_shows_what_it_wrote_and_whom_it_has_to_do_with(
    page: Page, live_server: LiveServer, integrator: User, cases: list[Case]
) -> None:
    factories.case(f"{factories.ABUSIVE} 3", sent_by=integrator, author="ruder")
    page.goto(live_server.url + reverse("account", args=[Account.objects.get(external_id="rude").pk]))
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)
    expect(page.get_by_role("img", name="Contents by the hour")).to_be_visible()
    page.get_by_role("link", name="ruder").click()
    expect(page.get_by_role("heading", name="ruder")).to_be_visible()


@pytest.mark.parametrize("address", ["/", "/review/abuse/", "/decisions/", "/accounts/{account}/"])
def test_a_phone_shows_all_of_it(
    address: str, page: Page, live_server: LiveServer, moderator: User, cases: list[Case]
) -> None:
    factories.decide(factories.claim(cases[0], moderator), moderator)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(live_server.url + address.format(account=cases[0].content.author_id))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
