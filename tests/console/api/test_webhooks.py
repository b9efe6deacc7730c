"""Webhooks and deliveries by API."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from moderation.enums import DeliveryState
from moderation.models import Delivery, User, WebhookEndpoint
from moderation.services import delivery
from tests import factories
from tests.moderation.receiver import Receiver

pytestmark = pytest.mark.usefixtures("private_receivers")


@pytest.fixture
def api(admin: User, api_for: Callable[..., APIClient]) -> APIClient:
    """An administrator's client."""
    return api_for(admin, "admin")


def test_an_endpoint_is_added_and_its_secret_verifies(
    api: APIClient, receiver: Receiver, integrator: User, moderator: User
) -> None:
    answer = api.post("/api/v1/webhooks", {"url": f"http://127.0.0.1:{receiver.port}/x"}, format="json")
    assert answer.status_code == 201
    assert answer.json()["concurrency"] == 4
    factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    delivery.deliver_due(limit=10)
    post = receiver.posts[0]
    assert Webhook(answer.json()["secret"]).verify(post.body, post.headers)["type"] == "action.requested"
    shown = api.get(f"/api/v1/webhooks/{answer.json()['id']}").json()
    assert "secret" not in shown
    assert api.get("/api/v1/webhooks").json()["results"] == [shown]


def test_a_secret_is_rotated(api: APIClient, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    answer = api.post(f"/api/v1/webhooks/{endpoint.pk}/rotate").json()
    assert answer["secret"] != receiver.secret
    assert answer["previous_secret_until"] is not None


def test_an_endpoint_is_changed_and_pinged(api: APIClient, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    address = f"/api/v1/webhooks/{endpoint.pk}"
    assert api.patch(address, {"is_active": False, "concurrency": 2}, format="json").json()["is_active"] is False
    assert api.post(address + "/ping").json()["status_code"] == 204
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.concurrency) == (False, 2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://10.1.2.3/"}, "/url"),
        ({"url": "https://platform.example/", "concurrency": 0}, "/concurrency"),
        ({"url": "https://platform.example/", "secret": "whsec_mine"}, "/secret"),
        ({}, "/url"),
    ],
)
def test_what_makes_no_sense_is_refused(
    api: APIClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, body: dict[str, object], pointer: str
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    resolve = "moderation.services.webhook_client._addresses"
    monkeypatch.setattr(resolve, lambda host, port: [host if host[0].isdigit() else "93.184.215.14"])
    answer = api.post("/api/v1/webhooks", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not WebhookEndpoint.objects.exists()


def test_deliveries_are_listed_by_filter_with_their_log_and_replayed(
    api: APIClient, receiver: Receiver, integrator: User, moderator: User
) -> None:
    factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    endpoint = receiver.endpoint()
    delivery.deliver_due(limit=10)
    rows = api.get("/api/v1/deliveries", {"state": "delivered", "endpoint": endpoint.pk}).json()["results"]
    assert [row["topic"] for row in rows] == ["decision.made", "action.requested"]
    assert [row["webhook_id"] for row in reversed(rows)] == receiver.ids()
    log = api.get(f"/api/v1/deliveries/{rows[0]['id']}").json()["log"]
    assert [(one["number"], one["status_code"], one["error"]) for one in log] == [(1, 204, "")]
    assert api.get("/api/v1/deliveries", {"topic": "action.reversed"}).json()["results"] == []

    assert api.post(f"/api/v1/deliveries/{rows[0]['id']}/replay").status_code == 409
    Delivery.objects.update(state=DeliveryState.DEAD, settled_at=timezone.now())
    assert api.post(f"/api/v1/deliveries/{rows[0]['id']}/replay").json()["state"] == "pending"
    none = {"since": "2999-01-01T00:00:00Z"}
    assert api.post("/api/v1/deliveries/replay", none, format="json").json() == {"queued": 0, "cancelled": 0}
    assert api.post("/api/v1/deliveries/replay", {}, format="json").json() == {"queued": 1, "cancelled": 0}


@pytest.mark.parametrize("query", [{"state": "lost"}, {"endpoint": "x"}, {"since": "yesterday"}, {"color": "red"}])
def test_a_filter_nobody_knows_is_refused(api: APIClient, query: dict[str, str]) -> None:
    assert api.get("/api/v1/deliveries", query).status_code == 400
