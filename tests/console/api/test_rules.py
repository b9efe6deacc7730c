"""Rules, backtests and banks over the API: what the browser does, by the same services."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from moderation import tasks
from moderation.models import AuditEvent, BankEntry, RoutingRule, User
from tests import factories

SPAM = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}
BODY = {"name": "Spam first", "condition": SPAM, "queue": "urgent"}


@pytest.fixture
def api(admin: User) -> APIClient:
    """An administrator's client."""
    return factories.api_client(admin, "admin")


def _post(api: APIClient, address: str, body: Any = None, **headers: str) -> Any:
    return api.post(f"/api/v1/{address}", body or {}, format="json", headers=headers)


def test_a_rule_from_draft_to_live_and_out(api: APIClient, integrator: User) -> None:
    created = _post(api, "rules", {**BODY, "priority_boost": 3, "opens_cases": True})
    assert created.status_code == 201
    rule = created.json()
    assert (rule["state"], rule["version"], rule["position"], rule["queue"]) == ("draft", 1, 7, "urgent")
    assert rule["words"] == "score of “Spam and scams” at least 0.5"
    assert rule["record"] == {"hits": 0, "judged": 0, "upheld": 0, "precision": None}
    assert rule["findings"] == []
    address = f"rules/{rule['id']}"
    changed = api.put(f"/api/v1/{address}", {**BODY, "name": "Other", "version": 1}, format="json")
    assert (changed.json()["name"], changed.json()["version"], changed.json()["opens_cases"]) == ("Other", 2, False)
    assert _post(api, f"{address}/move", {"position": 1}).json()["position"] == 1
    live = _post(api, f"{address}/state", {"state": "live", "version": 2}).json()
    assert (live["state"], live["version"]) == ("live", 3)
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "urgent"
    assert api.get(f"/api/v1/{address}").json()["record"]["hits"] == 1
    draft = _post(api, f"{address}/draft").json()
    assert (draft["replaces"], draft["state"], draft["position"]) == (rule["id"], "draft", 2)
    assert api.delete(f"/api/v1/rules/{draft['id']}?version=1").status_code == 204
    assert _post(api, f"{address}/state", {"state": "retired", "version": 3}).json()["state"] == "retired"
    listed = api.get("/api/v1/rules").json()["results"]
    assert [row["position"] for row in listed] == [1, 2, 3, 4, 5, 6]
    assert [row["id"] for row in api.get("/api/v1/rules?state=retired").json()["results"]] == [rule["id"]]
    assert api.get("/api/v1/rules?state=x").status_code == 400
    kinds = AuditEvent.objects.filter(kind__startswith="rule.").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == [
        f"rule.{kind}" for kind in ("created", "changed", "moved", "changed", "created", "deleted", "changed")
    ]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"condition": {"all": [SPAM, {"any": [{**SPAM, "value": 2}]}]}}, "/condition/all/1/any/0/value"),
        ({"condition": 1}, "/condition"),
        ({"condition": None}, "/condition"),
        ({"queue": "nowhere"}, "/queue"),
        ({"priority_boost": "3"}, "/priority_boost"),
        ({"priority_boost": 1000}, "/priority_boost"),
        ({"audit_rate": 0.5}, "/opens_cases"),
        ({"automatic_actions": ["shout"]}, "/automatic_actions/0"),
        ({"colour": "red"}, "/colour"),
        ({"opens_cases": 1}, "/opens_cases"),
    ],
)
def test_what_is_wrong_is_told_with_a_pointer(api: APIClient, changes: dict[str, Any], pointer: str) -> None:
    answer = _post(api, "rules", {**BODY, **changes})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_lists_come_in_pages(api: APIClient) -> None:
    first = api.get("/api/v1/rules?page_size=4").json()
    second = api.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == list(RoutingRule.objects.order_by("position").values_list("pk", flat=True))
    assert second["next"] is None


def test_a_stale_version_is_a_conflict(api: APIClient) -> None:
    rule = _post(api, "rules", BODY).json()
    for answer in (
        api.put(f"/api/v1/rules/{rule['id']}", {**BODY, "version": 9}, format="json"),
        _post(api, f"rules/{rule['id']}/state", {"state": "live", "version": 9}),
        api.delete(f"/api/v1/rules/{rule['id']}?version=9"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert api.delete(f"/api/v1/rules/{rule['id']}").status_code == 400


def test_a_repeated_post_makes_one_rule(api: APIClient) -> None:
    answers = [_post(api, "rules", BODY, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1]["Idempotency-Replayed"] == "true"
    assert _post(api, "rules", {**BODY, "name": "x"}, **{"Idempotency-Key": "k"}).status_code == 422


def test_a_backtest_is_asked_for_followed_and_cancelled(api: APIClient, integrator: User) -> None:
    factories.case(factories.SPAM, sent_by=integrator, id="seen")
    rule = _post(api, "rules", BODY).json()
    _post(api, f"rules/{rule['id']}/move", {"position": 1})
    asked = _post(api, f"rules/{rule['id']}/backtests", {"days": 7})
    assert (asked.status_code, asked.json()["state"], asked.json()["total"]) == (202, "waiting", 1)
    assert _post(api, f"rules/{rule['id']}/backtests").status_code == 409
    tasks.run_backtests()
    done = api.get(f"/api/v1/backtests/{asked.json()['id']}").json()
    assert (done["state"], done["looked_at"], done["counts"]["moved"]) == ("done", 1, 1)
    assert done["moves"] == [{"from": "spam", "to": "urgent", "count": 1}]
    assert done["examples"]["moved"] == ["seen"]
    assert (done["overlaps"][0]["decides"], done["overlaps"][0]["count"]) == (False, 1)
    other = _post(api, f"rules/{rule['id']}/backtests", {"days": 1}).json()
    cancelled = _post(api, f"backtests/{other['id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    assert _post(api, f"backtests/{other['id']}/cancel").status_code == 409
    rows = api.get(f"/api/v1/rules/{rule['id']}/backtests").json()["results"]
    assert [row["id"] for row in rows] == [other["id"], asked.json()["id"]]
    assert _post(api, f"rules/{rule['id']}/backtests", {"days": 0}).status_code == 400


def test_the_facts_that_can_be_asked_are_told(api: APIClient) -> None:
    facts = {fact["name"]: fact for fact in api.get("/api/v1/rules/facts").json()}
    assert facts["score"]["of"] == "policy"
    assert {"name": "matches", "takes": "pattern"} in facts["text"]["operators"]


def test_banks_and_entries(api: APIClient, integrator: User, admin: User) -> None:
    body = {"slug": "links", "name": "Links", "kind": "domain", "policy": "spam"}
    bank = _post(api, "banks", body)
    assert (bank.status_code, bank.json()["entries"]) == (201, 0)
    assert _post(api, "banks", body).json()["errors"][0]["pointer"] == "/slug"
    factories.content("see https://bad.example/x", sent_by=integrator, id="old")
    seen = _post(api, "banks/links/preview", {"value": "www.Bad.Example", "days": 7}).json()
    assert seen == {"days": 7, "available": 1, "looked_at": 1, "caught": 1, "examples": ["old"]}
    assert not BankEntry.objects.exists()
    refused = _post(api, "banks/links/preview", {"value": "co.uk"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/value")
    entry = _post(api, "banks/links/entries", {"value": "www.Bad.Example", "expires_at": "2099-01-01T00:00:00Z"}).json()
    assert (entry["value"], entry["owner"], entry["hits"]) == ("bad.example", "admin", 0)
    assert _post(api, "banks/links/entries", {"value": "bad.example"}).status_code == 409
    factories.score_all()
    address = f"/api/v1/bank-entries/{entry['id']}"
    assert api.get(address).json()["hits"] == 1
    changed = api.put(address, {"note": "n", "owner": None}, format="json").json()
    assert (changed["note"], changed["owner"], changed["expires_at"]) == ("n", None, None)
    assert len(api.get("/api/v1/banks/links/entries?containing=BAD").json()["results"]) == 1
    assert api.get("/api/v1/banks/links/entries?containing=other").json()["results"] == []
    off = api.put("/api/v1/banks/links", {"name": "L", "policy": "hate", "is_active": False}, format="json").json()
    assert (off["policy"], off["is_active"], off["entries"]) == ("hate", False, 1)
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert [row["slug"] for row in api.get("/api/v1/banks").json()["results"]] == ["links"]
    assert api.get("/api/v1/banks/none").status_code == 404


def test_attributes_of_a_content_are_taken_in_for_rules(platform: APIClient, integrator: User, api: APIClient) -> None:
    condition = {"fact": "content_attribute", "of": "channel", "is": "one_of", "value": ["market"]}
    factories.rule(condition, queue=factories.Queue.objects.get(slug="spam"), opens_cases=True)
    body = {
        key: value for key, value in factories.report_body(factories.BENIGN).items() if key in {"content", "author"}
    }
    body["content"]["attributes"] = {"channel": "market"}
    assert platform.post("/api/v1/content", body, format="json").status_code == 202
    factories.score_all()
    content_id = body["content"]["id"]
    assert platform.get(f"/api/v1/content/{content_id}").json()["case_id"] is not None
    body["content"]["attributes"] = ["no object"]
    refused = platform.post("/api/v1/content", body, format="json")
    assert refused.json()["errors"][0]["pointer"] == "/content/attributes"
