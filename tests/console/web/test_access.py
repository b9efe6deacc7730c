"""Every page names who may open it."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import URLPattern

from console.web.urls import urlpatterns
from moderation.models import User
from moderation.permissions import ROLE_PERMISSIONS, Permission
from tests import factories

ROLES = ("moderator", "senior", "admin", "integrator")
ARGUMENTS = {
    "case_id": 1,
    "decision_id": 1,
    "account_id": 1,
    "number": 1,
    "hold_id": 1,
    "slug": "abuse",
    "batch_id": 1,
    "group_id": 1,
    "rule_id": 1,
    "backtest_id": 1,
    "entry_id": 1,
    "endpoint_id": 1,
    "delivery_id": 1,
}


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
    path = "/" + _filled(str(pattern.pattern))
    for answer in (browser.get(path), browser.post(path)):
        assert answer.status_code == 403
        assert b"Not permitted" in answer.content


def _filled(route: str) -> str:
    for name, value in ARGUMENTS.items():
        route = route.replace(f"<int:{name}>", str(value)).replace(f"<slug:{name}>", str(value))
    return route
