"""A session that ends under an open page."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.browser


def test_a_polling_page_goes_to_the_login(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    page.context.clear_cookies(name="evenhand_session")
    page.evaluate("htmx.trigger('#queues', 'htmx:abort'); htmx.ajax('GET', '/queues/counts/', '#queues')")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
