"""Every page in a real browser: clean for axe-core in light and dark, and no wider than a phone."""

import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from console.web.urls import urlpatterns
from moderation.enums import RuleState
from moderation.models import Decision, ModelVersion, User, WebhookEndpoint
from moderation.services import appeal_links, appeals
from tests import factories
from tests.console.routes import filled

pytestmark = pytest.mark.browser

STANDARD = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}
ARABIC = "هذا نص من اليمين إلى اليسار"

WALKED = [
    "home",
    "review_case",
    "queue",
    "case",
    "decisions",
    "holds",
    "adjudications",
    "quality",
    "insights",
    "account",
    "batches",
    "batch_by_score",
    "campaigns",
    "sweep",
    "models",
    "model",
    "model_words",
    "rules",
    "new_rule",
    "rule",
    "edit_rule",
    "banks",
    "bank",
    "bank_entry",
    "webhooks",
    "webhook",
    "deliveries",
    "search",
    "help",
    "appeal",
    "appeals",
    "decide_appeal",
    "wellbeing",
]

EXCUSED = {
    "login": "walked by its own test: who is logged in is sent on",
    "counts": "a fragment of the start page",
    "campaign": "the rows and form of batch_by_score around another heading",
    "picked": "the rows and form of batch_by_score; answers a selection",
    "batch": "exists after a decision of many; test_batches looks at it",
    "backtest": "exists after a worker's run; test_rules looks at it",
    "review_change": "a fragment of the review page",
    "delivery": "exists after a worker's delivery",
}


@pytest.fixture
def moderator(transactional_db: None) -> User:
    """An administrator: who is logged in here, and may open every page."""
    factories.installation()
    return factories.user("admin", role="admin")


@pytest.fixture
def known(moderator: User, integrator: User) -> dict[str, object]:
    """What the parameters of routes stand for: one case under review and one decided, a rule, an entry of a bank."""
    open_case, decided = (factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator, author="rude") for n in "12")
    factories.decide(factories.claim(decided, moderator), moderator)
    factories.claim(open_case, moderator)
    entry = factories.bank_entry("text", "a text that is known", by=moderator)
    decision = Decision.objects.get()
    appeal = appeals.open_appeal(decision_id=decision.pk, appellant=None, statement="It was a joke.", acting_user=None)
    live = factories.rule(queue=open_case.queue)
    return {
        "case_id": open_case.pk,
        "account_id": open_case.content.author_id,
        "rule_id": live.pk,
        "draft_id": factories.rule(queue=open_case.queue, state=RuleState.DRAFT).pk,
        "appeal_id": appeal.pk,
        "token": appeal_links.token(decision.pk, until=int(time.time()) + 3600),
        "entry_id": entry.pk,
        "endpoint_id": WebhookEndpoint.objects.create(url="https://platform.test/hook", secret="whsec_dGVzdA==").pk,
        "slug": open_case.queue.slug,
        "number": ModelVersion.objects.latest("pk").number,
    }


def _violations(page: Page) -> list[str]:
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]} {node['any'][:1]}" for rule in found for node in rule["nodes"]]


def _opened(page: Page, address: str, theme: str, width: int = 1280) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200, address


def test_every_page_that_can_be_opened_is_walked_or_excused(moderator: User, client: Client) -> None:
    client.force_login(moderator, backend="django.contrib.auth.backends.ModelBackend")
    paths = {pattern.name: "/" + filled(str(pattern.pattern), number=1) for pattern in urlpatterns}
    assert {name for name, path in paths.items() if client.get(path).status_code != 405} == {*WALKED, *EXCUSED}


def test_every_page_is_clean_in_light_and_dark_and_fits_a_phone(
    page: Page, live_server: LiveServer, known: dict[str, object]
) -> None:
    patterns = {pattern.name: str(pattern.pattern) for pattern in urlpatterns}
    found = []
    for name in WALKED:
        values = known | {"bank": {"slug": "text"}, "edit_rule": {"rule_id": known["draft_id"]}}.get(name, {})
        address = f"{live_server.url}/" + filled(patterns[name], **{"number": 1, **values})
        for theme in ("light", "dark"):
            _opened(page, address, theme)
            found += [f"{name}, {theme}: {violation}" for violation in _violations(page)]
        page.set_viewport_size({"width": 390, "height": 800})
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 390:
            found.append(f"{name}: {width} px wide on a phone of 390")
    assert found == []


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
