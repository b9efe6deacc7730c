"""The API's own description: complete, without warnings, and what the answers are."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from moderation.models import User
from tests import factories


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The OpenAPI document; any warning of its making is a failure, and so is an invalid document."""
    path = Path(tmp_path_factory.mktemp("schema"), "openapi.yml")
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(path))
    return dict(yaml.safe_load(path.read_text()))


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


def test_it_is_openapi_3_1_and_describes_every_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [f"{method} {path}" for path, method, one in operations(document) if not one.get("description")] == []


def test_every_operation_says_how_it_refuses(document: dict[str, Any]) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, method, one in operations(document):
        told = one["responses"]["default"]["content"]["application/problem+json"]
        assert told == problem, f"{method} {path}"


def test_lists_by_cursor_are_described_as_the_pages_they_are(document: dict[str, Any], admin: User) -> None:
    api = factories.api_client(admin)
    paged = 0
    for path, method, one in operations(document):
        if method != "get" or "{" in path:
            continue
        answer = api.get(path)
        if not answer.headers.get("Content-Type", "").startswith("application/json"):
            continue
        body = answer.json()
        if isinstance(body, dict) and "results" in body:
            content = one["responses"]["200"]["content"]["application/json"]["schema"]
            described = document["components"]["schemas"][content["$ref"].rsplit("/", 1)[1]]["properties"]
            assert set(described) == set(body), path
            paged += 1
        elif answer.status_code == 200:
            described = one["responses"]["200"]["content"]["application/json"]["schema"]
            assert (described.get("type") == "array") == isinstance(body, list), path
    assert paged >= 8
