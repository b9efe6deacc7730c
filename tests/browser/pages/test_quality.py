"""Quality in a real browser: double review, adjudication, golden feedback, blind first, approvals, taking back."""

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.enums import ReviewKind
from moderation.models import Case, Decision, Escalation, Hold, Judgement, ProtectedAccount, Review, User
from moderation.services import measuring
from tests import factories
from tests.browser.pages.test_review import case_on, next_case

pytestmark = pytest.mark.browser

Opener = Callable[[User], Page]


@pytest.fixture
def senior(moderator: User) -> User:
    """A senior."""
    return factories.user("senior", role="senior")


@pytest.fixture
def open_as(page: Page, live_server: LiveServer) -> Iterator[Opener]:
    """Opens a browser in which someone else is logged in."""
    contexts: list[BrowserContext] = []

    def opened(person: User) -> Page:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        assert page.context.browser is not None
        context = page.context.browser.new_context(base_url=live_server.url)
        contexts.append(context)
        session = client.session.session_key or ""
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def _start(page: Page, live_server: LiveServer, case: Case) -> None:
    page.goto(f"{live_server.url}/review/{case.queue.slug}/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-review]")).to_be_visible()
    page.wait_for_load_state("load")


def test_a_double_review_and_its_adjudication(
    page: Page, live_server: LiveServer, integrator: User, senior: User, open_as: Opener
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    _start(page, live_server, case)
    page.keyboard.press("1")
    page.keyboard.press("n")
    page.keyboard.type("aimed at someone")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("A second reviewer judges the case too")
    expect(page.get_by_text("Nothing left for you here")).to_be_visible()
    assert not Decision.objects.exists()

    colleague = factories.user("colleague")
    other = open_as(colleague)
    _start(other, live_server, case)
    assert "aimed at someone" not in other.content()
    other.keyboard.press("o")
    other.keyboard.press("Enter")
    expect(other.locator("#toasts")).to_contain_text("A second reviewer judges")
    assert Review.objects.filter(kind=ReviewKind.ADJUDICATION).count() == 1

    third = open_as(senior)
    third.goto(f"{live_server.url}/adjudications/")
    expect(third.get_by_text("aimed at someone")).to_be_visible()
    expect(third.get_by_text("colleague")).to_be_visible()
    third.keyboard.press("Enter")
    expect(third.get_by_role("heading", name="They disagree")).to_be_visible()
    third.wait_for_load_state("load")
    third.keyboard.press("o")
    third.keyboard.press("Enter")
    expect(third.locator("#toasts")).to_contain_text("No violation")
    assert Decision.objects.get().verdict == "ok"


def test_a_judgement_that_waits_is_taken_back_by_one_key(page: Page, live_server: LiveServer, integrator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.case(f"{factories.BENIGN} too", sent_by=integrator)
    factories.plan(double_rate=1)
    _start(page, live_server, case)
    first = case_on(page)
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    next_case(page, first)
    page.keyboard.press("u")
    expect(page.locator(f'[data-review][data-case="{first}"]')).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Undone")


def test_a_golden_case_is_answered_for(page: Page, live_server: LiveServer, integrator: User, senior: User) -> None:
    factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    factories.plan(golden_rate=1)
    case = factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    Review.objects.filter(kind=ReviewKind.GOLDEN).update(priority=10**6)
    _start(page, live_server, case)
    golden = case_on(page)
    assert golden != case.pk
    assert "golden" not in page.inner_text("body").lower()
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    next_case(page, golden)
    expect(page.locator("#toasts")).to_contain_text("You missed it; the known answer is: Harassment")
    assert Judgement.objects.get(review__case_id=golden).verdict == "ok"
    page.goto(f"{live_server.url}/quality/")
    expect(page.get_by_role("link", name=f"Case {golden}")).to_be_visible()


def test_blind_first_then_with_the_models_opinion(page: Page, live_server: LiveServer, integrator: User) -> None:
    factories.plan(blind_rate=1)
    case = factories.case(sent_by=integrator)
    _start(page, live_server, case)
    expect(page.get_by_text("stays hidden until you have judged")).to_be_visible()
    expect(page.locator(".hl")).to_have_count(0)
    expect(page.locator(".meter")).to_have_count(0)
    page.keyboard.press("m")
    expect(page.locator("[data-text]")).to_contain_text("worthless")
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Now with the model’s opinion")).to_be_visible()
    expect(page.locator("input[value=ok]")).to_be_checked()
    expect(page.locator(".hl").first).to_be_visible()
    assert not Decision.objects.exists()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("All done here")).to_be_visible()
    assert [row.verdict for row in Judgement.objects.order_by("pk")] == ["ok", "violates"]
    assert Decision.objects.get().policies == ["harassment"]


def test_a_held_decision_is_approved_and_another_sent_back(
    page: Page, live_server: LiveServer, integrator: User, senior: User, open_as: Opener
) -> None:
    cases = [factories.case(f"{factories.BENIGN} {n}", sent_by=integrator) for n in range(2)]
    ProtectedAccount.objects.create(account=cases[0].content.author)
    _start(page, live_server, cases[0])
    first = case_on(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    second = next_case(page, first)
    expect(page.locator("#toasts")).to_contain_text("A second person must approve it")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("All done here")).to_be_visible()
    assert not Decision.objects.exists()
    other = open_as(senior)
    other.goto(f"{live_server.url}/approvals/")
    other.get_by_role("button", name="Approve").first.click()
    expect(other.locator("#toasts")).to_contain_text(f"case {first} binds")
    other.get_by_placeholder("Why it is sent back").fill("Look again.")
    other.keyboard.press("Enter")
    expect(other.locator("#toasts")).to_contain_text(f"case {second} waits for someone else")
    expect(other.get_by_text("Nothing waits for approval")).to_be_visible()
    assert [hold.state for hold in Hold.objects.order_by("pk")] == ["approved", "rejected"]
    assert Decision.objects.get().case_id == first


def test_an_escalation_carries_the_rationale_and_one_key_takes_it_back(
    page: Page, live_server: LiveServer, integrator: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.case(f"{factories.BENIGN} too", sent_by=integrator)
    _start(page, live_server, case)
    first = case_on(page)
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    second = next_case(page, first)
    page.keyboard.press("n")
    page.keyboard.type("is this a threat?")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("#toasts")).to_contain_text("Escalated to “Escalations”")
    assert Escalation.objects.get().note == "is this a threat?"
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(f'[data-review][data-case="{second}"]')).to_be_visible()
    assert Decision.objects.count() == 1


def test_going_against_the_last_five_like_it_is_confirmed(
    page: Page, live_server: LiveServer, integrator: User, moderator: User
) -> None:
    for n in range(5):
        case = factories.case(f"{factories.ABUSIVE}, number {n}", sent_by=integrator)
        factories.decide(factories.claim(case, moderator), moderator)
    case = factories.case(f"{factories.ABUSIVE}, number 9", sent_by=integrator)
    _start(page, live_server, case)
    expect(page.get_by_role("heading", name="Decided before")).to_be_visible()
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    expect(page.locator("[data-decision-hint]")).to_contain_text("The last 5 cases like this one")
    assert Decision.objects.count() == 5
    page.keyboard.press("Enter")
    expect(page.get_by_text("All done here")).to_be_visible()
    assert Decision.objects.get(case=case).verdict == "ok"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_of_quality_scrolls_sideways(
    width: int, page: Page, live_server: LiveServer, integrator: User, moderator: User, senior: User, open_as: Opener
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    for verdict in ("ok", "violates"):
        person = factories.user(verdict)
        factories.judge(factories.claim(case, person), person, verdict, rationale="because " * 20)
    factories.plan(double_rate=0, hold_from_severity=1)
    held = factories.case(factories.BENIGN, sent_by=integrator)
    factories.judge(factories.claim(held, moderator), moderator, rationale="word" * 60)
    measuring.measure()
    other = open_as(senior)
    other.set_viewport_size({"width": width, "height": 844})
    for path in ("approvals/", "adjudications/", "quality/", "insights/"):
        other.goto(f"{live_server.url}/{path}")
        assert other.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
