"""An appeal, from the signed link to the overturned label and the reversed action."""

import pytest
from django.conf import settings as configured
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from moderation.enums import AppealState
from moderation.models import Action, Appeal, Label, User
from moderation.services import appeal_links
from tests import factories

pytestmark = pytest.mark.browser


def test_an_author_appeals_and_a_senior_overturns(
    page: Page,
    context: BrowserContext,
    browser: Browser,
    live_server: LiveServer,
    moderator: User,
    integrator: User,
    settings: Settings,
) -> None:
    settings.UNDO_SECONDS = 0
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    decision = factories.decide(claim, moderator, policies=["harassment"], actions=["remove"])
    decision.outbox.update(state="delivered", attempts=1)
    link = appeal_links.link(decision)
    assert link is not None

    author = browser.new_context()
    public = author.new_page()
    public.goto(live_server.url + link)
    expect(public.get_by_text(factories.ABUSIVE)).to_be_visible()
    public.get_by_label("Why the decision is wrong").fill("I was quoting someone else.")
    public.get_by_role("button", name="Send the appeal").click()
    expect(public.get_by_text("Your appeal has been received")).to_be_visible()
    expect(public.get_by_role("button", name="Send the appeal")).to_have_count(0)

    client = Client()
    client.force_login(factories.user("lead", role="senior"))
    context.clear_cookies()
    key = client.session.session_key or ""
    context.add_cookies([{"name": configured.SESSION_COOKIE_NAME, "value": key, "url": live_server.url}])
    page.goto(f"{live_server.url}/appeals/")
    page.get_by_role("link", name="Appeal ", exact=False).last.click()
    expect(page.get_by_text("I was quoting someone else.")).to_be_visible()
    page.get_by_label("Overturn: no violation").check()
    page.get_by_label("Rationale").fill("A quotation.")
    page.get_by_role("button", name="Decide the appeal").click()
    expect(page.get_by_text("No appeal waits")).to_be_visible()

    public.reload()
    expect(public.get_by_text("Your appeal was successful")).to_be_visible()
    author.close()
    appeal = Appeal.objects.get()
    assert appeal.state == AppealState.OVERTURNED
    overturned = Label.objects.current().get(policy__slug="harassment")
    assert (overturned.value, overturned.decision) == (False, appeal.resolution)
    assert overturned.supersedes is not None
    assert Action.objects.get(reverses__isnull=False).reverses == decision.requested_actions.get()
