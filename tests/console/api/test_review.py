"""Review over the API: claim, renew, decide, undo, override, appeal; reading cases, scores, labels, health."""

import json
import math
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from console import health
from moderation.enums import ModelStatus
from moderation.models import Case, Decision, Label, ModelVersion, Policy, Review, User
from moderation.services.intake import receive_report
from tests import factories
from tests.console.api.test_problems import post, problem


def _claim(client: APIClient, queue: str = "reports") -> Any:
    return post(client, b"", f"/api/v1/queues/{queue}/claim")


def _decision(case: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "lease_token": case["lease"]["token"],
        "version": case["version"],
        "evidence_id": case["evidence_id"],
        "verdict": "ok",
        **fields,
    }


@pytest.fixture
def reviewer(moderator: User) -> APIClient:
    return factories.api_client(moderator)


def test_a_case_is_claimed_read_renewed_and_decided(integrator: User, reviewer: APIClient) -> None:
    assert _claim(reviewer).status_code == 204
    factories.case(factories.BENIGN, sent_by=integrator)
    first = _claim(reviewer)
    assert first.status_code == 200
    case = first.json()
    assert {"id", "status", "queue", "priority", "priority_reasons", "why_shown", "content", "reports"} <= set(case)
    assert {"predictions", "lease", "version", "review_id", "evidence_id"} <= set(case)
    assert case["content"]["text"] == factories.BENIGN
    assert case["lease"]["holder"] == "moderator"
    assert [row["policy"] for row in case["predictions"]] == list(Policy.objects.values_list("slug", flat=True))
    assert case["priority"] == pytest.approx(sum(row["points"] for row in case["priority_reasons"]), abs=0.1)
    assert _claim(reviewer).json()["lease"]["token"] == case["lease"]["token"]

    address = f"/api/v1/cases/{case['id']}"
    beat = post(reviewer, {"lease_token": case["lease"]["token"]}, f"{address}/heartbeat")
    assert beat.json()["expires_at"] > case["lease"]["expires_at"]
    body = _decision(case, verdict="violates", policies=["spam"], actions=["remove"], spans=[{"start": 0, "end": 4}])
    decided = post(reviewer, body, f"{address}/decision", HTTP_IDEMPOTENCY_KEY="d")
    assert decided.status_code == 201
    decision = Decision.objects.get()
    assert decided.json() | {"undo_until": None, "created_at": None} == {
        "id": decision.pk,
        "case_id": case["id"],
        "kind": "review",
        "verdict": "violates",
        "policies": ["spam"],
        "actions": ["remove"],
        "supersedes": None,
        "evidence_id": case["evidence_id"],
        "undo_until": None,
        "created_at": None,
        "standing": "binding",
        "against_practice": None,
        "golden": None,
    }
    assert post(reviewer, body, f"{address}/decision", HTTP_IDEMPOTENCY_KEY="d").json() == decided.json()
    gone = problem(post(reviewer, body, f"{address}/decision"), 409, "lease_lost")
    assert gone["holder"] == "moderator"
    assert gone["since"]
    after = reviewer.get(address).json()
    assert (after["status"], after["lease"], len(after["decisions"])) == ("decided", None, 1)


def test_conflicts_say_who_and_when(integrator: User, reviewer: APIClient, senior: User) -> None:
    factories.case(factories.BENIGN, sent_by=integrator, id="m")
    case = _claim(reviewer).json()
    factories.content("edited", sent_by=integrator, id="m")
    stale = problem(post(reviewer, _decision(case), f"/api/v1/cases/{case['id']}/decision"), 409, "stale_version")
    assert (stale["by"], stale["version"]) == ("integrator", case["version"] + 1)
    assert stale["at"]
    Review.objects.update(lease_expires_at="2026-01-01T00:00:00Z")
    other = _claim(factories.api_client(senior)).json()
    assert other["id"] == case["id"]
    lost = problem(post(reviewer, _decision(case), f"/api/v1/cases/{case['id']}/decision"), 409, "lease_lost")
    assert lost["holder"] == "senior"


def test_a_token_is_shown_to_its_holder_alone(integrator: User, reviewer: APIClient, platform: APIClient) -> None:
    factories.case(factories.BENIGN, sent_by=integrator)
    case = _claim(reviewer).json()
    lease = platform.get(f"/api/v1/cases/{case['id']}").json()["lease"]
    assert (lease["holder"], "token" in lease) == ("moderator", False)


@pytest.mark.parametrize(("action", "state"), [("release", "waiting"), ("skip", "waiting"), ("escalate", "waiting")])
def test_a_lease_is_given_up(action: str, state: str, integrator: User, reviewer: APIClient) -> None:
    factories.case(factories.BENIGN, sent_by=integrator)
    case = _claim(reviewer).json()
    body = {"lease_token": case["lease"]["token"]}
    assert post(reviewer, body, f"/api/v1/cases/{case['id']}/{action}").status_code == 204
    assert Review.objects.get().state == state
    problem(post(reviewer, body, f"/api/v1/cases/{case['id']}/{action}"), 409, "lease_lost")
    offered = _claim(reviewer)
    assert offered.status_code == (200 if action == "release" else 204)


def test_undo_override_and_appeal(integrator: User, moderator: User, senior: User, platform: APIClient) -> None:
    reviewer, chief = factories.api_client(moderator), factories.api_client(senior)
    factories.case(factories.BENIGN, sent_by=integrator)
    case = _claim(reviewer).json()
    violates = {"verdict": "violates", "policies": ["hate"], "actions": ["remove"]}
    first = post(reviewer, _decision(case, **violates), f"/api/v1/cases/{case['id']}/decision").json()
    again = post(reviewer, b"", f"/api/v1/decisions/{first['id']}/undo")
    assert again.status_code == 200
    assert again.json()["status"] == "open"
    problem(post(reviewer, b"", f"/api/v1/decisions/{first['id']}/undo"), 409, "already_decided")
    second = post(reviewer, _decision(again.json(), **violates), f"/api/v1/cases/{case['id']}/decision").json()

    problem(post(reviewer, {"verdict": "ok"}, f"/api/v1/decisions/{second['id']}/override"), 403, "not_permitted")
    third = post(chief, {"verdict": "ok"}, f"/api/v1/decisions/{second['id']}/override")
    assert (third.status_code, third.json()["supersedes"]) == (201, second["id"])
    appeals = f"/api/v1/decisions/{third.json()['id']}/appeals"
    body = {"statement": "wrong", "appellant": {"id": "author-1"}}
    opened = post(platform, body, appeals, HTTP_IDEMPOTENCY_KEY="a")
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    resolve = f"/api/v1/appeals/{opened.json()['id']}/resolve"
    problem(post(chief, {"outcome": "uphold"}, resolve), 403, "not_permitted")
    other = factories.api_client(factories.user("second-senior", role="senior"))
    for wrong in ({"outcome": "overturn"}, {"outcome": "uphold", "opinion": {"verdict": "ok"}}):
        problem(post(other, wrong, resolve), 400, "invalid", "/opinion")
    problem(
        post(other, {"outcome": "overturn", "opinion": {"verdict": "no"}}, resolve), 400, "invalid", "/opinion/verdict"
    )
    resolved = post(other, {"outcome": "overturn", "opinion": violates}, resolve)
    assert (resolved.status_code, resolved.json()["state"]) == (200, "overturned")
    assert post(platform, body, appeals, HTTP_IDEMPOTENCY_KEY="a").json() == opened.json()
    problem(post(platform, body, appeals), 409, "already_decided")


def test_cases_are_listed_by_cursor_and_filter(integrator: User, platform: APIClient) -> None:
    made = [factories.case(f"{factories.BENIGN} {number}", sent_by=integrator).pk for number in range(7)]
    seen: list[int] = []
    address = "/api/v1/cases?page_size=3&status=open&queue=reports"
    while address:
        page = platform.get(address).json()
        seen += [row["id"] for row in page["results"]]
        assert len(page["results"]) <= 3
        address = page["next"]
    assert seen == made[::-1]
    assert platform.get("/api/v1/cases?status=decided").json()["results"] == []
    assert platform.get("/api/v1/cases?queue=no%00where").json()["results"] == []
    assert len(platform.get("/api/v1/cases?page_size=100000").json()["results"]) == 7


def test_a_score_adds_up_on_code_points_of_the_text_sent(platform: APIClient) -> None:
    text = "🦄 you stupid idiot, fuck you"
    response = post(
        platform, {"text": text, "author": {"id": "x", "created_at": "2020-01-01T00:00:00Z"}}, "/api/v1/score"
    )
    body = response.json()
    assert (response.status_code, body["model"]) == (200, "v1")
    assert {row["policy"] for row in body["policies"]} == set(Policy.objects.values_list("slug", flat=True))
    for row in body["policies"]:
        total = math.fsum(
            [
                row["base_value"],
                row["absent"],
                *(part["value"] for part in row["attributions"]),
                *(part["contribution"] for part in row["context_attributions"]),
            ]
        )
        assert total == pytest.approx(row["logit"], abs=1e-9)
        assert 1 / (1 + math.exp(-row["logit"])) == pytest.approx(row["score"], abs=1e-12)
        assert row["flagged"] == (row["score"] >= row["threshold"])
        assert all(0 <= part["start"] < part["end"] <= len(text) for part in row["attributions"])
    harassment = next(row for row in body["policies"] if row["policy"] == "harassment")
    top = max(harassment["attributions"], key=lambda part: part["value"])
    assert text[top["start"] : top["end"]] in {"idiot", "stupid", "fuck"}


def test_a_score_equals_what_the_worker_stores(platform: APIClient, integrator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator)
    scored = post(platform, {"text": factories.SPAM}, "/api/v1/score").json()["policies"]
    stored = platform.get(f"/api/v1/cases/{case.pk}").json()["predictions"]
    assert {row["policy"]: row["attributions"] for row in scored} == {
        row["policy"]: row["attributions"] for row in stored
    }


def test_a_score_without_explanation_is_shorter(platform: APIClient) -> None:
    (row, *_) = post(platform, {"text": "x", "explain": False}, "/api/v1/score").json()["policies"]
    assert "attributions" not in row
    assert "score" in row
    problem(post(platform, {"text": "x", "explain": "no"}, "/api/v1/score"), 400, "invalid", "/explain")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_any_text_can_be_scored(text: str, platform: APIClient) -> None:
    response = post(platform, {"text": text}, "/api/v1/score")
    assert response.status_code == 200
    for row in response.json()["policies"]:
        assert math.isfinite(row["logit"])
        assert all(0 <= part["start"] < part["end"] <= len(text) for part in row["attributions"])


def test_without_a_model_a_score_is_503_and_a_report_is_accepted(platform: APIClient) -> None:
    ModelVersion.objects.update(status=ModelStatus.RETIRED)
    problem(post(platform, {"text": "x"}, "/api/v1/score"), 503, "model_unavailable")
    assert post(platform, factories.report_body()).status_code == 202
    ready = platform.get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["model"]) == (200, "degraded", "unavailable")


def test_labels_stream_with_their_lineage(integrator: User, moderator: User, platform: APIClient) -> None:
    from moderation.services import decisions

    case = factories.case(factories.BENIGN, sent_by=integrator, id="m", policy="hate")
    first = factories.decide(factories.claim(case, moderator), moderator, policies=["hate"])
    factories.decide(decisions.undo(decision_id=first.pk, acting_user=moderator), moderator, "ok")
    response = platform.get("/api/v1/labels")
    assert response["Content-Type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]  # type: ignore[attr-defined]
    hate = [row for row in rows if row["policy"] == "hate"]
    assert [row["value"] for row in hate] == [True, None, False]
    assert [row["supersedes"] for row in hate] == [None, hate[0]["label"], hate[1]["label"]]
    expected = {"content", "policy", "value", "weight", "why_shown", "sampling_probability", "decision"}
    assert expected | {"supersedes", "split"} <= set(hate[0])
    assert (hate[0]["content"], hate[0]["decision"]) == ("m", first.pk)
    assert hate[0]["split"] in {"train", "validation", "test"}
    assert len(rows) == Label.objects.count()


def test_health_says_what_is_down(platform: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.cache import cache

    cache.clear()
    for prefix in ("", "/api/v1"):
        assert Client().get(f"{prefix}/healthz").status_code == 200
        assert Client().get(f"{prefix}/readyz").json() == {
            "status": "ok",
            "database": "ok",
            "broker": "ok",
            "model": "ok",
        }
    cache.clear()
    monkeypatch.setattr(health, "_ask_broker", lambda: "unavailable")
    ready = Client().get("/readyz")
    assert (ready.status_code, ready.json()["status"], ready.json()["broker"]) == (200, "degraded", "unavailable")
    cache.clear()


def test_a_broker_at_a_closed_port_is_seen_as_down(settings: Any) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert health._ask_broker() == "unavailable"
    settings.CELERY_BROKER_URL = "amqp://127.0.0.1:1//"
    assert health._ask_broker() == "unavailable"


def test_metrics_are_prometheus_text_for_who_may_read_them(platform: APIClient, integrator: User) -> None:
    factories.case(factories.BENIGN, sent_by=integrator)
    factories.content(sent_by=integrator)
    text = platform.get("/metrics").content.decode()
    assert 'evenhand_open_cases{queue="reports"} 1.0' in text
    assert "evenhand_contents_pending 1.0" in text
    assert Client().get("/metrics").status_code == 401


def test_the_schema_is_openapi_3_1_and_names_every_operation() -> None:
    schema = json.loads(Client().get("/api/v1/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content)
    assert schema["openapi"].startswith("3.1")
    operations = {
        row["operationId"] for path in schema["paths"].values() for row in path.values() if isinstance(row, dict)
    }
    assert {"create_report", "claim_case", "decide_case", "score_text", "stream_labels"} <= operations
    assert Client().get("/api/v1/docs/").status_code == 200


def test_reports_keep_their_own_lines_in_a_case(integrator: User, platform: APIClient) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, id="m", note="first")
    receive_report(
        submitted=factories.report_input(factories.BENIGN, id="m", reporter_id="r2", note="second", policy="spam"),
        acting_user=integrator,
    )
    factories.score_all()
    body = platform.get(f"/api/v1/cases/{case.pk}").json()
    assert [(row["reporter"], row["note"], row["policy"]) for row in body["reports"]] == [
        ("reporter-1", "first", None),
        ("r2", "second", "spam"),
    ]
    assert Case.objects.count() == 1
