"""Pages of webhooks, deliveries and dead letters."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from moderation.enums import DeliveryState
from moderation.models import Delivery, User, WebhookEndpoint
from moderation.services import delivery
from tests import factories
from tests.moderation.receiver import Receiver

pytestmark = pytest.mark.usefixtures("private_receivers")


@pytest.fixture
def browser(sign_in: Callable[[User], Client], admin: User) -> Client:
    """An administrator's browser."""
    return sign_in(admin)


@pytest.fixture
def dead(receiver: Receiver, integrator: User, moderator: User) -> list[Delivery]:
    """The two messages of a decision, given up."""
    factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    Delivery.objects.update(state=DeliveryState.DEAD, settled_at=timezone.now(), last_error="HTTP 503")
    return list(Delivery.objects.order_by("pk"))


def test_an_empty_installation_says_so(browser: Client) -> None:
    assert "nobody hears of decisions" in browser.get("/webhooks/").content.decode()
    assert "No dead letters" in browser.get("/deliveries/").content.decode()
    assert "Nothing here" in browser.get("/deliveries/?state=pending").content.decode()


def test_messages_that_found_nobody_are_counted(browser: Client, integrator: User, moderator: User) -> None:
    factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    delivery.deliver_due(limit=10)
    assert "2 messages found nobody to tell" in browser.get("/webhooks/").content.decode()


def test_a_secret_is_shown_once(browser: Client) -> None:
    page = browser.post("/webhooks/add/", {"url": "http://127.0.0.1:9/hook", "concurrency": 2}).content.decode()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.concurrency == 2
    assert endpoint.secret in page
    assert endpoint.secret not in browser.get(f"/webhooks/{endpoint.pk}/").content.decode()
    rotated = browser.post(f"/webhooks/{endpoint.pk}/rotate/").content.decode()
    assert endpoint.secret not in rotated
    endpoint.refresh_from_db()
    assert endpoint.secret in rotated
    assert "The secret before signs too" in rotated


def test_an_address_that_is_not_public_is_refused_and_kept_in_the_form(browser: Client, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    page = browser.post("/webhooks/add/", {"url": "http://10.0.0.1/hook", "concurrency": 4})
    assert page.status_code == 400
    assert "not public" in page.content.decode()
    assert "http://10.0.0.1/hook" in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_ping_says_what_came_of_it(browser: Client, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    address = f"/webhooks/{endpoint.pk}/"
    assert "Answered 204" in browser.post(address + "ping/", follow=True).content.decode()
    receiver.status = 500
    page = browser.post(address + "ping/", follow=True).content.decode()
    assert "The ping failed: HTTP 500" in page
    assert page.count("<td>Ping</td>") == 2


def test_settings_are_changed_and_the_switch_says_what_it_does(browser: Client, receiver: Receiver) -> None:
    endpoint = receiver.endpoint()
    address = f"/webhooks/{endpoint.pk}/"
    assert browser.post(address + "change/", {"url": endpoint.url, "concurrency": 99}).status_code == 400
    assert browser.post(address + "change/", {"url": endpoint.url, "concurrency": 9}).status_code == 302
    for _ in range(2):  # a second tab changes nothing
        browser.post(address + "switch/", {"to": "off"})
    endpoint.refresh_from_db()
    assert (endpoint.concurrency, endpoint.is_active) == (9, False)
    assert "Switch on" in browser.get(address).content.decode()
    browser.post(address + "switch/", {"to": "on"})
    endpoint.refresh_from_db()
    assert endpoint.is_active


def test_what_was_sent_is_listed_without_any_text(browser: Client, dead: list[Delivery]) -> None:
    page = browser.get("/deliveries/").content.decode()
    assert "Replay all 2" in page
    assert "HTTP 503" in page
    log = browser.get(f"/webhooks/{dead[0].endpoint_id}/").content.decode()
    assert f'href="/deliveries/{dead[0].pk}/"' in log
    for html in (page, log):
        assert factories.ABUSIVE not in html


def test_a_filter_is_kept_on_the_next_page(
    browser: Client, dead: list[Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.views.webhooks.PAGE_SIZE", 1)
    page = browser.get("/deliveries/?state=dead").content.decode()
    assert "?state=dead&amp;endpoint=&amp;topic=&amp;page=2" in page
    assert "Page 2 of 2" in browser.get("/deliveries/?state=dead&page=2").content.decode()
    assert browser.get("/deliveries/?state=nonsense&endpoint=x&topic=y").status_code == 200


def test_one_dead_letter_is_replayed_and_only_once(browser: Client, dead: list[Delivery]) -> None:
    address = f"/deliveries/{dead[0].pk}/"
    assert "Replay" in browser.get(address).content.decode()
    assert "Queued again" in browser.post(address + "replay/", follow=True).content.decode()
    assert "Only a dead letter can be replayed" in browser.post(address + "replay/", follow=True).content.decode()


def test_all_dead_letters_of_a_filter_are_replayed(browser: Client, dead: list[Delivery]) -> None:
    chosen = {"endpoint": dead[0].endpoint_id, "topic": "decision.made"}
    page = browser.post("/deliveries/replay/", chosen, follow=True).content.decode()
    assert "1 queued again, 0 cancelled" in page
    assert Delivery.objects.filter(state=DeliveryState.DEAD).count() == 1


def test_what_is_not_there_is_a_404(browser: Client) -> None:
    for address in ("/webhooks/987654321/", "/deliveries/987654321/"):
        assert browser.get(address).status_code == 404
