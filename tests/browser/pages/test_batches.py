"""Many cases decided as one, in a real browser: by score, by campaign, by account; takeover and reservation."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import Account, Batch, Case, Decision, Evidence, Review, User
from moderation.services import batches, claims
from tests import factories

pytestmark = pytest.mark.browser
WAVE = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "


@pytest.fixture
def lead(page: Page, context: BrowserContext, live_server: LiveServer) -> User:
    """A senior moderator, logged in instead of the moderator."""
    person = factories.user("lead", role="senior")
    client = Client()
    client.force_login(person)
    context.clear_cookies()
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key or "", "url": live_server.url}]
    )
    return person


@pytest.fixture
def spam(integrator: User) -> list[Case]:
    """Four cases the model is sure are spam."""
    return [factories.case(f"{factories.SPAM} {n}", sent_by=integrator, author="spammer") for n in range(4)]


def test_a_range_is_dragged_looked_at_decided_and_undone(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/batches/score/?policy=spam&score_from=0&score_to=0.1")
    expect(page.get_by_text("Nothing waits in this range")).to_be_visible()
    box = page.locator("[data-histogram]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 20)
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 20)
    page.mouse.up()
    expect(page.get_by_role("heading", name="Decide 4 cases as one")).to_be_visible()
    expect(page).to_have_url(re.compile(r"score_from=0\.3"))
    page.locator(".batch-row", has_text=f"Case {spam[0].pk}").get_by_label("Pull out").check()
    expect(page.get_by_role("button", name="Decide 4 cases less 1")).to_be_visible()
    page.locator("form#batch").get_by_label("Spam and scams", exact=True).check()
    page.locator("form#batch").get_by_label("Remove content", exact=True).check()
    expect(page.locator("input[name=verdict][value=violates]")).to_be_checked()
    page.get_by_role("button", name="Decide 4 cases").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Decided")
    batch = Batch.objects.get()
    assert (batch.sample_count, batch.made_by, batch.policies) == (3, lead, ["spam"])
    assert set(Case.objects.filter(status="open")) == {spam[0]}
    page.get_by_role("button", name="Undo all of it").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Undone")
    assert Case.objects.filter(status="open").count() == 4


def test_a_range_is_picked_by_keyboard(page: Page, live_server: LiveServer, lead: User, spam: list[Case]) -> None:
    page.goto(f"{live_server.url}/batches/score/?policy=spam&score_from=0.98&score_to=1")
    low = page.locator("[data-range] input[name=score_from]")
    low.focus()
    low.press("Home")
    expect(page.get_by_role("heading", name="Decide 4 cases as one")).to_be_visible()
    expect(low).to_be_focused()
    expect(page.locator("[data-range-low]")).to_have_text("0.00")


def test_another_policy_shows_its_own_histogram(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/batches/score/?policy=spam&score_from=0&score_to=1")
    page.locator("select[name=policy]").select_option("violence")
    expect(page.get_by_text("Nothing waits in this range")).to_be_visible()
    expect(page.locator("[data-histogram]")).to_have_attribute("aria-label", re.compile("^0 waiting"))


def test_a_campaign_is_decided_with_an_exception_pulled_out(
    page: Page, live_server: LiveServer, lead: User, integrator: User
) -> None:
    cases = [factories.case(f"{WAVE}{n}", sent_by=integrator, author=f"a{n}") for n in range(4)]
    page.goto(f"{live_server.url}/batches/")
    page.locator("table", has_text="free gems").first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="the least alike first")).to_be_visible()
    page.wait_for_load_state("load")
    page.locator(".batch-row", has_text=f"Case {cases[1].pk}").get_by_label("Pull out").check()
    page.locator("form#batch").get_by_label("Spam and scams", exact=True).check()
    page.get_by_label("New members take this decision").check()
    page.get_by_role("button", name="Decide 4 cases less 1").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Decided")
    assert Batch.objects.get().follows
    assert set(Case.objects.filter(status="open")) == {cases[1]}
    page.get_by_role("link", name="Campaign").click()
    expect(page.get_by_text("Decided before:")).to_be_visible()


def test_an_account_is_swept_from_its_page(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case], moderator: User
) -> None:
    claims.claim_case(case=spam[0], acting_user=moderator)
    account = Account.objects.get(external_id="spammer")
    page.goto(live_server.url + reverse("account", args=[account.pk]))
    page.get_by_role("link", name="Decide everything open").click()
    expect(page.get_by_text("Open, but not part of the sweep")).to_contain_text(f"case {spam[0].pk}")
    page.locator("form#batch").get_by_label("No violation", exact=True).check()
    page.get_by_role("button", name="Decide 3 cases").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Decided")
    assert set(Decision.objects.values_list("case", flat=True)) == {case.pk for case in spam[1:]}


def test_progress_of_a_large_batch_is_followed(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case], settings: object
) -> None:
    settings.BATCH_AT_ONCE = 1  # type: ignore[attr-defined]
    page.goto(f"{live_server.url}/batches/score/?policy=spam&score_from=0.3&score_to=1")
    page.locator("form#batch").get_by_label("Spam and scams", exact=True).check()
    page.get_by_role("button", name="Decide 4 cases").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Being decided")
    batches.go_on(limit=2)
    expect(page.locator("progress")).to_have_attribute("value", "2")
    page.get_by_role("button", name="Stop here").click()
    expect(page.get_by_role("heading", name="Batch")).to_contain_text("Stopped halfway")
    expect(page.get_by_text("stopped before its turn").first).to_be_visible()


def test_a_batch_without_a_policy_is_told_what_is_missing(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/batches/score/?policy=spam&score_from=0.3&score_to=1")
    page.locator("form#batch").get_by_label("Violates", exact=True).check()
    page.get_by_role("button", name="Decide 4 cases").click()
    expect(page.locator("#toasts")).to_contain_text("Name at least one policy")
    expect(page.get_by_role("heading", name="Decide 4 cases as one")).to_be_visible()
    assert not Batch.objects.exists()


def test_a_lead_takes_a_case_over_from_its_page(
    page: Page, live_server: LiveServer, lead: User, spam: list[Case], moderator: User
) -> None:
    claims.claim_case(case=spam[0], acting_user=moderator)
    page.goto(f"{live_server.url}/cases/{spam[0].pk}/")
    expect(page.get_by_text("moderator is reviewing it")).to_be_visible()
    page.get_by_role("button", name="Take it over").click()
    expect(page.locator("[data-review]")).to_be_visible()
    assert Review.objects.get(case=spam[0]).reviewer == lead


def test_the_next_case_is_reserved_and_given_back_on_leaving(
    page: Page, live_server: LiveServer, moderator: User, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/review/{spam[0].queue.slug}/")
    with page.expect_response(lambda response: response.url.endswith("/reserve/")) as reserved:
        page.keyboard.press("Enter")
        expect(page.locator("[data-review]")).to_be_visible()
    assert reserved.value.status == 204
    kept = Review.objects.get(reserved=True)
    assert not Evidence.objects.filter(case=kept.case_id).exists()
    page.locator(".brand").click()
    expect(page.get_by_role("heading", name="Queues")).to_be_visible()
    expect(page.get_by_text("You hold case")).to_have_count(1)
    for _ in range(50):
        if not Review.objects.filter(reserved=True).exists():
            break
        page.wait_for_timeout(100)
    assert not Review.objects.filter(reserved=True).exists()


def test_why_a_case_is_first_is_told_in_words(
    page: Page, live_server: LiveServer, moderator: User, spam: list[Case]
) -> None:
    page.goto(f"{live_server.url}/review/{spam[0].queue.slug}/")
    page.keyboard.press("Enter")
    page.locator("summary", has_text="Priority").click()
    expect(page.locator(".why-first")).to_contain_text("Spam and scams (severity 1)")
    expect(page.locator(".popover-body", has_text="Why is this first?")).to_contain_text("Waiting 0 min of the")
