"""What holds on every page: help, errors, theme, no inline code."""

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from console.errors import server_error
from moderation.models import User


def test_help_lists_every_key_and_policy(browser_of_moderator: Client) -> None:
    page = browser_of_moderator.get(reverse("help")).content.decode()
    for words in ("No violation", "Undo the last thing you did", "Harassment", "Claim it again".lower()):
        assert words.lower() in page.lower()


def test_the_theme_cookie_is_honoured_and_nothing_else(browser_of_moderator: Client) -> None:
    browser_of_moderator.cookies["evenhand_theme"] = "dark"
    assert b'<html lang="en" data-theme="dark">' in browser_of_moderator.get(reverse("home")).content
    browser_of_moderator.cookies["evenhand_theme"] = '"><script>'
    assert b"data-theme" not in browser_of_moderator.get(reverse("home")).content.split(b">")[1]


def test_an_unknown_address_is_the_404_page(browser_of_moderator: Client) -> None:
    answer = browser_of_moderator.get("/no/such/page/")
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content


def test_the_500_page_needs_no_database() -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"Something broke" in answer.content


def test_a_missing_csrf_token_is_explained(moderator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(moderator)
    answer = client.post(reverse("queue", args=["abuse"]))
    assert answer.status_code == 403
    assert b"Send it again" in answer.content


@pytest.mark.parametrize("name", ["home", "decisions", "models", "help"])
def test_no_page_has_inline_style_or_script(browser_of_moderator: Client, name: str) -> None:
    answer = browser_of_moderator.get(reverse(name))
    page = answer.content.decode()
    assert " style=" not in page
    assert " onclick=" not in page
    assert "<script>" not in page
    assert "unsafe" not in answer["Content-Security-Policy"]
