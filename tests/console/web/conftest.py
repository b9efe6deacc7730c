"""The cast, logged in."""

from collections.abc import Callable

import pytest
from django.test import Client

from moderation.models import User


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which the person is logged in."""

    def signed_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return signed_in


@pytest.fixture
def browser_of_moderator(sign_in: Callable[[User], Client], moderator: User) -> Client:
    """The moderator's browser."""
    return sign_in(moderator)
