"""The rule editor, the order of rules, backtests and banks, as an administrator uses them."""

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from moderation import tasks
from moderation.models import AuditEvent, BankEntry, RoutingRule, User
from moderation.selectors import rules as selectors
from moderation.services import rules
from moderation.services.rules import Draft
from tests import factories

pytestmark = pytest.mark.browser
SPAM = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}


@pytest.fixture
def moderator(transactional_db: None) -> User:
    """An administrator: who is logged in here."""
    factories.installation()
    return factories.user("admin", role="admin")


def test_a_nested_rule_is_written_with_the_editor(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/rules/")
    page.keyboard.press("n")
    page.get_by_label("Name", exact=True).fill("New accounts with spam")
    condition = page.locator("#condition")
    condition.get_by_label("Policy").select_option("spam")
    condition.get_by_label("Value").fill("0.8")
    page.locator("#c\\.add").click()
    second = page.locator("#c\\.1")
    expect(second.get_by_label("What is asked about")).to_be_focused()
    second.get_by_label("What is asked about").select_option("report_sources")
    second.get_by_role("checkbox", name="Trusted flagger").check()
    page.locator("#c\\.group").click()
    group = page.locator("fieldset#c\\.2")
    group.get_by_label("Which must hold").select_option("none")
    row = page.locator("#c\\.2\\.0")
    row.get_by_label("What is asked about").select_option("author_attribute")
    row.get_by_label("Name of the attribute").fill("tier")
    row.get_by_label("What is asked", exact=True).select_option("one_of")
    row.get_by_label("Value").fill('gold, "7"')
    page.locator("#c\\.2\\.add").click()
    page.locator("#c\\.2\\.1").get_by_role("button", name="Remove this condition").click()
    expect(page.locator("#c\\.2\\.1")).to_have_count(0)
    expect(row.get_by_label("Value")).to_have_value('gold, "7"')
    page.get_by_label("Queue").select_option("urgent")
    page.get_by_label("Hold for a senior").check()
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    expect(page.get_by_text("sources of reports include trusted flagger")).to_be_visible()
    rule = RoutingRule.objects.get(name="New accounts with spam")
    assert rule.condition == {
        "all": [
            {**SPAM, "value": 0.8},
            {"fact": "report_sources", "is": "any_of", "value": ["trusted_flagger"]},
            {"not": {"any": [{"fact": "author_attribute", "of": "tier", "is": "one_of", "value": ["gold", "7"]}]}},
        ]
    }
    assert rule.holds_for_senior


def test_a_mistake_is_told_at_its_row_and_nothing_typed_is_lost(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/rules/new/")
    page.get_by_label("Name", exact=True).fill("Pattern")
    page.get_by_label("What is asked about").select_option("text")
    expect(page.get_by_label("Value")).to_have_attribute("placeholder", "RE2 pattern, any case")
    page.get_by_label("Value").fill("(gift")
    # Enter saves; it never presses a button of the rows.
    page.get_by_label("Value").press("Enter")
    expect(page.locator("#c\\.0 .error")).to_contain_text("missing )")
    expect(page.get_by_label("Value")).to_have_value("(gift")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Pattern")
    page.get_by_label("Value").fill("(gift)")
    page.get_by_label("Value").press("Enter")
    expect(page.get_by_text("matches the pattern “(gift)”")).to_be_visible()


def test_what_is_typed_while_the_rows_are_on_their_way_stays(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/rules/new/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/rules/new/", hold)
    page.get_by_label("What is asked about").select_option("text_length")
    page.get_by_label("Value").fill("2000")
    expect(page.get_by_label("Policy")).to_have_count(1)
    assert len(held) == 1
    held.pop().continue_()
    expect(page.get_by_label("Policy")).to_have_count(0)
    expect(page.get_by_label("Value")).to_have_value("2000")


def test_a_new_row_is_heard_from_the_moment_it_is_there(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/rules/new/")
    page.evaluate(
        """() => document.addEventListener("htmx:afterSwap", () => queueMicrotask(() => {
            const fact = document.getElementById("c.1.fact");
            fact.value = "author_attribute";
            fact.dispatchEvent(new Event("change", { bubbles: true }));
        }), { once: true })"""
    )
    page.locator("#c\\.add").click()
    expect(page.locator("#c\\.1").get_by_label("Name of the attribute")).to_be_visible()


def test_what_is_pressed_while_the_rows_are_on_their_way_is_done_then(page: Page, live_server: LiveServer) -> None:
    page.goto(f"{live_server.url}/rules/new/")
    page.get_by_label("Name", exact=True).fill("In a hurry")
    held = _hold_the_next(page)
    page.locator("#c\\.add").click()
    page.get_by_label("What is asked about").select_option("text_length")
    page.get_by_label("Value").fill("2000")
    page.locator("#c\\.group").click()
    _let_go(page, held)
    expect(page.locator("fieldset#c\\.2")).to_be_visible()
    held = _hold_the_next(page)
    page.locator("#c\\.add").click()
    page.locator("#c\\.1").get_by_role("button", name="Remove this condition").click()
    page.get_by_role("button", name="Save the draft").click()
    _let_go(page, held)
    # Saving came last, and found the rows as they were asked for: the second is gone, the group has moved up.
    expect(page.get_by_text("This is a number.").first).to_be_visible()
    expect(page.locator("#c\\.0").get_by_label("What is asked about")).to_have_value("text_length")
    expect(page.locator("#c\\.0").get_by_label("Value")).to_have_value("2000")
    expect(page.locator("fieldset#c\\.1")).to_be_visible()
    expect(page.locator(".condition-row#c\\.2")).to_be_visible()
    expect(page.locator("#c\\.3")).to_have_count(0)


def _hold_the_next(page: Page) -> list[Route]:
    """The next request of the editor waits in the list until it is let go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/rules/new/", hold, times=1)
    return held


def _let_go(page: Page, held: list[Route]) -> None:
    while not held:
        page.wait_for_timeout(10)
    held.pop().continue_()


def test_rules_are_moved_by_keyboard_and_by_button(page: Page, live_server: LiveServer) -> None:
    first, second, third = list(selectors.ordered()[:3])
    page.goto(f"{live_server.url}/rules/")
    page.locator(f"#open-{third.pk}").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".rule-row").nth(1)).to_have_id(f"rule-{third.pk}")
    expect(page.locator(f"#open-{third.pk}")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".rule-row").nth(0)).to_have_id(f"rule-{third.pk}")
    page.locator(f"#down-{first.pk}").click()
    expect(page.locator(".rule-row").nth(2)).to_have_id(f"rule-{first.pk}")
    expect(page.locator(f"#down-{first.pk}")).to_be_focused()
    assert list(selectors.ordered()[:3]) == [third, second, first]
    assert AuditEvent.objects.filter(kind="rule.moved").count() == 3


def test_a_list_that_is_out_of_date_says_so(page: Page, live_server: LiveServer, moderator: User) -> None:
    first = selectors.ordered()[0]
    page.goto(f"{live_server.url}/rules/")
    rules.move(rule_id=first.pk, to=3, acting_user=moderator)
    page.locator(f"#down-{first.pk}").click()
    expect(page.get_by_text("The order has changed since")).to_be_visible()
    expect(page.locator(".rule-row").nth(2)).to_have_id(f"rule-{first.pk}")


def test_a_backtest_shows_its_progress_by_itself(
    page: Page, live_server: LiveServer, moderator: User, integrator: User
) -> None:
    factories.case(factories.SPAM, sent_by=integrator)
    rule = rules.create(draft=Draft("tested", SPAM, "urgent"), acting_user=moderator)
    rules.move(rule_id=rule.pk, to=1, acting_user=moderator)
    page.goto(f"{live_server.url}/rules/{rule.pk}/")
    page.keyboard.press("b")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    expect(page.get_by_text("Not tested as it stands")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    tasks.run_backtests()
    expect(page.get_by_text("1 of 1 contents of the last 30 days")).to_be_visible()
    expect(page.get_by_role("cell", name="Urgent")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    # The page around it knows too.
    expect(page.get_by_text("Not tested as it stands")).to_have_count(0)
    expect(page.get_by_role("button", name="Backtest")).to_be_enabled()
    page.get_by_text("Show examples with their texts").click()
    expect(page.get_by_text("Would have gone elsewhere")).to_be_visible()


def test_a_backtest_is_cancelled(page: Page, live_server: LiveServer, moderator: User, integrator: User) -> None:
    factories.case(factories.SPAM, sent_by=integrator)
    rule = rules.create(draft=Draft("tested", SPAM, "urgent"), acting_user=moderator)
    page.goto(f"{live_server.url}/rules/{rule.pk}/")
    page.get_by_role("button", name="Backtest").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert rule.backtests.get().state == "cancelled"


def test_a_rule_goes_live_and_is_changed_by_a_draft(page: Page, live_server: LiveServer, moderator: User) -> None:
    rule = rules.create(draft=Draft("tested", SPAM, "urgent"), acting_user=moderator)
    page.goto(f"{live_server.url}/rules/{rule.pk}/")
    expect(page.get_by_text("Not tested as it stands")).to_be_visible()
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_text("The rule is live now.")).to_be_visible()
    page.wait_for_load_state("load")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", name="Edit the draft")).to_be_visible()
    page.get_by_label("Priority, points").fill("4")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_text("The rule is live now.")).to_be_visible()
    rule.refresh_from_db()
    assert rule.state == "retired"
    assert RoutingRule.objects.get(replaces=rule).priority_boost == 4


def test_an_entry_is_previewed_then_kept(
    page: Page, live_server: LiveServer, moderator: User, integrator: User
) -> None:
    factories.content("find it at https://www.bad.example/x", sent_by=integrator)
    page.goto(f"{live_server.url}/banks/")
    page.get_by_label("Name", exact=True).fill("Links")
    page.get_by_label("Short name").fill("links")
    page.get_by_label("Kind").select_option("domain")
    page.get_by_role("button", name="Make the bank").click()
    page.get_by_label("Domain").fill("co.uk")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("is a public suffix")).to_be_visible()
    page.get_by_label("Domain").fill("bad.example")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("It would have caught 1 of 1 contents")).to_be_visible()
    assert not BankEntry.objects.exists()
    page.get_by_text("Show the newest with their texts").click()
    expect(page.get_by_text("find it at https://www.bad.example/x")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("link", name="bad.example")).to_be_visible()
    assert BankEntry.objects.get().value == "bad.example"


def test_the_pages_fit_a_phone(page: Page, live_server: LiveServer, moderator: User) -> None:
    nested = {"all": [SPAM, {"any": [{"not": {"any": [SPAM, {"fact": "text", "is": "matches", "value": "x" * 300}]}}]}]}
    rule = rules.create(draft=Draft("x" * 80, nested, "urgent"), acting_user=moderator)
    factories.bank_entry("pattern", "y" * 900, by=moderator)
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/rules/", f"/rules/{rule.pk}/", f"/rules/{rule.pk}/edit/", "/banks/", "/banks/pattern/"):
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
