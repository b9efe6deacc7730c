"""Logging in, being locked out, logging out."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from moderation.enums import ReviewState
from moderation.models import User
from tests import factories


def test_a_person_logs_in_and_sees_the_queues(moderator: User) -> None:
    client = Client()
    answer = client.post(reverse("login"), {"username": "moderator", "password": "password"}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert b"Start reviewing" in answer.content or b"Nothing waits" in answer.content


def test_a_wrong_password_is_told_plainly(moderator: User) -> None:
    answer = Client().post(reverse("login"), {"username": "moderator", "password": "wrong"})
    assert answer.status_code == 200
    assert b"do not match" in answer.content


def test_too_many_failures_lock_the_name_out(moderator: User) -> None:
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post(reverse("login"), {"username": "moderator", "password": "wrong"})
    assert answer.status_code == 429
    assert b"too many failed log-ins" in answer.content
    # The right password does not help while it lasts.
    answer = client.post(reverse("login"), {"username": "moderator", "password": "password"})
    assert answer.status_code == 429


def test_it_does_not_send_people_to_another_host(moderator: User) -> None:
    answer = Client().post(
        reverse("login"), {"username": "moderator", "password": "password", "next": "https://example.org/"}
    )
    assert answer["Location"] == "/"


def test_logging_out_gives_every_lease_back(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    answer = browser_of_moderator.post(reverse("logout"))
    assert answer["Location"] == reverse("login")
    claim.review.refresh_from_db()
    assert claim.review.state == ReviewState.WAITING
    assert browser_of_moderator.get(reverse("home")).status_code == 302


def test_logging_out_rejects_get(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.get(reverse("logout")).status_code == 405


@pytest.mark.parametrize("path", ["/", "/review/abuse/", "/decisions/", "/models/", "/help/"])
def test_strangers_are_sent_to_the_login_and_back(installation: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('login')}?next={path}"


def test_a_fragment_for_a_stranger_is_a_401(installation: None) -> None:
    assert Client().get(reverse("counts"), headers={"HX-Request": "true"}).status_code == 401
