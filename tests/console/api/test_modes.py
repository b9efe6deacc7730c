"""Each way to work off a queue, by API alone, and the audit events it leaves: who did what to which case."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from moderation.models import AuditEvent, User
from tests import factories

WAVE = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "
SPAM = {"verdict": "violates", "policies": ["spam"], "actions": ["remove"]}


@pytest.fixture
def worker(moderator: User) -> APIClient:
    return factories.api_client(moderator)


@pytest.fixture
def lead(senior: User) -> APIClient:
    return factories.api_client(senior)


def _post(client: APIClient, address: str, body: dict[str, Any] | None = None) -> Any:
    answer = client.post(f"/api/v1/{address}", body or {}, format="json")
    assert answer.status_code < 300, answer.content
    return answer.json() if answer.content else None


def _claim(client: APIClient) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The address of the next case, what a decision must name, and the lease token alone."""
    case = _post(client, "queues/reports/claim")
    token = {"lease_token": case["lease"]["token"]}
    return f"cases/{case['id']}", {**token, "version": case["version"], "evidence_id": case["evidence_id"]}, token


def _events(*people: User) -> list[tuple[str, str, int | None]]:
    """What they did, in order: the kind, by whom, and to which case."""
    rows = AuditEvent.objects.filter(actor__in=people).exclude(kind__startswith="key.").order_by("pk")
    return [(row.kind, row.actor.username if row.actor else "", row.case_id) for row in rows]


def test_case_by_case(integrator: User, moderator: User, senior: User, worker: APIClient, lead: APIClient) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    address, _, token = _claim(worker)
    _post(worker, f"{address}/release", token)
    address, _, token = _claim(worker)
    _post(worker, f"{address}/escalate", {**token, "note": "is this a threat?"})
    _post(worker, f"{address}/take-back")
    _post(lead, f"{address}/take-over")
    _post(lead, f"{address}/release", {"lease_token": lead.get(f"/api/v1/{address}").json()["lease"]["token"]})
    address, held, _ = _claim(worker)
    decision = _post(worker, f"{address}/decision", {**held, "verdict": "ok"})
    _post(worker, f"decisions/{decision['id']}/undo")
    address, held, _ = _claim(worker)
    decision = _post(worker, f"{address}/decision", {**held, "verdict": "ok"})
    _post(lead, f"decisions/{decision['id']}/override", SPAM)
    assert {of for _, _, of in _events(moderator, senior)} == {case.pk}
    assert [(kind, who) for kind, who, _ in _events(moderator, senior)] == [
        ("review.claimed", "moderator"),
        ("review.released", "moderator"),
        ("review.claimed", "moderator"),
        ("review.escalated", "moderator"),
        ("review.escalation_undone", "moderator"),
        ("review.claimed", "moderator"),
        ("review.taken_over", "senior"),
        ("review.claimed", "senior"),
        ("review.released", "senior"),
        ("review.claimed", "moderator"),
        ("case.decided", "moderator"),
        ("decision.undone", "moderator"),
        ("review.claimed", "moderator"),
        ("case.decided", "moderator"),
        ("decision.overridden", "senior"),
    ]


def test_a_reservation_and_a_skip(integrator: User, moderator: User, worker: APIClient) -> None:
    first, second = (factories.case(f"{factories.BENIGN} {n}", sent_by=integrator) for n in range(2))
    address, _, token = _claim(worker)
    _post(worker, "queues/reports/reservation")
    _post(worker, f"{address}/skip", {**token, "reason": "expertise"})
    one, other = (first, second) if address == f"cases/{first.pk}" else (second, first)
    assert _events(moderator) == [
        ("review.claimed", "moderator", one.pk),
        ("review.reserved", "moderator", other.pk),
        ("review.skipped", "moderator", one.pk),
    ]


@pytest.mark.parametrize("mode", ["score", "campaign", "account"])
def test_many_as_one(mode: str, integrator: User, senior: User, lead: APIClient) -> None:
    cases = [factories.case(f"{WAVE}{n}", sent_by=integrator, author="wave") for n in range(3)]
    scope: dict[str, Any] = {"mode": mode}
    if mode == "score":
        scope |= {"policy": "spam", "score_from": 0.0, "score_to": 1.0}
    elif mode == "campaign":
        scope |= {"campaign": lead.get("/api/v1/campaigns").json()[0]["id"]}
    else:
        scope |= {"account": "wave"}
    made = _post(lead, "batches", {**scope, **SPAM, "exceptions": [cases[0].pk]})
    _post(lead, f"batches/{made['id']}/undo")
    events = _events(senior)
    for kind in ("case.decided", "decision.undone"):
        assert {of for what, _, of in events if what == kind} == {case.pk for case in cases[1:]}
    course = ["batch.decided", "batch.ended", "batch.undone", "batch.ended"]
    assert [kind for kind, _, _ in events if kind.startswith("batch.")] == course
