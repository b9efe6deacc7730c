"""Role by route: every address names a permission or is public on purpose, and answers as the table says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from console.api.endpoint import Endpoint
from moderation.enums import Role, Scope
from moderation.models import User
from moderation.permissions import (
    ROLE_PERMISSIONS,
    SCOPE_PERMISSIONS,
    Permission,
    may,
    permissions_of,
)
from tests import factories
from tests.console.routes import filled

PUBLIC = {
    "healthz",
    "readyz",
    "api/v1/healthz",
    "api/v1/readyz",
    "api/v1/schema/",
    "api/v1/docs/",
    "login/",
    "logout/",
    "appeal/<str:token>/",  # by a signed link
}
METHODS = ("get", "post", "put", "patch", "delete")


def _routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


def _endpoints() -> list[tuple[str, str, Permission]]:
    """Route, method and permission of every endpoint of the API."""
    rows = []
    for route, callback in _routes():
        view = getattr(callback, "cls", None)
        if view is not None and issubclass(view, Endpoint):
            rows += [(route, method, permission) for method, permission in view.permissions.items()]
    return rows


def _address(route: str) -> str:
    return "/" + filled(route, number=987654321)


def test_every_address_names_a_permission_or_is_public_on_purpose() -> None:
    open_to_all = set()
    for route, callback in _routes():
        view = getattr(callback, "cls", None)
        if route.startswith("admin/"):
            continue
        if view is not None and issubclass(view, Endpoint):
            handlers = {method.upper() for method in METHODS if hasattr(view, method)}
            assert not view.public, route
            assert set(view.permissions) == handlers, route
            assert set(view.permissions.values()) <= set(Permission), route
            assert [one.__name__ for one in view.permission_classes] == ["NamedPermission"], route
        elif getattr(callback, "permission", None) is None:
            open_to_all.add(route)
        else:
            assert callback.permission in Permission, route  # type: ignore[attr-defined]
    assert open_to_all == PUBLIC


def test_the_walk_sees_the_whole_api() -> None:
    routes = {route for route, _, _ in _endpoints()}
    assert {"api/v1/reports", "api/v1/cases/<int:case_id>/decision", "metrics"} <= routes
    assert len(routes) >= 18


@pytest.mark.parametrize("role", Role.values)
def test_the_api_answers_each_role_and_scope_as_the_table_says(role: str, installation: None) -> None:
    person = factories.user("person", role=role)
    wrong = []
    for scope in Scope.values:
        client = factories.api_client(person, scope)
        client.raise_request_exception = False
        allowed = ROLE_PERMISSIONS[role] & SCOPE_PERMISSIONS[scope]
        for route, method, permission in _endpoints():
            response = client.generic(method, _address(route), "{}", content_type="application/json")
            let_in = response.status_code not in {401, 403}
            if let_in is not (permission in allowed) or response.status_code >= 500:
                wrong.append((scope, method, route, response.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", Role.values)
def test_a_key_with_every_scope_may_what_its_users_role_may(role: str, installation: None) -> None:
    client = factories.api_client(factories.user("person", role=role))
    client.raise_request_exception = False
    for route, method, permission in _endpoints():
        response = client.generic(method, _address(route), "{}", content_type="application/json")
        assert (response.status_code != 403) is (permission in ROLE_PERMISSIONS[role]), (method, route)


def test_a_stranger_gets_in_nowhere(installation: None) -> None:
    for route, method, _ in _endpoints():
        assert APIClient().generic(method, _address(route)).status_code == 401, (method, route)


def test_a_role_nobody_knows_may_nothing(installation: None) -> None:
    person = factories.user("person")
    person.role = "root"
    assert permissions_of(person) == frozenset()


def test_a_superuser_flag_gives_nothing(installation: None) -> None:
    person = factories.user("person", is_superuser=True, is_staff=True)
    assert not may(person, Permission.MANAGE)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("role", [None, *Role.values])
def test_the_pages_answer_each_role_as_they_say(role: str | None, installation: None) -> None:
    client = Client(raise_request_exception=False)
    if role is not None:
        client.force_login(factories.user("person", role=role), backend="django.contrib.auth.backends.ModelBackend")
    wrong = []
    for route, callback in _routes():
        permission = getattr(callback, "permission", None)
        if permission is None or hasattr(callback, "cls"):
            continue
        for method in ("get", "post"):
            response = client.generic(method.upper(), _address(route))
            if role is None:
                fine = response.status_code == 302 and response["Location"].startswith("/login/")
            elif permission in ROLE_PERMISSIONS[role]:
                fine = response.status_code not in {401, 403} and response.status_code < 500
            else:
                fine = response.status_code == 403
            if not fine:
                wrong.append((method, route, response.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", [None, *Role.values])
def test_the_administration_is_for_administrators(role: str | None, installation: None) -> None:
    client = Client(raise_request_exception=False)
    if role is not None:
        person: User = factories.user("person", role=role, is_staff=True)
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    routes = [route for route, _ in _routes() if route.startswith("admin/") and "<" not in route and "(" not in route]
    assert len(routes) > 10
    for route in routes:
        if route in {"admin/logout/", "admin/login/"}:
            continue
        response = client.get("/" + route)
        if role is None:
            assert response.status_code == 302, route
            assert "/login/" in response["Location"], route
        elif role == Role.ADMIN:
            assert response.status_code < 500, route
        else:
            assert response.status_code in {302, 403}, route
            if response.status_code == 302:
                assert client.get(response["Location"]).status_code == 403, route
