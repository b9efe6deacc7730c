"""Every page names who may open it."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import URLPattern

from console.web.urls import urlpatterns
from moderation.models import User
from moderation.permissions import ROLE_PERMISSIONS, Permission
from tests import factories
from tests.console.routes import filled

ROLES = ("moderator", "senior", "admin", "integrator")


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_every_page_names_its_permission_or_is_marked_public(pattern: URLPattern) -> None:
    view = pattern.callback
    assert (view.permission is None) == view.public
    assert view.public or isinstance(view.permission, Permission)


PAIRS = [
    pytest.param(pattern, role, id=f"{pattern.name}-{role}")
    for pattern in urlpatterns
    for role in ROLES
    if not pattern.callback.public and pattern.callback.permission not in ROLE_PERMISSIONS[role]
]


@pytest.mark.parametrize(("pattern", "role"), PAIRS)
def test_a_role_without_the_permission_gets_the_403_page(
    pattern: URLPattern, role: str, installation: None, sign_in: Callable[[User], Client]
) -> None:
    browser = sign_in(factories.user(role, role=role))
    path = "/" + filled(str(pattern.pattern), number=1)
    for answer in (browser.get(path), browser.post(path)):
        assert answer.status_code == 403
        assert b"Not permitted" in answer.content
