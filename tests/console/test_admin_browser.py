"""The administration in a real browser: nothing on its pages breaks the content security policy."""

from collections.abc import Iterator

import pytest
from django.contrib import admin as django_admin
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import ApiKey, User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tab(browser: Browser, live_server: LiveServer, admin: User) -> Iterator[Page]:
    """An administrator's page in the machine's Chromium."""
    client = Client()
    client.force_login(admin)
    context = browser.new_context(base_url=live_server.url)
    cookies = [{"name": m.key, "value": m.value, "url": live_server.url} for m in client.cookies.values()]
    context.add_cookies(cookies)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def test_no_page_breaks_the_content_security_policy(tab: Page) -> None:
    complaints: list[str] = []
    # Browsers ask for an icon of their own accord.
    tab.on(
        "console",
        lambda said: (
            complaints.append(said.text) if said.type == "error" and "favicon" not in str(said.location) else None
        ),
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    for model in django_admin.site._registry:
        listed = reverse(f"admin:moderation_{model._meta.model_name}_changelist")
        tab.goto(listed)
        if tab.locator(".object-tools .addlink").count():
            tab.goto(listed + "add/")
    assert complaints == []


def test_a_wording_is_added_to_a_policy_by_hand(tab: Page) -> None:
    tab.goto(reverse("admin:moderation_policy_changelist"))
    tab.get_by_role("link", name="Spam and scams").click()
    tab.get_by_text("Add another Policy version").click()
    tab.locator("textarea[name$=guidance]:visible").fill("Other words.")
    tab.get_by_role("button", name="Save", exact=True).click()
    tab.locator("#result_list").get_by_role("link", name="Spam and scams").click()
    assert "Other words." in tab.locator("#versions-group").inner_text()


def test_reloading_the_page_of_a_new_key_makes_no_second_one(tab: Page, integrator: User) -> None:
    tab.goto(reverse("admin:moderation_apikey_add"))
    tab.get_by_label("User").select_option(str(integrator.pk))
    tab.get_by_label("Name").fill("feed")
    tab.locator("input[name=scopes]").first.check()
    tab.get_by_role("button", name="Save", exact=True).click()
    assert tab.locator("#secret").inner_text()
    tab.wait_for_load_state()
    tab.reload()
    assert tab.locator("#secret").count() == 0
    assert ApiKey.objects.count() == 1
