"""Holds, disagreements, taking back, precedents and figures by API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from moderation.models import Case, Decision, Hold, ProtectedAccount, Queue, User
from moderation.services import measuring
from tests import factories


@pytest.fixture
def api(moderator: User) -> APIClient:
    return factories.api_client(moderator)


@pytest.fixture
def lead(senior: User) -> APIClient:
    return factories.api_client(senior)


def _decide(client: APIClient, queue: Queue, expected: int = 201, **opinion: Any) -> dict[str, Any]:
    case = client.post(f"/api/v1/queues/{queue.slug}/claim").json()
    body = {
        "lease_token": case["lease"]["token"],
        "version": case["version"],
        "evidence_id": case["evidence_id"],
        **(opinion or {"verdict": "violates", "policies": ["harassment"], "actions": ["remove"]}),
    }
    answer = client.post(f"/api/v1/cases/{case['id']}/decision", body, format="json")
    assert answer.status_code == expected, answer.json()
    found: dict[str, Any] = answer.json()
    return found


def test_a_hold_is_listed_approved_once_and_sent_back(
    api: APIClient, lead: APIClient, integrator: User, moderator: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    ProtectedAccount.objects.create(account=case.content.author)
    held = _decide(api, case.queue)
    assert (held["id"], held["standing"], held["undo_until"]) == (None, "held", None)
    (row,) = lead.get("/api/v1/holds").json()["results"]
    assert (row["reason"], row["state"], row["judgement"]["reviewer"]) == ("protected", "held", "moderator")
    assert api.get("/api/v1/holds").status_code == 403
    first = lead.post(f"/api/v1/holds/{row['id']}/approve")
    assert (first.status_code, first.json()["verdict"]) == (200, "violates")
    assert lead.post(f"/api/v1/holds/{row['id']}/approve").json() == first.json()
    refused = lead.post(f"/api/v1/holds/{row['id']}/reject", {"note": "no"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")
    assert lead.post(f"/api/v1/holds/{row['id']}/reject", {}, format="json").status_code == 400
    factories.case(factories.BENIGN, sent_by=integrator)
    _decide(api, case.queue)
    hold = Hold.objects.get(state="held")
    back = lead.post(f"/api/v1/holds/{hold.pk}/reject", {"note": "Look again."}, format="json").json()
    assert (back["state"], back["settled_by"], back["note"]) == ("rejected", "senior", "Look again.")
    assert api.post(f"/api/v1/queues/{case.queue.slug}/claim").status_code == 204


def test_a_disagreement_is_listed_claimed_with_both_judgements_and_bound(
    api: APIClient, lead: APIClient, integrator: User, colleague: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    assert _decide(api, case.queue)["standing"] == "awaits_second"
    other = factories.api_client(colleague)
    apart = _decide(other, case.queue, verdict="ok", rationale="banter")
    assert apart["standing"] == "awaits_adjudication"
    (row,) = lead.get("/api/v1/adjudications").json()["results"]
    assert [one["verdict"] for one in row["judgements"]] == ["violates", "ok"]
    assert api.get("/api/v1/adjudications").status_code == 403
    claimed = lead.post(f"/api/v1/queues/{row['queue']}/claim").json()
    assert [(one["reviewer"], one["rationale"]) for one in claimed["judgements"]] == [
        ("moderator", ""),
        ("colleague", "banter"),
    ]
    queue = Queue.objects.get(slug=row["queue"])
    assert _decide(lead, queue, verdict="ok")["standing"] == "binding"
    assert Decision.objects.get().verdict == "ok"


def test_a_blind_first_judgement_is_followed_by_the_claim_of_the_second_look(api: APIClient, integrator: User) -> None:
    factories.plan(blind_rate=1)
    case = factories.case(sent_by=integrator)
    first = _decide(api, case.queue, verdict="ok")
    assert (first["standing"], first["id"]) == ("informed", None)
    second = _decide(api, case.queue)
    assert (second["standing"], second["verdict"]) == ("binding", "violates")


def test_an_escalation_takes_a_note_and_is_taken_back(
    api: APIClient, lead: APIClient, integrator: User, moderator: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    claimed = api.post(f"/api/v1/queues/{case.queue.slug}/claim").json()
    body = {"lease_token": claimed["lease"]["token"], "note": "Is this a threat?"}
    address = f"/api/v1/cases/{case.pk}"
    too_long = {**body, "note": "x" * 2001}
    assert api.post(f"{address}/escalate", too_long, format="json").status_code == 400
    assert api.post(f"{address}/escalate", body, format="json").status_code == 204
    taken = api.post(f"{address}/take-back")
    assert (taken.status_code, taken.json()["queue"]) == (200, case.queue.slug)
    again = {**body, "lease_token": taken.json()["lease"]["token"]}
    assert api.post(f"{address}/escalate", again, format="json").status_code == 204
    seen = lead.post("/api/v1/queues/escalations/claim").json()
    assert (seen["escalation"]["by"], seen["escalation"]["note"]) == ("moderator", "Is this a threat?")
    refused = api.post(f"{address}/take-back")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")


def test_a_claim_brings_precedents_and_a_decision_says_what_it_goes_against(
    api: APIClient, integrator: User, moderator: User
) -> None:
    for n in range(5):
        case = factories.case(f"{factories.ABUSIVE}, number {n}", sent_by=integrator)
        factories.decide(factories.claim(case, moderator), moderator)
    case = factories.case(f"{factories.ABUSIVE}, number 9", sent_by=integrator)
    claimed = api.post(f"/api/v1/queues/{case.queue.slug}/claim").json()
    assert claimed["practice"] == {"verdict": "violates", "policies": ["harassment"], "count": 5}
    assert len(claimed["precedents"]) == 5
    assert {"case_id", "likeness", "verdict", "policies", "actions", "decided_at"} == set(claimed["precedents"][0])
    decided = _decide(api, case.queue, verdict="ok")
    assert decided["against_practice"] == claimed["practice"]


def test_a_replay_says_what_was_said(api: APIClient, integrator: User, colleague: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    claimed = api.post(f"/api/v1/queues/{case.queue.slug}/claim").json()
    body = {
        "lease_token": claimed["lease"]["token"],
        "version": claimed["version"],
        "evidence_id": claimed["evidence_id"],
        "verdict": "ok",
        "rationale": "nothing here",
    }
    address = f"/api/v1/cases/{case.pk}/decision"
    first = api.post(address, body, format="json", HTTP_IDEMPOTENCY_KEY="k").json()
    factories.judge(factories.claim(Case.objects.get(), colleague), colleague, "ok")
    assert api.post(address, body, format="json", HTTP_IDEMPOTENCY_KEY="k").json() == first
    assert first["standing"] == "awaits_second"


def test_figures_are_for_whom_they_are_meant(
    api: APIClient, lead: APIClient, integrator: User, moderator: User, colleague: User
) -> None:
    for person in (moderator, colleague):
        factories.decide(factories.claim(factories.case(sent_by=integrator), person), person)
    measuring.measure()
    own = api.get("/api/v1/quality").json()
    assert [row["user"] for row in own["people"]] == ["moderator"]
    assert "policies" not in own
    everyone = lead.get("/api/v1/quality").json()
    assert {row["user"] for row in everyone["people"]} == {"moderator", "colleague"}
    assert everyone["pairs"] == 0
    assert api.get("/api/v1/insights").status_code == 403
    assert lead.get("/api/v1/insights").json()["drawn"] == 0
