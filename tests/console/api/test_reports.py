"""``POST /reports``, ``/reports/bulk``, ``/content``: answers, replays, lines."""

import json
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from moderation.errors import ModerationError
from moderation.models import Case, Content, IdempotencyRecord, Report, User
from moderation.services import intake
from tests import factories
from tests.console.api.test_problems import post, problem
from tests.moderation.concurrency import at_once

BULK = "/api/v1/reports/bulk"


def _bulk(client: APIClient, lines: list[Any], **headers: Any) -> Any:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return client.generic("POST", BULK, raw, content_type="application/x-ndjson", **headers)  # type: ignore[arg-type]


def test_an_accepted_report_says_where_to_look(platform: APIClient) -> None:
    response = post(platform, factories.report_body(id="a/b c?d#é"))
    assert response.status_code == 202
    body = response.json()
    report = Report.objects.get()
    assert body == {
        "report_id": report.pk,
        "content_id": "a/b c?d#é",
        "case_id": None,
        "status_url": "/api/v1/content/a/b%20c%3Fd%23%C3%A9",
    }
    status = platform.get(body["status_url"]).json()
    assert (status["id"], status["text"], status["scoring_state"]) == ("a/b c?d#é", factories.ABUSIVE, "pending")


def test_a_report_on_an_open_case_names_it(platform: APIClient, integrator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    assert post(platform, factories.report_body(id="m")).json()["case_id"] == case.pk


def test_what_was_sent_is_what_is_kept(platform: APIClient) -> None:
    body = factories.report_body(
        "  whitespace \n and\u200b zero-width ",
        url="https://chat.example/m/1",
        language="pt-BR",
        context=[{"author": "b", "text": "", "created_at": "2026-01-02T03:04:05.123456789+02:00"}],
    )
    body |= {"source": "legal_notice", "policy": "hate", "note": "art. 16"}
    body["author"]["attributes"] = {"tier": ["gold", {"since": 2020.5}]}
    assert post(platform, body).status_code == 202
    report = Report.objects.select_related("policy", "revision", "content__author").get()
    assert report.revision.text == body["content"]["text"]
    assert report.revision.thread == [{"author": "b", "text": "", "created_at": "2026-01-02T01:04:05.123456+00:00"}]
    assert (report.source, report.policy and report.policy.slug, report.note) == ("legal_notice", "hate", "art. 16")
    assert (report.content.url, report.content.language) == ("https://chat.example/m/1", "pt-BR")
    assert report.content.author is not None
    assert report.content.author.attributes == {"tier": ["gold", {"since": 2020.5}]}


# Idempotency


def test_the_same_key_and_body_replay_the_first_answer(platform: APIClient) -> None:
    body = factories.report_body()
    first = post(platform, body, HTTP_IDEMPOTENCY_KEY="k")
    again = post(platform, dict(reversed(body.items())), HTTP_IDEMPOTENCY_KEY="k")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Report.objects.count() == 1


def test_a_replay_says_what_was_said_whatever_happened_since(platform: APIClient) -> None:
    body = factories.report_body()
    first = post(platform, body, HTTP_IDEMPOTENCY_KEY="k").json()
    factories.score_all()
    assert Report.objects.get().case is not None
    assert post(platform, body, HTTP_IDEMPOTENCY_KEY="k").json() == first
    platform.delete(f"/api/v1/content/{body['content']['id']}")
    assert post(platform, body, HTTP_IDEMPOTENCY_KEY="k").json() == first
    assert Report.objects.count() == 1
    assert Content.objects.get().withdrawn_at is not None


def test_the_key_with_another_body_is_422(platform: APIClient) -> None:
    post(platform, factories.report_body(), HTTP_IDEMPOTENCY_KEY="k")
    problem(post(platform, factories.report_body(), HTTP_IDEMPOTENCY_KEY="k"), 422, "idempotency_mismatch")
    other = {key: value for key, value in factories.report_body().items() if key in {"content", "author"}}
    problem(post(platform, other, "/api/v1/content", HTTP_IDEMPOTENCY_KEY="k"), 422, "idempotency_mismatch")
    assert Report.objects.count() == 1


def test_a_request_that_failed_leaves_its_key_free(platform: APIClient) -> None:
    body = factories.report_body()
    problem(post(platform, {**body, "policy": "rudeness"}, HTTP_IDEMPOTENCY_KEY="k"), 400, "invalid", "/policy")
    assert post(platform, body, HTTP_IDEMPOTENCY_KEY="k").status_code == 202


def test_keys_belong_to_their_user(platform: APIClient, admin: User) -> None:
    body = factories.report_body()
    assert post(platform, body, HTTP_IDEMPOTENCY_KEY="k").status_code == 202
    assert post(factories.api_client(admin), body, HTTP_IDEMPOTENCY_KEY="k").status_code == 202
    assert Report.objects.count() == 2


def test_the_record_of_a_key_holds_no_text(platform: APIClient) -> None:
    post(platform, factories.report_body("a secret"), HTTP_IDEMPOTENCY_KEY="secret-key")
    assert "secret" not in str(list(IdempotencyRecord.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_the_same_moment_makes_one_report(db: None) -> None:
    factories.installation()
    client = factories.api_client(factories.user("integrator", role="integrator"))
    headers = client._credentials  # type: ignore[attr-defined]
    body = factories.report_body()

    def send() -> Any:
        own = APIClient()
        own.credentials(**headers)
        response = post(own, body, HTTP_IDEMPOTENCY_KEY="k")
        return response.status_code, response.json().get("report_id")

    results = at_once([send for _ in range(8)])
    assert Report.objects.count() == 1
    assert set(results) == {(202, Report.objects.get().pk)}


# Bulk


def test_a_bad_line_never_spoils_the_others(platform: APIClient) -> None:
    good = [factories.report_body() for _ in range(3)]
    lines: list[Any] = [
        good[0],
        b"{broken",
        {**factories.report_body(), "extra": 1},
        json.dumps(factories.report_body("SPOT")).encode().replace(b"SPOT", b"a\\u0000b"),
        json.dumps(factories.report_body("SPOT")).encode().replace(b"SPOT", b"a\\ud800b"),
        json.dumps(factories.report_body("SPOT")).encode().replace(b"SPOT", b"a\xffb"),
        good[1],
        {**factories.report_body(), "policy": "rudeness"},
        b"[1]",
        b"null",
        b"",
        b'{"a":' * 400 + b"1" + b"}" * 400,
        json.dumps(good[2]).encode() + b"\r",
        b"  ",
    ]
    response = _bulk(platform, lines)
    assert response.status_code == 200
    body = response.json()
    accepted = {row["line"] for row in body["results"] if row["status"] == "accepted"}
    assert accepted == {1, 7, 13}
    assert (body["accepted"], body["rejected"]) == (3, 10)
    assert [row["line"] for row in body["results"]] == list(range(1, 14))
    assert Report.objects.count() == 3
    rejected = {row["line"]: row for row in body["results"] if row["status"] == "rejected"}
    assert rejected[2]["code"] == "parse_error"
    assert rejected[3]["errors"][0]["pointer"] == "/extra"
    assert rejected[8]["errors"][0]["pointer"] == "/policy"
    assert all(row["errors"][0]["detail"] for row in rejected.values())


@pytest.mark.parametrize("body", [b"", b"\n", b"\n \r\n\n"])
def test_no_line_is_no_report(body: bytes, platform: APIClient) -> None:
    response = _bulk(platform, [body])
    assert response.json() == {"accepted": 0, "rejected": 0, "results": []}


def test_too_many_lines_are_413(platform: APIClient) -> None:
    problem(_bulk(platform, [b"{}"] * (settings.BULK_LINE_LIMIT + 1)), 413, "body_too_large")
    assert not Report.objects.exists()


def test_ten_thousand_lines_are_read(platform: APIClient) -> None:
    response = _bulk(platform, [b"{}"] * settings.BULK_LINE_LIMIT)
    assert response.json()["rejected"] == settings.BULK_LINE_LIMIT


def test_a_bulk_body_has_its_own_limit(platform: APIClient) -> None:
    padded = json.dumps(factories.report_body()).encode() + b" " * (2 * settings.BODY_LIMIT_BYTES)
    assert _bulk(platform, [padded]).json()["accepted"] == 1
    problem(_bulk(platform, [b" " * (settings.BULK_BODY_LIMIT_BYTES + 1)]), 413, "body_too_large")


def test_plain_json_is_not_json_lines(platform: APIClient) -> None:
    problem(post(platform, [factories.report_body()], BULK), 415, "unsupported_media_type")


def test_a_repeated_bulk_request_takes_up_where_it_stopped(
    platform: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Any] = [factories.report_body() for _ in range(5)]
    real = intake.receive_report
    calls: list[int] = []

    def die_at_the_third(**given: Any) -> Report:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return real(**given)

    monkeypatch.setattr(intake, "receive_report", die_at_the_third)
    with pytest.raises(RuntimeError):
        _bulk(platform, lines, HTTP_IDEMPOTENCY_KEY="k")
    first = list(Report.objects.order_by("pk").values_list("pk", flat=True))
    assert len(first) == 2
    response = _bulk(platform, lines, HTTP_IDEMPOTENCY_KEY="k")
    ids = [row["report_id"] for row in response.json()["results"]]
    assert ids[:2] == first
    assert Report.objects.count() == 5
    assert _bulk(platform, lines, HTTP_IDEMPOTENCY_KEY="k").json() == response.json()
    lines[1] = factories.report_body()
    changed = _bulk(platform, lines, HTTP_IDEMPOTENCY_KEY="k").json()["results"]
    assert [row["status"] for row in changed].count("accepted") == 4
    assert changed[1]["code"] == "idempotency_mismatch"
    assert Report.objects.count() == 5


def test_a_line_the_domain_refuses_is_one_line(platform: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Report:
        raise ModerationError("not now", pointer="/content")

    monkeypatch.setattr(intake, "receive_report", refuse)
    (row,) = _bulk(platform, [factories.report_body()]).json()["results"]
    assert (row["status"], row["code"], row["errors"]) == (
        "rejected",
        "refused",
        [{"pointer": "/content", "detail": "not now"}],
    )


@pytest.mark.django_db(transaction=True)
def test_two_bulk_requests_in_opposite_order_both_succeed(db: None) -> None:
    factories.installation()
    client = factories.api_client(factories.user("integrator", role="integrator"))
    headers = client._credentials  # type: ignore[attr-defined]
    lines = [factories.report_body(id=f"m{number}") for number in range(60)]
    for number, line in enumerate(lines):
        line["author"]["id"] = f"a{number}"
        line["reporter"]["id"] = f"a{59 - number}"

    def send(order: list[Any]) -> Any:
        own = APIClient()
        own.credentials(**headers)
        return _bulk(own, order).json().get("accepted")

    results = at_once([lambda: send(lines), lambda: send(lines[::-1])])
    assert results == [60, 60]
    assert Content.objects.count() == 60


# Content


def _content(text: str = factories.BENIGN, **fields: Any) -> dict[str, Any]:
    body = factories.report_body(text, **fields)
    return {"content": body["content"], "author": body["author"]}


def test_content_without_a_report_is_scored_and_may_open_a_case(platform: APIClient) -> None:
    response = post(platform, _content(factories.SPAM, id="m"), "/api/v1/content")
    assert response.status_code == 202
    assert response.json() == {"content_id": "m", "revision": 1, "status_url": "/api/v1/content/m"}
    factories.score_all()
    status = platform.get("/api/v1/content/m").json()
    assert (status["scoring_state"], status["case_id"]) == ("scored", Case.objects.get().pk)


def test_the_same_id_with_another_text_is_a_new_revision(platform: APIClient) -> None:
    body = _content(id="m")
    post(platform, body, "/api/v1/content", HTTP_IDEMPOTENCY_KEY="k")
    answer = post(platform, _content("another", id="m"), "/api/v1/content").json()
    assert answer["revision"] == 2
    assert post(platform, body, "/api/v1/content", HTTP_IDEMPOTENCY_KEY="k").json()["revision"] == 1
    assert Content.objects.get().current_revision.number == 2  # type: ignore[union-attr]


def test_a_deletion_closes_what_is_open(platform: APIClient, integrator: User) -> None:
    factories.case(sent_by=integrator, id="a/b")
    assert platform.delete("/api/v1/content/a/b").status_code == 204
    assert Case.objects.get().status == "withdrawn"
    assert platform.delete("/api/v1/content/a/b").status_code == 204
    problem(platform.delete("/api/v1/content/nothing"), 404, "not_found")
    problem(platform.delete("/api/v1/content/a%00b"), 404, "not_found")
