"""Search in a real browser: by keyboard, what is wrong, what is kept, what is picked."""

import re

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import Batch, Case, SavedView, User
from moderation.selectors import search
from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def spam(integrator: User) -> list[Case]:
    """Three cases about prizes."""
    return [factories.case(f"{factories.SPAM} {n}", sent_by=integrator, author="seller") for n in range(3)]


def test_a_case_is_found_and_opened_by_keyboard(page: Page, live_server: LiveServer, spam: list[Case]) -> None:
    page.goto(f"{live_server.url}/")
    page.keyboard.press("/")
    expect(page.get_by_role("heading", name="Search")).to_be_visible()
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    field.fill("prize is:open")
    field.press("Enter")
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)
    expect(page.locator("mark").first).to_have_text("prize")
    page.wait_for_load_state()  # keys come with the scripts
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("[data-row]").nth(0)).to_be_focused()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/cases/{spam[2].pk}/")


def test_a_slip_is_shown_where_it_is_and_mended_there(page: Page, live_server: LiveServer, spam: list[Case]) -> None:
    page.goto(f"{live_server.url}/search/?q=prize+polcy:spam")
    expect(page.get_by_role("alert")).to_contain_text("did you mean “policy”")
    expect(page.locator(".at-fault mark")).to_have_text("polcy:")
    field = page.get_by_role("searchbox")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("prize policy:spam")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)


def test_a_view_is_kept_reached_from_another_tab_and_forgotten(
    page: Page, context: BrowserContext, live_server: LiveServer, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/search/?q=prize")
    page.get_by_text("Keep this view").click()
    page.get_by_label("Name").fill("Prizes")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Kept as “Prizes”")
    other = context.new_page()
    other.goto(f"{live_server.url}/search/")
    other.get_by_role("link", name="Prizes").click()
    expect(other.locator("[data-list] [data-row]")).to_have_count(3)
    other.get_by_role("button", name="Delete the view Prizes").click()
    expect(other.get_by_role("link", name="Prizes")).to_have_count(0)
    assert not SavedView.objects.exists()
    page.get_by_role("button", name="Delete the view Prizes").click()
    expect(page.get_by_role("status")).to_contain_text("There is no such view")


def test_pages_follow_each_other(
    page: Page, live_server: LiveServer, spam: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(search.cases.__kwdefaults__, "size", 2)
    page.goto(f"{live_server.url}/search/?q=prize")
    expect(page.locator("[data-list] [data-row]")).to_have_count(2)
    for _ in range(3):
        page.keyboard.press("j")
    expect(page.get_by_role("link", name="Next page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-list] [data-row]")).to_have_count(1)
    page.get_by_role("link", name="To the first page").click()
    expect(page.locator("[data-list] [data-row]")).to_have_count(2)


def test_cases_are_picked_by_keyboard_decided_as_one_and_undone(
    page: Page, context: BrowserContext, live_server: LiveServer, spam: list[Case]
) -> None:
    client = Client()
    client.force_login(factories.user("lead", role="senior"))
    context.clear_cookies()
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key or "", "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/search/?q=prize")
    expect(page.get_by_role("button", name="Decide as one")).to_be_hidden()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("[data-pick-count]")).to_have_text("2")
    page.keyboard.press("b")
    expect(page.get_by_role("heading", name="Decide 2 cases as one")).to_be_visible()
    page.locator("form#batch").get_by_label("No violation", exact=True).check()
    page.get_by_role("button", name="Decide 2 cases").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Decided")
    assert set(Batch.objects.get().cases.values_list("case", flat=True)) == {spam[2].pk, spam[1].pk}
    page.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Undone")
    assert Case.objects.filter(status="open").count() == 3


def test_a_phone_shows_all_of_it(page: Page, live_server: LiveServer, spam: list[Case]) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{live_server.url}/search/?q=prize")
    expect(page.locator("[data-list] [data-row]")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page).to_have_title(re.compile("prize"))
