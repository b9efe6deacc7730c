"""What the API answers to requests that are wrong: problem details, everywhere, with codes and pointers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from moderation.models import ApiKey, Content, Report, User
from tests import factories

REPORTS = "/api/v1/reports"


def problem(response: Any, status: int, code: str, *pointers: str) -> dict[str, Any]:
    """The body, checked to be problem details of that status and code that point at those fields."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert [row["pointer"] for row in body.get("errors", [])] == list(pointers)
    return body


def post(client: Any, body: Any, path: str = REPORTS, **headers: Any) -> Any:
    """POST a value as JSON, or raw bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.generic("POST", path, raw, content_type="application/json", **headers)


def changed(**changes: Any) -> dict[str, Any]:
    """A valid body with fields changed; ``content__text`` names a nested one, ``...`` removes it."""
    body = factories.report_body()
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = body
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return body


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"extra": 1}, ["/extra"]),
        ({"content__extra": 1}, ["/content/extra"]),
        ({"author__id": ...}, ["/author/id"]),
        ({"content": ...}, ["/content"]),
        ({"content": "text"}, ["/content"]),
        ({"content": []}, ["/content"]),
        ({"content": None}, ["/content"]),
        ({"content__text": 5}, ["/content/text"]),
        ({"content__text": None}, ["/content/text"]),
        ({"content__text": ["a"]}, ["/content/text"]),
        ({"content__id": 7}, ["/content/id"]),
        ({"content__id": ""}, ["/content/id"]),
        ({"content__id": "x" * 201}, ["/content/id"]),
        ({"content__id": "a\nb"}, ["/content/id"]),
        ({"content__created_at": "yesterday"}, ["/content/created_at"]),
        ({"content__created_at": "2026-01-02 03:04:05"}, ["/content/created_at"]),
        ({"content__created_at": "2026-01-02T03:04:05"}, ["/content/created_at"]),
        ({"content__created_at": "2026-02-30T03:04:05Z"}, ["/content/created_at"]),
        ({"content__created_at": "0001-01-01T00:00:00+14:00"}, ["/content/created_at"]),
        ({"content__created_at": 1700000000}, ["/content/created_at"]),
        ({"content__url": "javascript:alert(1)"}, ["/content/url"]),
        ({"content__url": "https://x.example/" + "a" * 2000}, ["/content/url"]),
        ({"content__language": "not a language"}, ["/content/language"]),
        ({"content__context": {}}, ["/content/context"]),
        ({"content__context": [{"author": "a", "text": "t"}]}, ["/content/context/0/created_at"]),
        ({"author__attributes": [1]}, ["/author/attributes"]),
        ({"author__attributes": {"a": "x" * 17_000}}, ["/author/attributes"]),
        ({"reporter": {}}, ["/reporter/id"]),
        ({"source": "gossip"}, ["/source"]),
        ({"source": ["user"]}, ["/source"]),
        ({"policy": "rudeness"}, ["/policy"]),
        ({"policy": 5}, ["/policy"]),
        ({"note": "x" * 2001}, ["/note"]),
        ({"a/b~c": 1}, ["/a~1b~0c"]),
    ],
    ids=str,
)
def test_it_refuses_a_field_and_points_at_it(changes: dict[str, Any], pointers: list[str], platform: APIClient) -> None:
    problem(post(platform, changed(**changes)), 400, "invalid", *pointers)
    assert not Report.objects.exists()
    assert not Content.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"content": {"id": "1", "id": "2"}}',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": "a"}',
        b'{"a": "\\ud800"}',
        b'{"a": ["\\udfff"]}',
        b'{"a": "\x00"}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"a": "b"} trailing',
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"[" * 900 + b"]" * 900,
        b'{"author": {"attributes": ' + b"[" * 200 + b"]" * 200 + b"}}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_it_refuses_what_is_not_strict_json(body: bytes, platform: APIClient) -> None:
    response = post(platform, body)
    if body == b"":
        problem(response, 400, "invalid", "/content", "/author", "/source")
    else:
        problem(response, 400, "parse_error")


@pytest.mark.parametrize("body", ["null", "[]", "5", '"text"', "true"])
def test_it_refuses_json_that_is_no_object(body: str, platform: APIClient) -> None:
    response = post(platform, body.encode())
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


def test_a_raw_nul_and_a_lone_surrogate_in_utf8_are_refused(platform: APIClient) -> None:
    body = json.dumps(factories.report_body("SPOT"), ensure_ascii=False).encode()
    problem(post(platform, body.replace(b"SPOT", b"a\x00b")), 400, "parse_error")
    problem(post(platform, body.replace(b"SPOT", b"a\xed\xa0\x80b")), 400, "parse_error")
    problem(post(platform, body.replace(b"SPOT", b"a\\u0000b")), 400, "parse_error")
    problem(post(platform, body.replace(b"SPOT", b"a\\ud83db")), 400, "parse_error")
    assert post(platform, body.replace(b"SPOT", b"a\\ud83d\\ude00b")).status_code == 202


def test_twenty_thousand_code_points_are_accepted_and_one_more_is_not(platform: APIClient) -> None:
    text = "😀" * 20_000
    assert post(platform, factories.report_body(text)).status_code == 202
    content = Content.objects.get()
    assert content.current_revision is not None
    assert content.current_revision.text == text
    problem(post(platform, factories.report_body(text + "x")), 400, "invalid", "/content/text")


def test_an_empty_text_is_a_text(platform: APIClient) -> None:
    assert post(platform, factories.report_body("")).status_code == 202


def test_a_body_over_the_limit_is_413(platform: APIClient) -> None:
    limit = django_settings.BODY_LIMIT_BYTES
    problem(post(platform, b" " * (limit + 1)), 413, "body_too_large")
    body = json.dumps(factories.report_body()).encode()
    assert post(platform, body + b" " * (limit - len(body))).status_code == 202


def test_a_body_that_lies_about_its_length_is_413_too(platform: APIClient) -> None:
    from io import BytesIO

    from rest_framework.test import APIRequestFactory

    from console.api.parsers import read_limited
    from console.api.problems import BodyTooLarge

    request = APIRequestFactory().post(REPORTS)
    request.META["CONTENT_LENGTH"] = "5"
    with pytest.raises(BodyTooLarge):
        read_limited(BytesIO(b"x" * 20), {"request": request}, limit=10)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_media_type_is_415(content_type: str, platform: APIClient) -> None:
    response = platform.generic("POST", REPORTS, '{"a": 1}', content_type=content_type or "x/y")
    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/reports", "/api/", "/api/v1/cases/abc"])
def test_an_unknown_address_is_404(path: str, platform: APIClient) -> None:
    problem(platform.get(path), 404, "not_found")
    problem(Client().get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", REPORTS), ("DELETE", "/api/v1/cases"), ("PATCH", "/api/v1/score"), ("GET", "/api/v1/score")],
)
def test_another_method_is_405_and_says_which_are_allowed(method: str, path: str, platform: APIClient) -> None:
    response = platform.generic(method, path)
    problem(response, 405, "method_not_allowed")
    assert method not in response["Allow"]
    assert response["Allow"]


@pytest.mark.parametrize(
    "header",
    [None, "Bearer nonsense", "Bearer ", "Bearer", "bearer evh_" + "x" * 43, "Bearer \xff\xfe"],
)
def test_a_stranger_is_401_and_told_the_way_in(header: str | None, platform: APIClient) -> None:
    client = APIClient()
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    response = post(client, factories.report_body())
    problem(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert not Report.objects.exists()


def test_a_password_is_no_way_in(integrator: User) -> None:
    import base64

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Basic " + base64.b64encode(b"integrator:password").decode())
    problem(post(client, factories.report_body()), 401, "unauthenticated")


def test_a_revoked_key_and_an_inactive_user_are_strangers(integrator: User) -> None:
    from moderation.services import access

    client = factories.api_client(integrator)
    assert post(client, factories.report_body()).status_code == 202
    access.revoke_key(key=ApiKey.objects.get(), acting_user=None)
    problem(post(client, factories.report_body()), 401, "unauthenticated")
    other = factories.api_client(integrator)
    User.objects.update(is_active=False)
    problem(post(other, factories.report_body()), 401, "unauthenticated")


def test_a_missing_scope_is_403(integrator: User) -> None:
    problem(post(factories.api_client(integrator, "read"), factories.report_body()), 403, "not_permitted")


def test_a_session_needs_the_csrf_token(integrator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(integrator, backend="django.contrib.auth.backends.ModelBackend")
    problem(post(client, factories.report_body()), 403, "not_permitted")
    assert client.get("/api/v1/cases").status_code == 200
    loose = Client()
    loose.force_login(integrator, backend="django.contrib.auth.backends.ModelBackend")
    assert post(loose, factories.report_body()).status_code == 202


def test_too_many_requests_are_429_and_told_when_to_come_back(integrator: User) -> None:
    client = factories.api_client(integrator)
    ApiKey.objects.update(rate_per_minute=2)
    answers = [post(client, factories.report_body()).status_code for _ in range(2)]
    response = post(client, factories.report_body())
    if answers == [202, 202] and response.status_code == 202:  # a minute ended in between
        response = [post(client, factories.report_body()) for _ in range(3)][-1]
    problem(response, 429, "rate_limited")
    assert 1 <= int(response["Retry-After"]) <= 60
    other = factories.api_client(integrator)
    assert post(other, factories.report_body()).status_code == 202


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_down_is_503(
    error: type[Exception], platform: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error("connection refused: host=secret-host")

    with monkeypatch.context() as outage:
        outage.setattr(connection, "cursor", fail)
        response = post(platform, factories.report_body())
        ready = platform.get("/readyz")
        alive = platform.get("/healthz")
    body = problem(response, 503, "database_unavailable")
    assert response["Retry-After"]
    assert "secret-host" not in json.dumps(body)
    assert (ready.status_code, ready.json()["database"]) == (503, "unavailable")
    assert alive.status_code == 200


def test_a_bug_is_a_500_without_its_words(platform: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from moderation.services import intake

    def fail(**_: Any) -> None:
        raise RuntimeError("secret text")

    monkeypatch.setattr(intake, "receive_report", fail)
    platform.raise_request_exception = False
    response = post(platform, factories.report_body())
    body = problem(response, 500, "internal_error")
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/cases/99999999999999999999999",
        "/api/v1/cases/9223372036854775808",
        "/api/v1/cases/0",
        "/api/v1/content/nothing",
        "/api/v1/content/%00",
        "/api/v1/content/a%00b",
        "/api/v1/content/%ED%A0%80",
        "/api/v1/cases?cursor=nonsense",
        "/api/v1/cases?cursor=cD1hYmM%3D",  # p=abc
        "/api/v1/cases?cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk%3D",  # p=9999999999999999999999999
        "/api/v1/cases?cursor=bz0tMQ%3D%3D",  # o=-1
        "/api/v1/cases?cursor=cD0lMDA%3D",  # p=%00
    ],
)
def test_what_is_not_there_is_404(path: str, platform: APIClient) -> None:
    problem(platform.get(path), 404, "not_found")


@pytest.mark.parametrize("action", ["heartbeat", "release", "skip", "escalate", "decision"])
def test_ids_no_bigint_holds_are_refused_not_crashed_on(action: str, moderator: User) -> None:
    client = factories.api_client(moderator)
    body: dict[str, Any] = {"lease_token": 1}
    if action == "decision":
        body |= {"version": 1, "evidence_id": 1, "verdict": "ok"}
    for case_id in (10**12, 10**30):
        problem(post(client, body, f"/api/v1/cases/{case_id}/{action}"), 404, "not_found")
    huge = post(client, {**body, "lease_token": 2**63}, f"/api/v1/cases/1/{action}")
    problem(huge, 400, "invalid", "/lease_token")
    for token in (True, "1", 1.5, -1, None):
        problem(
            post(client, {**body, "lease_token": token}, f"/api/v1/cases/1/{action}"), 400, "invalid", "/lease_token"
        )


@pytest.mark.parametrize("path", ["decisions/1/undo", "decisions/1/override", "appeals/1/resolve"])
def test_ids_of_nothing_are_not_found(path: str, senior: User) -> None:
    bodies = {"undo": {}, "override": {"verdict": "ok"}, "resolve": {"outcome": "uphold"}}
    client = factories.api_client(senior)
    for number in (1, 10**30):
        address = path.replace("1", str(number))
        problem(post(client, bodies[path.rsplit("/", 1)[1]], f"/api/v1/{address}"), 404, "not_found")


@pytest.mark.parametrize("query", ["status=nonsense", "status=", "status=%00"])
def test_an_unknown_filter_value_is_400(query: str, platform: APIClient) -> None:
    problem(platform.get(f"/api/v1/cases?{query}"), 400, "invalid")


def test_an_unknown_queue_is_404(moderator: User) -> None:
    problem(post(factories.api_client(moderator), b"", "/api/v1/queues/nowhere/claim"), 404, "not_found")


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f"])
def test_an_idempotency_key_that_is_none_is_400(key: str, platform: APIClient) -> None:
    problem(post(platform, factories.report_body(), HTTP_IDEMPOTENCY_KEY=key), 400, "invalid")
    assert not Report.objects.exists()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_PATHS = [
    "content",
    "content__id",
    "content__type",
    "content__text",
    "content__created_at",
    "content__url",
    "content__language",
    "content__context",
    "author",
    "author__id",
    "author__created_at",
    "author__attributes",
    "reporter",
    "reporter__id",
    "source",
    "policy",
    "note",
]
_times = st.from_regex(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)
_urls = st.from_regex(r"\A(https?|ftp)://[\[\]a-z.:@0-9%/?#-]{0,20}\Z")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(_PATHS), _json | _times | _urls, min_size=1, max_size=2))
def test_whatever_the_body_it_is_answered_202_or_400(changes: dict[str, Any], platform: APIClient) -> None:
    ordered = dict(sorted(changes.items(), key=lambda change: -change[0].count("__")))
    response = post(platform, changed(**ordered))
    assert response.status_code in {202, 400}, response.content
    if response.status_code == 400:
        assert response["Content-Type"] == "application/problem+json"
        assert all(row["pointer"].startswith("/") or row["pointer"] == "" for row in response.json().get("errors", []))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60) | _json.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_bytes_it_is_never_a_500(body: bytes, platform: APIClient) -> None:
    assert post(platform, body).status_code == 400


@pytest.mark.parametrize("act", [lambda client: client.options(REPORTS), lambda client: client.head("/api/v1/cases")])
def test_options_and_head_need_what_the_view_needs(act: Callable[[Any], Any], platform: APIClient) -> None:
    assert act(APIClient()).status_code == 401
    assert act(platform).status_code == 200


@pytest.mark.parametrize("content_id", [".", ".."])
def test_an_id_that_cannot_be_addressed_is_refused(platform: APIClient, content_id: str) -> None:
    answer = platform.post("/api/v1/reports", factories.report_body(id=content_id), format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/content/id"
