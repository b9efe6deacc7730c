"""Accessible to all: axe-core, a phone's width, the whole navigation, texts from right to left."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import User
from tests import factories

pytestmark = pytest.mark.browser

STANDARD = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
ARABIC = "هذا نص من اليمين إلى اليسار"


@pytest.fixture
def moderator(transactional_db: None) -> User:
    """An administrator: who is logged in here, and may open every page."""
    factories.installation()
    return factories.user("admin", role="admin")


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]} {node['any'][:1]}" for rule in found for node in rule["nodes"]]


def _opened(page: Page, address: str, theme: str, width: int = 1280) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200, address


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_login_is_clean_and_fits_a_phone(
    theme: str, page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    context.clear_cookies()
    _opened(page, f"{live_server.url}/login/", theme, width=390)
    assert _violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1280, 1024])
def test_the_navigation_shows_all_its_entries(width: int, page: Page, live_server: LiveServer) -> None:
    _opened(page, f"{live_server.url}/help/", "light", width=width)
    nav = page.get_by_role("navigation", name="Main")
    assert nav.evaluate("(nav) => nav.scrollWidth - nav.clientWidth") <= 0


def test_a_text_from_right_to_left_is_shown_so_with_its_language(
    page: Page, live_server: LiveServer, integrator: User
) -> None:
    case = factories.case(ARABIC, sent_by=integrator, language="ar")
    page.goto(live_server.url + reverse("case", args=[case.pk]))
    text = page.locator(".message-text", has_text=ARABIC)
    expect(text).to_have_attribute("lang", "ar")
    expect(text).to_have_css("direction", "rtl")
