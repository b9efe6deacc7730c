"""A real browser on a live server."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from moderation.models import User
from tests import factories


@pytest.fixture
def moderator(transactional_db: None) -> User:
    """Reviews cases on a fresh installation."""
    factories.installation()
    return factories.user("moderator")


@pytest.fixture
def integrator(moderator: User) -> User:
    """The platform."""
    return factories.user("integrator", role="integrator")


@pytest.fixture
def page(context: BrowserContext, live_server: LiveServer, moderator: User) -> Iterator[Page]:
    """A page in which the moderator is logged in; an error in any script fails the test."""
    client = Client()
    client.force_login(moderator)
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": client.session.session_key or "", "url": live_server.url}]
    )
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: _note(message, errors))
    yield opened
    assert errors == []


_PROVOKED = (
    "Failed to load resource",
    "Response Status Error Code 401",
    "htmx:sendError",
    "htmx:afterRequest",
    "htmx:responseError",
)


def _note(message: ConsoleMessage, errors: list[str]) -> None:
    # A 4xx and a broken connection are logged as errors; a test that provokes one looks at the page.
    if message.type == "error" and not message.text.startswith(_PROVOKED):
        errors.append(message.text)
