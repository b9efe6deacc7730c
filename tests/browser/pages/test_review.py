"""The review flow as a moderator drives it: by keyboard, in a real browser."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from moderation.models import Case, Decision, Label, PolicyPrediction, Review, ReviewSkip, User
from moderation.services import claims, intake
from tests import factories

pytestmark = pytest.mark.browser

SPANS = """() => [...document.querySelectorAll('[data-text] [data-start]')].map(
  (mark) => [Number(mark.dataset.start), Number(mark.dataset.end), mark.textContent])"""


@pytest.fixture
def cases(integrator: User) -> list[Case]:
    """Four reported cases of one queue."""
    return [factories.case(f"{factories.ABUSIVE} \U0001f621 {n}", sent_by=integrator) for n in range(4)]


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, cases: list[Case]) -> Page:
    """The first case is on the screen."""
    page.goto(f"{live_server.url}/review/{cases[0].queue.slug}/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-review]")).to_be_visible()
    page.wait_for_load_state("load")
    return page


def case_on(page: Page) -> int:
    """The case that is on the screen."""
    return int(page.locator("[data-review]").get_attribute("data-case") or "")


def next_case(page: Page, after: int) -> int:
    """Wait until another case is on the screen."""
    expect(page.locator(f'[data-review]:not([data-case="{after}"])')).to_be_visible()
    return case_on(page)


def test_decisions_by_keyboard_and_one_undone(at_work: Page) -> None:
    first = case_on(at_work)
    at_work.keyboard.press("o")
    at_work.keyboard.press("Enter")
    second = next_case(at_work, first)
    assert Decision.objects.get(case=first).verdict == "ok"
    at_work.keyboard.press("1")
    at_work.keyboard.press("w")
    at_work.keyboard.press("n")
    at_work.keyboard.type("an insult, 1 o r")
    at_work.keyboard.press("Control+Enter")
    next_case(at_work, second)
    decision = Decision.objects.get(case=second)
    assert (decision.policies, decision.actions) == (["harassment"], ["remove", "warn"])
    assert decision.rationale.text == "an insult, 1 o r"
    at_work.keyboard.press("u")
    expect(at_work.locator(f'[data-review][data-case="{second}"]')).to_be_visible()
    expect(at_work.locator("#toasts")).to_contain_text("Undone")
    expect(at_work.locator("textarea[name=rationale]")).to_have_value("")
    assert Label.objects.filter(decision=decision, superseded_by__isnull=True).count() == 0


def test_the_highlights_are_the_stored_spans(at_work: Page) -> None:
    case = Case.objects.get(pk=case_on(at_work))
    revision = case.content.current_revision
    assert revision is not None
    slug = at_work.locator(".tab[aria-current]").get_attribute("href")
    assert slug is not None
    stored = PolicyPrediction.objects.get(
        prediction__revision=revision, policy__slug=slug.partition("policy=")[2].partition("&")[0]
    )
    shown = at_work.evaluate(SPANS)
    assert shown == [[start, end, revision.text[start:end]] for start, end, _ in stored.attributions]
    assert at_work.locator("[data-text]").text_content() == revision.text


def test_the_next_policy_is_explained_by_one_key(at_work: Page) -> None:
    before = at_work.locator(".tab[aria-current]").text_content()
    at_work.keyboard.press("p")
    expect(at_work.locator(".tab[aria-current]")).not_to_have_text(before or "")
    at_work.keyboard.press("c")
    expect(at_work.locator(".waterfall")).to_be_visible()


def test_what_would_change_it_comes_by_one_key(at_work: Page) -> None:
    at_work.keyboard.press("d")
    expect(at_work.locator("#change .change")).to_be_visible()
    expect(at_work.locator("#change button")).to_have_count(0)


def test_skipping_asks_why(at_work: Page) -> None:
    first = case_on(at_work)
    at_work.keyboard.press("k")
    expect(at_work.get_by_text("Not my field")).to_be_visible()
    at_work.keyboard.press("2")
    next_case(at_work, first)
    assert ReviewSkip.objects.get(review__case=first).reason == "expertise"
    assert not Decision.objects.exists()


def test_enter_without_a_verdict_says_what_is_missing(at_work: Page) -> None:
    at_work.keyboard.press("Enter")
    expect(at_work.locator("[data-decision-hint]")).to_contain_text("Choose first")
    assert not Decision.objects.exists()


def test_a_policy_brings_its_action_and_no_violation_takes_both_away(at_work: Page) -> None:
    at_work.keyboard.press("2")
    expect(at_work.locator("input[value=hate]")).to_be_checked()
    expect(at_work.locator("input[value=violates]")).to_be_checked()
    expect(at_work.locator("input[value=remove]")).to_be_checked()
    at_work.keyboard.press("o")
    expect(at_work.locator("input[value=hate]")).not_to_be_checked()
    expect(at_work.locator("input[value=remove]")).not_to_be_checked()


@pytest.mark.parametrize(
    ("keys", "actions"),
    [("1", ["remove"]), ("1r", ["remove"]), ("1wr", ["remove", "warn"]), ("1rr", []), ("r1", ["remove"])],
)
def test_the_key_of_a_suggested_action_confirms_it(at_work: Page, keys: str, actions: list[str]) -> None:
    case_id = case_on(at_work)
    for key in keys:
        at_work.keyboard.press(key)
    expect(at_work.locator("[data-decision-hint]")).to_contain_text("remove" if actions else "no action")
    at_work.keyboard.press("Enter")
    next_case(at_work, case_id)
    assert Decision.objects.get(case=case_id).actions == actions


def test_a_click_takes_a_suggested_action_off(at_work: Page) -> None:
    at_work.keyboard.press("1")
    at_work.locator("input[value=remove]").click()
    expect(at_work.locator("input[value=remove]")).not_to_be_checked()


@pytest.mark.parametrize(("key", "action", "words"), [("s", "suspend", "suspend"), ("t", "terminate", "for good")])
def test_an_action_on_the_author_is_confirmed(at_work: Page, key: str, action: str, words: str) -> None:
    case_id = case_on(at_work)
    at_work.keyboard.press("1")
    at_work.keyboard.press(key)
    at_work.keyboard.press("Enter")
    expect(at_work.locator("[data-decision-hint]")).to_contain_text(words)
    expect(at_work.locator("[data-decision-hint]")).to_contain_text("again confirms")
    assert not Decision.objects.exists()
    at_work.keyboard.press("Enter")
    next_case(at_work, case_id)
    assert Decision.objects.get(case=case_id).actions == ["remove", action]


def test_a_changed_mind_is_asked_to_confirm_again(at_work: Page) -> None:
    for key in ("1", "s", "Enter", "t", "Enter"):
        at_work.keyboard.press(key)
    expect(at_work.locator("[data-decision-hint]")).to_contain_text("for good")
    assert not Decision.objects.exists()


def test_a_lost_lease_keeps_what_was_typed_and_one_key_has_it_back(at_work: Page, moderator: User) -> None:
    case_id = case_on(at_work)
    claims.release_all(acting_user=moderator)
    at_work.keyboard.press("2")
    at_work.keyboard.press("n")
    at_work.keyboard.type("my careful words")
    at_work.keyboard.press("Control+Enter")
    expect(at_work.get_by_role("alert")).to_contain_text("nobody has taken it")
    expect(at_work.locator("textarea[name=rationale]")).to_have_value("my careful words")
    at_work.keyboard.press("Enter")
    expect(at_work.get_by_role("alert")).to_be_hidden()
    expect(at_work.locator("textarea[name=rationale]")).to_have_value("my careful words")
    expect(at_work.locator("input[value=hate]")).to_be_checked()
    at_work.keyboard.press("Enter")
    next_case(at_work, case_id)
    assert Decision.objects.get(case=case_id).policies == ["hate"]


def test_a_case_taken_by_a_colleague_is_told_at_the_next_heartbeat(at_work: Page, moderator: User) -> None:
    case = Case.objects.get(pk=case_on(at_work))
    claims.release_all(acting_user=moderator)
    claims.claim_case(case=case, acting_user=factories.user("colleague"))
    at_work.evaluate("window.dispatchEvent(new Event('online'))")
    expect(at_work.get_by_role("alert")).to_contain_text("colleague holds this case now")
    expect(at_work.locator("[data-reclaim]")).to_have_count(0)
    expect(at_work.get_by_role("button", name="Decide")).to_be_disabled()
    expect(at_work.locator("summary", has_text="Skip")).to_have_attribute("aria-disabled", "true")
    at_work.keyboard.press("k")
    expect(at_work.get_by_text("Not my field")).to_be_hidden()


def test_an_edited_content_is_told_at_the_next_heartbeat(at_work: Page, integrator: User) -> None:
    content = Case.objects.get(pk=case_on(at_work)).content
    assert content.external_id is not None
    intake.receive_content(
        submitted=factories.content_input("an edited and quite different text", id=content.external_id),
        author=intake.AccountInput(id="author-1"),
        acting_user=integrator,
    )
    at_work.evaluate("window.dispatchEvent(new Event('online'))")
    expect(at_work.get_by_role("alert")).to_contain_text("The case has changed")
    at_work.keyboard.press("Enter")
    expect(at_work.locator("[data-text]")).to_contain_text("quite different")


def test_offline_is_told_and_nothing_is_lost(at_work: Page) -> None:
    case_id = case_on(at_work)
    at_work.context.set_offline(True)
    at_work.keyboard.press("o")
    at_work.keyboard.press("Enter")
    expect(at_work.get_by_role("alert")).to_contain_text("No connection")
    expect(at_work.locator("input[value=ok]")).to_be_checked()
    at_work.context.set_offline(False)
    at_work.reload()
    expect(at_work.locator("input[value=ok]")).to_be_checked()
    at_work.keyboard.press("Enter")
    next_case(at_work, case_id)
    assert Decision.objects.get(case=case_id).verdict == "ok"


def log_in(page: Page, name: str) -> None:
    """Fill the login page's form."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill("password")
    page.keyboard.press("Enter")


def test_logged_out_in_another_tab_is_told_and_nothing_is_lost(at_work: Page, live_server: LiveServer) -> None:
    case_id = case_on(at_work)
    for key in ("2", "w", "n"):
        at_work.keyboard.press(key)
    at_work.keyboard.type("half a thought")
    at_work.keyboard.press("Escape")
    other_tab = at_work.context.new_page()
    other_tab.goto(live_server.url)
    other_tab.get_by_role("button", name="Log out").click()
    expect(other_tab.get_by_role("button", name="Log in")).to_be_visible()
    at_work.evaluate("window.dispatchEvent(new Event('online'))")
    expect(at_work.get_by_role("alert")).to_contain_text("You are logged out")
    at_work.keyboard.press("Enter")
    log_in(at_work, "moderator")
    expect(at_work.get_by_role("alert")).to_contain_text("What you entered is kept")
    at_work.wait_for_load_state("load")
    for _ in ("without the lease", "with it"):
        expect(at_work.locator("textarea[name=rationale]")).to_have_value("half a thought")
        for value in ("violates", "hate", "remove", "warn"):
            expect(at_work.locator(f"input[value={value}]")).to_be_checked()
        if at_work.locator("[data-reclaim]").is_visible():
            at_work.keyboard.press("Enter")
            expect(at_work.get_by_role("alert")).to_be_hidden()
    at_work.keyboard.press("Enter")
    next_case(at_work, case_id)
    assert Decision.objects.get(case=case_id).rationale.text == "half a thought"
    assert at_work.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('evenhand-draft-'))") == []


def test_a_draft_is_shown_to_nobody_else(at_work: Page, live_server: LiveServer, moderator: User) -> None:
    case = Case.objects.get(pk=case_on(at_work))
    workspace = reverse("review_case", args=[case.pk])
    at_work.keyboard.press("n")
    at_work.keyboard.type("half a thought")
    at_work.keyboard.press("Escape")
    at_work.get_by_role("button", name="Log out").click()
    claims.claim_case(case=case, acting_user=factories.user("colleague"))
    expect(at_work.get_by_role("button", name="Log in")).to_be_visible()
    at_work.goto(f"{live_server.url}/login/?next={workspace}")
    log_in(at_work, "colleague")
    expect(at_work.locator("[data-review]")).to_be_visible()
    expect(at_work.locator("textarea[name=rationale]")).to_have_value("")


def test_an_old_draft_is_removed(at_work: Page, live_server: LiveServer) -> None:
    at_work.keyboard.press("o")
    at_work.evaluate("""() => {
      const key = Object.keys(localStorage).find((name) => name.startsWith("evenhand-draft-"));
      const draft = JSON.parse(localStorage.getItem(key));
      localStorage.setItem(key, JSON.stringify({ ...draft, at: draft.at - 12 * 3600 * 1000 - 1 }));
    }""")
    at_work.reload()
    expect(at_work.locator("input[value=ok]")).not_to_be_checked()
    assert at_work.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('evenhand-draft-'))") == []


def test_the_last_case_decided_leaves_a_finished_queue(at_work: Page, cases: list[Case]) -> None:
    for left in range(len(cases), 0, -1):
        case_id = case_on(at_work)
        at_work.keyboard.press("o")
        at_work.keyboard.press("Enter")
        if left > 1:
            next_case(at_work, case_id)
    expect(at_work.get_by_text("All done here")).to_be_visible()
    assert Decision.objects.count() == len(cases)
    assert not Review.objects.filter(state="leased").exists()


def test_the_sheet_of_shortcuts_opens_and_closes(at_work: Page) -> None:
    at_work.keyboard.press("?")
    expect(at_work.get_by_role("dialog")).to_be_visible()
    at_work.keyboard.press("o")
    expect(at_work.locator("input[value=ok]")).not_to_be_checked()
    at_work.keyboard.press("Escape")
    expect(at_work.get_by_role("dialog")).to_be_hidden()


def test_single_key_shortcuts_can_be_switched_off(at_work: Page) -> None:
    at_work.keyboard.press("?")
    at_work.get_by_role("dialog").get_by_label("Single-key shortcuts").uncheck()
    at_work.keyboard.press("Escape")
    at_work.keyboard.press("o")
    expect(at_work.locator("input[value=ok]")).not_to_be_checked()


def test_it_works_without_scripts(page: Page, live_server: LiveServer, cases: list[Case]) -> None:
    bare = page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    bare.add_cookies([{"name": c["name"], "value": c["value"], "url": live_server.url} for c in page.context.cookies()])
    plain = bare.new_page()
    plain.goto(f"{live_server.url}/review/{cases[0].queue.slug}/")
    plain.get_by_role("button", name="Start reviewing").click()
    first = int(plain.locator("[data-review]").get_attribute("data-case") or "")
    plain.get_by_role("radio", name="No violation").check(force=True)
    plain.get_by_role("button", name="Decide").click()
    assert int(plain.locator("[data-review]").get_attribute("data-case") or "") != first
    assert Decision.objects.get(case=first).verdict == "ok"
    bare.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/decisions/", "/models/", "/models/1/", "/help/"])
def test_no_page_scrolls_sideways(page: Page, live_server: LiveServer, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{live_server.url}{path}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_workspace_does_not_scroll_sideways_on_a_phone(at_work: Page) -> None:
    at_work.set_viewport_size({"width": 390, "height": 844})
    assert at_work.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_theme_switch_stays(page: Page, live_server: LiveServer) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(live_server.url)
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
