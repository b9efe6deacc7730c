"""Many cases decided as one, by API; reservations and takeovers."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from moderation.models import Case, Decision, Evidence, Review, User
from moderation.services import batches
from tests import factories

WAVE = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "


@pytest.fixture
def lead(senior: User) -> APIClient:
    return factories.api_client(senior)


def _spam(integrator: User, size: int, **fields: str) -> list[Case]:
    return [factories.case(f"{factories.SPAM} {n}", sent_by=integrator, **fields) for n in range(size)]


VIOLATES = {"verdict": "violates", "policies": ["spam"], "actions": ["remove"], "rationale": "one wave"}
HIGH = {"mode": "score", "policy": "spam", "score_from": 0.5, "score_to": 1.0}


def test_a_range_of_scores_from_histogram_to_undo(lead: APIClient, integrator: User) -> None:
    cases = _spam(integrator, 3)
    bins = lead.get("/api/v1/batches/histogram?policy=spam").json()["bins"]
    assert (len(bins), sum(one["count"] for one in bins)) == (50, 3)
    sample = lead.get("/api/v1/batches/sample?policy=spam&score_from=0.5").json()
    assert sample["count"] == 3
    assert {row["case_id"] for row in sample["cases"]} == {case.pk for case in cases}
    assert all(row["text"].startswith("FREE gift card") for row in sample["cases"])
    body = {**HIGH, **VIOLATES, "newest": sample["newest"], "exceptions": [cases[0].pk], "sampled": [cases[1].pk]}
    made = lead.post("/api/v1/batches", body, format="json")
    assert made.status_code == 201
    answer = made.json()
    assert (answer["state"], answer["sampled"], answer["progress"]["decided"]) == ("decided", 1, 2)
    assert lead.get(f"/api/v1/batches/{answer['id']}").json() == answer
    assert lead.get("/api/v1/batches").json()["results"] == [answer]
    undone = lead.post(f"/api/v1/batches/{answer['id']}/undo").json()
    assert (undone["state"], undone["undone_by"], undone["progress"]["undone"]) == ("undone", "senior", 2)
    assert Case.objects.filter(status="open").count() == 3


def test_a_large_batch_goes_on_in_a_worker_and_can_be_stopped(
    lead: APIClient, integrator: User, settings: LazySettings
) -> None:
    settings.BATCH_AT_ONCE = 1
    _spam(integrator, 3)
    made = lead.post("/api/v1/batches", {**HIGH, **VIOLATES}, format="json").json()
    assert (made["state"], made["progress"]["pending"]) == ("deciding", 3)
    batches.go_on(limit=1)
    stopped = lead.post(f"/api/v1/batches/{made['id']}/stop").json()
    assert (stopped["state"], stopped["progress"]["decided"], stopped["progress"]["left_out"]) == ("stopped", 1, 2)
    assert stopped["left_out"] == [{"reason": "The batch was stopped before its turn", "cases": 2}]
    assert lead.post(f"/api/v1/batches/{made['id']}/stop").status_code == 409


def test_the_same_key_makes_one_batch(lead: APIClient, integrator: User) -> None:
    _spam(integrator, 2)
    first, again = (
        lead.post("/api/v1/batches", {**HIGH, **VIOLATES}, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    )
    assert first.json()["id"] == again.json()["id"]
    assert Decision.objects.count() == 2


def test_a_campaign_from_list_to_decision(lead: APIClient, integrator: User) -> None:
    cases = [factories.case(f"{WAVE}{n}", sent_by=integrator, author=f"a{n}") for n in range(4)]
    (found,) = lead.get("/api/v1/campaigns").json()
    assert (found["waiting"], found["authors"], found["decided_by_batch"]) == (4, 4, None)
    detail = lead.get(f"/api/v1/campaigns/{found['id']}").json()
    assert [row["likeness"] for row in detail["cases"]] == sorted(row["likeness"] for row in detail["cases"])
    body = {"mode": "campaign", "campaign": found["id"], **VIOLATES, "exceptions": [cases[0].pk], "follows": True}
    made = lead.post("/api/v1/batches", body, format="json").json()
    assert (made["campaign"], made["follows"], made["progress"]["decided"]) == (found["id"], True, 3)
    assert lead.get(f"/api/v1/campaigns/{found['id']}").json()["decided_by_batch"] == made["id"]


def test_an_account_is_swept(lead: APIClient, integrator: User, moderator: User) -> None:
    spam = _spam(integrator, 2, author="of/slashes")
    held = factories.case(factories.ABUSIVE, sent_by=integrator, author="of/slashes")
    factories.claim(held, moderator)
    sweep = lead.get("/api/v1/accounts/of/slashes/cases").json()
    assert (sweep["count"], sweep["elsewhere"]) == (2, [held.pk])
    body = {"mode": "account", "account": "of/slashes", **VIOLATES}
    made = lead.post("/api/v1/batches", body, format="json").json()
    assert made["progress"]["decided"] == 2
    assert set(Decision.objects.values_list("case", flat=True)) == {case.pk for case in spam}
    assert lead.post("/api/v1/batches", body, format="json").status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**VIOLATES, "mode": "score"}, 400),
        ({**VIOLATES, "mode": "campaign"}, 400),
        ({**VIOLATES, "mode": "account", "account": "nobody"}, 404),
        ({**VIOLATES, **HIGH, "queue": "nowhere"}, 404),
        ({**VIOLATES, **HIGH, "score_to": 1.5}, 400),
        ({**VIOLATES, **HIGH, "mode": "mood"}, 400),
        ({**VIOLATES, **HIGH, "surprise": 1}, 400),
        ({**HIGH, "verdict": "violates", "policies": ["none"]}, 400),
        ({**VIOLATES, **HIGH}, 409),
    ],
)
def test_what_makes_no_sense_is_a_problem(lead: APIClient, body: dict[str, object], status: int) -> None:
    answer = lead.post("/api/v1/batches", body, format="json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "address",
    [
        "batches/histogram",
        "batches/sample",
        "batches/sample?policy=spam&score_from=nan",
        "batches/sample?policy=spam&score_to=x",
        "batches/sample?policy=spam&score_to=2",
    ],
)
def test_bad_questions_are_a_400(lead: APIClient, address: str) -> None:
    assert lead.get(f"/api/v1/{address}").status_code == 400


@pytest.mark.parametrize("address", ["campaigns/987", "batches/987", "accounts/nobody/cases"])
def test_what_there_is_not_is_a_404(lead: APIClient, address: str) -> None:
    assert lead.get(f"/api/v1/{address}").status_code == 404


def test_moderators_make_no_batches(moderator: User, api_for: Callable[..., APIClient]) -> None:
    assert api_for(moderator).get("/api/v1/campaigns").status_code == 403


def test_a_reservation_tells_nothing_and_is_the_next_claim(
    moderator: User, integrator: User, api_for: Callable[..., APIClient]
) -> None:
    client = api_for(moderator)
    for number in range(2):
        factories.case(f"{factories.BENIGN} {number}", sent_by=integrator)
    assert client.post("/api/v1/queues/reports/reservation").status_code == 204
    first = client.post("/api/v1/queues/reports/claim").json()
    reserved = client.post("/api/v1/queues/reports/reservation")
    assert (reserved.status_code, set(reserved.json())) == (200, {"expires_at"})
    kept = Review.objects.get(reserved=True)
    lease = client.get(f"/api/v1/cases/{kept.case_id}").json()["lease"]
    assert (lease["holder"], "token" in lease) == ("moderator", False)
    assert not Evidence.objects.filter(case=kept.case_id).exists()
    assert client.delete("/api/v1/queues/reports/reservation").status_code == 204
    assert not Review.objects.filter(reserved=True).exists()
    client.post("/api/v1/queues/reports/reservation")
    body = {
        "lease_token": first["lease"]["token"],
        "version": first["version"],
        "evidence_id": first["evidence_id"],
        "verdict": "ok",
    }
    assert client.post(f"/api/v1/cases/{first['id']}/decision", body, format="json").status_code == 201
    assert client.post("/api/v1/queues/reports/claim").json()["id"] == kept.case_id


def test_a_lead_takes_over_and_the_holder_is_told(
    lead: APIClient, moderator: User, integrator: User, api_for: Callable[..., APIClient]
) -> None:
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    assert api_for(moderator).post(f"/api/v1/cases/{case.pk}/take-over").status_code == 403
    taken = lead.post(f"/api/v1/cases/{case.pk}/take-over")
    assert (taken.status_code, taken.json()["lease"]["holder"]) == (200, "senior")
    lost = api_for(moderator).post(
        f"/api/v1/cases/{case.pk}/heartbeat", {"lease_token": claim.review.lease_token}, format="json"
    )
    assert (lost.status_code, lost.json()["code"], lost.json()["holder"]) == (409, "lease_lost", "senior")


def test_reasons_for_the_priority_add_up_and_skips_are_counted(
    moderator: User, integrator: User, api_for: Callable[..., APIClient]
) -> None:
    case = factories.case(sent_by=integrator)
    client = api_for(moderator)
    claim = factories.claim(case, moderator)
    body = {"lease_token": claim.review.lease_token, "reason": "language"}
    assert client.post(f"/api/v1/cases/{case.pk}/skip", body, format="json").status_code == 204
    told = client.get(f"/api/v1/cases/{case.pk}").json()
    assert told["skips"] == [{"reason": "language", "count": 1}]
    assert sum(part["points"] for part in told["priority_reasons"]) == pytest.approx(told["priority"])
    assert told["priority_reasons"][-1]["words"].startswith("waiting ")


def test_too_many_cases_at_once_is_a_409(
    moderator: User, integrator: User, api_for: Callable[..., APIClient], settings: LazySettings
) -> None:
    settings.LEASES_A_PERSON = 1
    factories.claim(factories.case(factories.SPAM, sent_by=integrator), moderator)
    factories.case(factories.BENIGN, sent_by=integrator)
    refused = api_for(moderator).post("/api/v1/queues/reports/claim")
    assert (refused.status_code, refused.json()["code"]) == (409, "lease_limit")
