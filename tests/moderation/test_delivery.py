"""Delivery: signed, in order a content, at least once, given up in the end, never to where it must not go."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from moderation.enums import AuditKind, DeliveryState, OutboxState, OutboxTopic
from moderation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from moderation.models import (
    AuditEvent,
    Decision,
    Delivery,
    DeliveryAttempt,
    OutboxMessage,
    User,
    WebhookEndpoint,
)
from moderation.selectors.deliveries import DeliveryFilter
from moderation.services import breakers, dead_letters, decisions, delivery, endpoints, webhook_client
from tests import factories
from tests.moderation.receiver import Receiver

pytestmark = pytest.mark.usefixtures("private_receivers")


@pytest.fixture
def decided(integrator: User, moderator: User) -> Decision:
    """A decision to remove a content: two messages in the outbox."""
    return _decide(integrator, moderator)


def _decide(integrator: User, moderator: User, **fields: Any) -> Decision:
    case = factories.case(sent_by=integrator)
    decision: Decision = factories.decide(factories.claim(case, moderator), moderator, **fields)
    return decision


def _make_due() -> None:
    """Let every pause pass, and every breaker's."""
    now = timezone.now()
    Delivery.objects.filter(state=DeliveryState.PENDING).update(next_attempt_at=now, claimed_until=None)
    WebhookEndpoint.objects.update(open_until=None)


def _states() -> list[str]:
    return list(OutboxMessage.objects.order_by("sequence").values_list("state", flat=True))


def _first() -> Delivery:
    return Delivery.objects.order_by("message__sequence")[0]


def _fail_until_dead() -> None:
    """Retry the first message until its time is over and it is given up."""
    delivery.deliver_due(limit=1)
    Delivery.objects.filter(pk=_first().pk).update(expires_at=timezone.now())
    for _ in range(2):
        _make_due()
        delivery.deliver_due(limit=1)
    assert _first().state == DeliveryState.DEAD


def test_a_decision_reaches_the_platform_signed_and_in_order(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint()
    assert delivery.deliver_due(limit=10) == 2
    action, told = receiver.told()
    asked = decided.requested_actions.get()
    assert action["type"] == OutboxTopic.ACTION_REQUESTED
    assert action["data"] == {
        "decision": decided.pk,
        "kind": "review",
        "supersedes": None,
        "case_id": decided.case_id,
        "content_id": decided.case.content.external_id,
        "verdict": "violates",
        "policies": ["harassment"],
        "action": "remove",
        "action_id": asked.pk,
        "reverses": None,
    }
    assert told["type"] == OutboxTopic.DECISION_MADE
    assert told["data"]["action"] is None
    assert _states() == [OutboxState.DELIVERED] * 2
    assert receiver.ids() == [str(m.key) for m in OutboxMessage.objects.order_by("sequence")]
    assert receiver.posts[0].path == "/hook?tenant=1"


def test_no_text_goes_out(receiver: Receiver, integrator: User, moderator: User) -> None:
    _decide(integrator, moderator, rationale="rude words about soup")
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    assert len(receiver.posts) == 2
    for post in receiver.posts:
        assert factories.ABUSIVE.encode() not in post.body
        assert b"soup" not in post.body


def test_nothing_is_due_inside_the_undo_window(
    receiver: Receiver, integrator: User, moderator: User, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 30
    _decide(integrator, moderator)
    receiver.endpoint()
    assert delivery.deliver_due(limit=10) == 0
    assert OutboxMessage.objects.filter(attempts=0, state=OutboxState.PENDING).count() == 2
    assert not Delivery.objects.exists()


def test_the_limit_holds(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint()
    assert delivery.deliver_due(limit=1) == 1
    assert len(receiver.posts) == 1


def test_without_endpoints_there_is_nobody_to_tell(decided: Decision) -> None:
    assert delivery.deliver_due(limit=10) == 0
    assert _states() == [OutboxState.UNADDRESSED] * 2
    assert OutboxMessage.objects.filter(attempts=0, settled_at__isnull=False).count() == 2
    assert not Delivery.objects.exists()


def test_what_nobody_heard_needs_no_inverse(decided: Decision, moderator: User) -> None:
    delivery.deliver_due(limit=10)
    undone = decisions.undo(decision_id=decided.pk, acting_user=moderator)
    assert undone.review.case_id == decided.case_id
    assert not OutboxMessage.objects.filter(topic=OutboxTopic.ACTION_REVERSED).exists()


def test_an_inactive_endpoint_is_not_told(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint(is_active=False)
    assert delivery.deliver_due(limit=10) == 0
    assert receiver.posts == []
    assert _states() == [OutboxState.UNADDRESSED] * 2


def test_an_endpoint_switched_off_keeps_what_waits_for_it(receiver: Receiver, decided: Decision, admin: User) -> None:
    receiver.status = 500
    endpoint = receiver.endpoint()
    delivery.deliver_due(limit=1)
    endpoints.change(endpoint_id=endpoint.pk, is_active=False, acting_user=admin)
    _make_due()
    assert delivery.deliver_due(limit=10) == 0
    receiver.status = 200
    endpoints.change(endpoint_id=endpoint.pk, is_active=True, acting_user=admin)
    assert delivery.deliver_due(limit=10) == 2
    assert _states() == [OutboxState.DELIVERED] * 2


def test_what_waits_for_a_switched_off_endpoint_is_dead_when_its_time_is_over(
    receiver: Receiver, decided: Decision, admin: User
) -> None:
    receiver.status = 500
    endpoint = receiver.endpoint()
    delivery.deliver_due(limit=1)
    endpoints.change(endpoint_id=endpoint.pk, is_active=False, acting_user=admin)
    Delivery.objects.update(expires_at=timezone.now())
    delivery.deliver_due(limit=10)
    assert _states() == [OutboxState.DEAD] * 2
    assert AuditEvent.objects.filter(kind=AuditKind.DELIVERY_DEAD).count() == 2


@pytest.mark.parametrize("status", [302, 400, 500])
def test_what_is_not_a_success_is_tried_again(receiver: Receiver, decided: Decision, status: int) -> None:
    receiver.status = status
    receiver.endpoint()
    before = timezone.now()
    assert delivery.deliver_due(limit=10) == 1
    first, second = Delivery.objects.order_by("message__sequence")
    assert len(receiver.posts) == 1  # no redirect was followed
    assert (first.state, first.attempts, first.last_error) == (DeliveryState.PENDING, 1, f"HTTP {status}")
    assert first.next_attempt_at > before + delivery.FIRST_DELAY * (1 - delivery.JITTER)
    assert second.attempts == 0
    logged = DeliveryAttempt.objects.get()
    assert (logged.delivery, logged.number, logged.status_code) == (first, 1, status)


def test_who_is_gone_is_told_no_more(receiver: Receiver, decided: Decision) -> None:
    receiver.status = 410
    endpoint = receiver.endpoint()
    delivery.deliver_due(limit=10)
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert endpoint.gone_at is not None
    event = AuditEvent.objects.get(kind=AuditKind.WEBHOOK_CHANGED)
    assert (event.actor, event.data["change"]) == (None, "gone")
    _make_due()
    assert delivery.deliver_due(limit=10) == 0


def test_after_failures_in_a_row_nothing_is_sent_until_one_tries(
    receiver: Receiver, integrator: User, moderator: User
) -> None:
    receiver.status = 500
    endpoint = receiver.endpoint(concurrency=1)
    for _ in range(breakers.OPENS_AFTER + 3):
        _decide(integrator, moderator)
    delivery.deliver_due(limit=100)
    assert len(receiver.posts) == breakers.OPENS_AFTER
    endpoint.refresh_from_db()
    assert endpoint.open_until is not None

    WebhookEndpoint.objects.update(open_until=timezone.now(), concurrency=8)
    delivery.deliver_due(limit=100)
    assert len(receiver.posts) == breakers.OPENS_AFTER + 1
    receiver.status = 200
    _make_due()
    delivery.deliver_due(limit=100)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until) == (0, None)
    assert set(_states()) == {OutboxState.DELIVERED}


def test_the_breakers_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    pauses = [breakers.pause_after(n) for n in range(breakers.OPENS_AFTER - 1, breakers.OPENS_AFTER + 7)]
    assert pauses[:3] == [None, timedelta(seconds=30), timedelta(minutes=1)]
    assert pauses[-1] == timedelta(minutes=15)


def test_what_was_claimed_behind_a_failure_is_left_to_the_next_attempt(
    receiver: Receiver, integrator: User, moderator: User
) -> None:
    for _ in range(4):
        _decide(integrator, moderator)
    receiver.endpoint(concurrency=1)
    receiver.status = 500
    delivery._address_due()
    (bundle,) = delivery._claim_due(room=10, threads=1)
    assert len(bundle) == 4
    assert delivery._settle(bundle, delivery._send(bundle)) == 1
    receiver.status = 200
    _make_due()
    delivery.deliver_due(limit=100)
    assert set(_states()) == {OutboxState.DELIVERED}
    assert len(receiver.posts) == 1 + 8


def test_an_endpoint_gets_no_more_at_a_time_than_it_takes(
    receiver: Receiver, integrator: User, moderator: User
) -> None:
    for _ in range(8):
        _decide(integrator, moderator)
    most, now, guard = 0, 0, threading.Lock()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        nonlocal most, now
        with guard:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with guard:
            now -= 1
        handler.send_response(204)
        handler.end_headers()

    receiver.answer = answer
    receiver.endpoint(concurrency=3)
    assert delivery.deliver_due(limit=100) == 16
    assert 2 <= most <= 3


def test_a_hanging_endpoint_does_not_hold_up_another(receiver: Receiver, integrator: User, moderator: User) -> None:
    for _ in range(6):
        _decide(integrator, moderator)
    everything, released = threading.Event(), threading.Event()

    def count(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(204)
        handler.end_headers()
        if len(receiver.posts) == 12:
            everything.set()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        # Answers only once the other endpoint has heard of everything.
        released.set() if everything.wait(9) else None
        handler.send_response(204)
        handler.end_headers()

    receiver.answer = count
    with Receiver(answer=hang) as hanging:
        hanging.endpoint(concurrency=2)
        receiver.endpoint()
        delivery.deliver_due(limit=1000)
        assert released.is_set()
        assert len(receiver.posts) == len(hanging.posts) == 12


def test_a_failing_message_holds_up_its_content_and_no_other(
    receiver: Receiver, integrator: User, moderator: User
) -> None:
    failing = _decide(integrator, moderator)
    other = _decide(integrator, moderator)
    stuck = str(failing.outbox.order_by("sequence")[0].key)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(500 if handler.headers["webhook-id"] == stuck else 200)
        handler.end_headers()

    receiver.answer = answer
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    told = receiver.told()
    assert [t["data"]["decision"] for t in told].count(other.pk) == 2
    assert [t["data"]["decision"] for t in told].count(failing.pk) == 1
    assert list(failing.outbox.values_list("state", flat=True)) == [OutboxState.PENDING] * 2

    receiver.answer = None
    _make_due()
    delivery.deliver_due(limit=10)
    assert [t["type"] for t in receiver.told()[-2:]] == [OutboxTopic.ACTION_REQUESTED, OutboxTopic.DECISION_MADE]


def test_a_retry_keeps_its_id_and_spares_who_has_acknowledged(receiver: Receiver, decided: Decision) -> None:
    with Receiver(status=503) as failing:
        receiver.endpoint()
        failing.endpoint()
        delivery.deliver_due(limit=10)
        failing.status = 200
        _make_due()
        delivery.deliver_due(limit=1)
        first, second = (str(message.key) for message in OutboxMessage.objects.order_by("sequence"))
        assert failing.ids() == [first, first]
        assert receiver.ids() == [first, second]  # its line goes on by itself


def test_pauses_double_up_to_half_a_day() -> None:
    pauses = [delivery.delay_after(n) for n in range(1, 100)]
    assert pauses[:3] == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]
    assert max(pauses) == timedelta(hours=12)


def test_the_last_attempt_is_made_when_three_days_are_over(receiver: Receiver, decided: Decision) -> None:
    receiver.status = 500
    receiver.endpoint()
    delivery.deliver_due(limit=1)
    first = _first()
    assert timedelta(days=2.99) < first.expires_at - timezone.now() < timedelta(days=3)
    soon = timezone.now() + timedelta(seconds=1)
    Delivery.objects.filter(pk=first.pk).update(expires_at=soon, failed=9)
    _make_due()
    delivery.deliver_due(limit=1)
    assert (_first().state, _first().next_attempt_at) == (DeliveryState.PENDING, soon)


def test_in_the_end_a_message_is_dead_and_the_line_moves_on(receiver: Receiver, decided: Decision) -> None:
    receiver.status = 500
    receiver.endpoint()
    _fail_until_dead()
    assert _states() == [OutboxState.DEAD, OutboxState.PENDING]
    dead = _first()
    event = AuditEvent.objects.get(kind=AuditKind.DELIVERY_DEAD)
    assert event.data == {"message": dead.message_id, "endpoint": dead.endpoint_id, "attempts": dead.attempts}
    receiver.status = 200
    _make_due()
    assert delivery.deliver_due(limit=10) == 1
    assert receiver.told()[-1]["type"] == OutboxTopic.DECISION_MADE


def test_it_gives_up_on_a_receiver_that_drips(
    receiver: Receiver, decided: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_client, "TIMEOUT_SECONDS", 0.6)
    ended = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            for _ in range(100):
                handler.wfile.write(b"H")
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            ended.set()

    receiver.answer = drip
    receiver.endpoint()
    delivery.deliver_due(limit=1)
    assert "no answer within" in _first().last_error
    assert ended.wait(5), "the connection was cut, so the receiver's next byte met nobody"


def test_a_refused_connection_is_a_failure_and_not_an_error(decided: Decision) -> None:
    with Receiver() as gone:
        gone.endpoint()
    assert delivery.deliver_due(limit=1) == 1
    assert "ConnectionRefusedError" in _first().last_error


def test_a_worker_that_dies_leaves_a_claim_that_runs_out(
    receiver: Receiver, decided: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.endpoint()
    send = webhook_client.post

    def send_and_die(url: str, **request: Any) -> int:
        send(url, **request)
        raise SystemExit(137)

    monkeypatch.setattr(webhook_client, "post", send_and_die)
    with pytest.raises(SystemExit):
        delivery.deliver_due(limit=1)
    monkeypatch.undo()
    first = _first()
    assert (first.state, first.attempts, first.message.attempts) == (DeliveryState.PENDING, 1, 1)
    assert first.next_attempt_at > timezone.now()
    _make_due()
    delivery.deliver_due(limit=1)
    assert receiver.ids() == [str(first.message.key)] * 2  # the receiver can tell the repeat


def test_a_worker_whose_claim_ran_out_settles_nothing(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint()
    ((slow,),) = delivery._claim_due(room=1, threads=1)
    _make_due()
    delivery.deliver_due(limit=1)
    delivery._settle([slow], [(slow, webhook_client.Attempt(timezone.now(), 5, 500))])
    assert (slow.delivery.pk, _first().state) == (_first().pk, DeliveryState.DELIVERED)
    assert DeliveryAttempt.objects.filter(delivery=_first()).count() == 2  # both were made, both are logged


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_send_each_message_once(receiver: Receiver, integrator: User, moderator: User) -> None:
    for _ in range(6):
        _decide(integrator, moderator)
    receiver.endpoint()

    def work() -> None:
        try:
            while delivery.deliver_due(limit=5):
                pass
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    while delivery.deliver_due(limit=50):
        pass
    assert sorted(receiver.ids()) == sorted(str(m.key) for m in OutboxMessage.objects.all())
    by_decision: dict[int, list[str]] = {}
    for told in receiver.told():
        by_decision.setdefault(told["data"]["decision"], []).append(told["type"])
    assert list(by_decision.values()) == [[OutboxTopic.ACTION_REQUESTED, OutboxTopic.DECISION_MADE]] * 6


def test_an_undo_before_the_first_attempt_sends_nothing(receiver: Receiver, decided: Decision, moderator: User) -> None:
    receiver.endpoint()
    decisions.undo(decision_id=decided.pk, acting_user=moderator)
    assert delivery.deliver_due(limit=10) == 0
    assert _states() == [OutboxState.CANCELLED] * 2


def test_an_undo_after_a_failed_attempt_is_followed_by_the_inverse(
    receiver: Receiver, decided: Decision, moderator: User
) -> None:
    receiver.status = 500
    receiver.endpoint()
    delivery.deliver_due(limit=1)
    decisions.undo(decision_id=decided.pk, acting_user=moderator)
    receiver.status = 200
    _make_due()
    delivery.deliver_due(limit=10)
    asked = decided.requested_actions.get()
    told = receiver.told()[1:]
    assert [t["type"] for t in told] == [
        OutboxTopic.ACTION_REQUESTED,
        OutboxTopic.ACTION_REVERSED,
        OutboxTopic.DECISION_MADE,
    ]
    assert told[1]["data"]["reverses"] == asked.pk
    assert told[1]["data"]["verdict"] is None
    assert told[2]["data"]["supersedes"] == decided.pk


def _replay_first(admin: User) -> str:
    return dead_letters.replay(delivery_id=_first().pk, acting_user=admin).state


def test_a_dead_letter_is_replayed(receiver: Receiver, decided: Decision, admin: User) -> None:
    receiver.status = 500
    receiver.endpoint()
    _fail_until_dead()
    receiver.status = 200
    assert _replay_first(admin) == DeliveryState.PENDING
    assert _states() == [OutboxState.PENDING] * 2
    _make_due()
    delivery.deliver_due(limit=10)
    assert _states() == [OutboxState.DELIVERED] * 2
    assert [t["type"] for t in receiver.told()[-2:]] == [OutboxTopic.ACTION_REQUESTED, OutboxTopic.DECISION_MADE]
    assert AuditEvent.objects.get(kind=AuditKind.DELIVERY_REPLAYED).actor == admin


def test_a_replay_of_what_was_superseded_is_cancelled(
    receiver: Receiver, decided: Decision, admin: User, moderator: User
) -> None:
    receiver.status = 500
    receiver.endpoint()
    _fail_until_dead()
    decisions.undo(decision_id=decided.pk, acting_user=moderator)
    assert _replay_first(admin) == DeliveryState.CANCELLED
    assert _states()[0] == OutboxState.CANCELLED
    event = AuditEvent.objects.get(kind=AuditKind.DELIVERY_REPLAYED)
    assert (event.actor, event.data["state"]) == (admin, "cancelled")


def test_a_reversal_is_replayed_until_its_action_is_asked_for_again(
    receiver: Receiver, decided: Decision, admin: User, senior: User
) -> None:
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    fine = decisions.override(decision_id=decided.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    delivery.deliver_due(limit=10)
    reversal = Delivery.objects.get(message__in=fine.outbox.filter(topic=OutboxTopic.ACTION_REVERSED))

    def replayed() -> str:
        Delivery.objects.filter(pk=reversal.pk).update(state=DeliveryState.DEAD, settled_at=timezone.now())
        return dead_letters.replay(delivery_id=reversal.pk, acting_user=admin).state

    assert replayed() == DeliveryState.PENDING
    removed = decisions.Opinion(verdict="violates", policies=["harassment"], actions=["remove"])
    decisions.override(decision_id=fine.pk, opinion=removed, acting_user=senior)
    assert replayed() == DeliveryState.CANCELLED


def test_dead_letters_are_replayed_by_filter(
    receiver: Receiver, integrator: User, moderator: User, admin: User
) -> None:
    for _ in range(3):
        _decide(integrator, moderator)
    endpoint = receiver.endpoint()
    with Receiver() as elsewhere:
        other = elsewhere.endpoint()
        delivery.deliver_due(limit=100)
    Delivery.objects.update(state=DeliveryState.DEAD, settled_at=timezone.now())
    OutboxMessage.objects.update(state=OutboxState.DEAD)
    told = DeliveryFilter(endpoint=endpoint.pk, topic=OutboxTopic.DECISION_MADE)
    assert dead_letters.replay_all(chosen=told, acting_user=admin) == dead_letters.Replayed(3, 0)
    assert Delivery.objects.filter(state=DeliveryState.PENDING, endpoint=endpoint).count() == 3
    assert not Delivery.objects.filter(state=DeliveryState.PENDING, endpoint=other).exists()
    long_ago = DeliveryFilter(until=timezone.now() - timedelta(days=1))
    assert dead_letters.replay_all(chosen=long_ago, acting_user=admin) == dead_letters.Replayed(0, 0)
    assert dead_letters.replay_all(chosen=DeliveryFilter(), acting_user=admin).queued == 9
    assert AuditEvent.objects.filter(kind=AuditKind.DELIVERY_REPLAYED).count() == 12


def test_only_a_dead_letter_can_be_replayed(receiver: Receiver, decided: Decision, admin: User) -> None:
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    with pytest.raises(Conflict, match="delivered"):
        _replay_first(admin)
    with pytest.raises(NotFound):
        dead_letters.replay(delivery_id=987654321, acting_user=admin)


def test_only_administrators_replay_and_change_endpoints(receiver: Receiver, decided: Decision, senior: User) -> None:
    endpoint = receiver.endpoint()
    acts = [
        lambda: dead_letters.replay(delivery_id=1, acting_user=senior),
        lambda: dead_letters.replay_all(chosen=DeliveryFilter(), acting_user=senior),
        lambda: endpoints.add(url="https://platform.example/", acting_user=senior),
        lambda: endpoints.change(endpoint_id=endpoint.pk, is_active=False, acting_user=senior),
        lambda: endpoints.rotate_secret(endpoint_id=endpoint.pk, acting_user=senior),
        lambda: endpoints.ping(endpoint_id=endpoint.pk, acting_user=senior),
    ]
    for act in acts:
        with pytest.raises(NotPermitted):
            act()
    assert receiver.posts == []


def test_while_a_rotation_overlaps_either_secret_verifies(receiver: Receiver, decided: Decision, admin: User) -> None:
    endpoint = receiver.endpoint()
    rotated = endpoints.rotate_secret(endpoint_id=endpoint.pk, acting_user=admin)
    delivery.deliver_due(limit=1)
    post = receiver.posts[0]
    for secret in (receiver.secret, rotated.secret):
        assert Webhook(secret).verify(post.body, post.headers)["type"] == OutboxTopic.ACTION_REQUESTED
    WebhookEndpoint.objects.update(previous_secret_until=timezone.now())
    delivery.deliver_due(limit=1)
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(receiver.posts[1].body, receiver.posts[1].headers)


def test_a_ping_is_signed_logged_and_closes_the_breaker(receiver: Receiver, admin: User) -> None:
    open_until = timezone.now() + timedelta(hours=1)
    endpoint = receiver.endpoint(failures=7, open_until=open_until)
    receiver.status = 500
    assert endpoints.ping(endpoint_id=endpoint.pk, acting_user=admin).status_code == 500
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until) == (7, open_until)
    receiver.status = 200
    assert endpoints.ping(endpoint_id=endpoint.pk, acting_user=admin).error == ""
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.open_until) == (0, None)
    assert [told["type"] for told in receiver.told()] == ["ping", "ping"]
    assert DeliveryAttempt.objects.filter(endpoint=endpoint, delivery=None).count() == 2


def test_an_endpoint_where_delivery_must_not_go_is_not_added(admin: User, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    with pytest.raises(InvalidInput, match="not public"):
        endpoints.add(url="http://169.254.169.254/latest/meta-data", acting_user=admin)
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert webhook_client.is_public(address) is public


def test_a_private_target_is_refused_at_sending_time(receiver: Receiver, decided: Decision, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    receiver.endpoint()
    delivery.deliver_due(limit=1)
    assert receiver.posts == []
    assert "not public" in _first().last_error


@pytest.mark.parametrize(
    "url",
    [
        "ftp://platform.example/",
        "http:///hook",
        "http://user:password@platform.example/",
        "http://platform.example:99999/",
        "http://[::1/",
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "http://localhost/",
        "http://no-such-name.invalid/",
    ],
)
def test_what_is_no_public_web_address_is_refused(url: str, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    with pytest.raises(InvalidInput):
        webhook_client.resolve(url)


def test_one_private_address_among_public_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.215.14", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(InvalidInput, match="not public"):
        webhook_client.resolve("http://platform.example/")


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return resolve("127.0.0.1" if host == "platform.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert webhook_client.post(f"http://platform.example:{receiver.port}/x", headers={}, body=b"{}") == 204
    assert asked.count("platform.example") == 1
    assert receiver.posts[0].headers["Host"] == f"platform.example:{receiver.port}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the test's certificate")
def test_tls_is_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path, "platform.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: resolve("127.0.0.1" if host.endswith(".example") else host, *a, **k),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with Receiver(tls=context) as receiver:
        assert webhook_client.post(f"https://platform.example:{receiver.port}/", headers={}, body=b"{}") == 204
        with pytest.raises(webhook_client.SendFailed, match="SSLCertVerificationError"):
            webhook_client.post(f"https://other.example:{receiver.port}/", headers={}, body=b"{}")
        assert len(receiver.posts) == 1


def _certificate(folder: Path, name: str) -> Path:
    target = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    return target
