"""Delivery: signed, in order a content, at least once, given up in the end, never to where it must not go."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from moderation.enums import AuditKind, OutboxState, OutboxTopic
from moderation.errors import Conflict, InvalidInput, NotPermitted
from moderation.models import AuditEvent, Decision, Delivery, OutboxMessage, User
from moderation.services import decisions, delivery, webhook_client
from tests import factories
from tests.moderation.receiver import Receiver


@pytest.fixture(autouse=True)
def _private_receivers(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.UNDO_SECONDS = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def decided(integrator: User, moderator: User) -> Decision:
    """A decision to remove a content: two messages in the outbox."""
    return _decide(integrator, moderator)


def _decide(integrator: User, moderator: User, **fields: Any) -> Decision:
    case = factories.case(sent_by=integrator)
    decision: Decision = factories.decide(factories.claim(case, moderator), moderator, **fields)
    return decision


def _make_due() -> None:
    OutboxMessage.objects.filter(state=OutboxState.PENDING).update(next_attempt_at=timezone.now())


def _states() -> list[str]:
    return list(OutboxMessage.objects.order_by("sequence").values_list("state", flat=True))


def _fail_until_dead() -> None:
    """Retry the content's first message until it is given up."""
    first = OutboxMessage.objects.order_by("sequence").first()
    assert first is not None
    for _ in range(delivery.MAX_ATTEMPTS):
        OutboxMessage.objects.filter(pk=first.pk).update(next_attempt_at=timezone.now())
        delivery.deliver_due(limit=1)


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


def test_the_limit_holds(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint()
    assert delivery.deliver_due(limit=1) == 1
    assert len(receiver.posts) == 1


def test_without_endpoints_there_is_nobody_to_tell(decided: Decision) -> None:
    assert delivery.deliver_due(limit=10) == 2
    assert _states() == [OutboxState.DELIVERED] * 2
    assert not Delivery.objects.exists()


def test_an_inactive_endpoint_is_not_told(receiver: Receiver, decided: Decision) -> None:
    receiver.endpoint(is_active=False)
    assert delivery.deliver_due(limit=10) == 2
    assert receiver.posts == []


@pytest.mark.parametrize("status", [302, 400, 410, 500])
def test_what_is_not_a_success_is_tried_again(receiver: Receiver, decided: Decision, status: int) -> None:
    receiver.status = status
    receiver.endpoint()
    before = timezone.now()
    assert delivery.deliver_due(limit=10) == 1
    first, second = OutboxMessage.objects.order_by("sequence")
    assert len(receiver.posts) == 1  # no redirect was followed
    assert (first.state, first.attempts) == (OutboxState.PENDING, 1)
    assert f"HTTP {status}" in first.last_error
    assert first.next_attempt_at > before + delivery.FIRST_DELAY * (1 - delivery.JITTER)
    assert second.attempts == 0


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
        key = str(OutboxMessage.objects.order_by("sequence")[0].key)
        assert failing.ids() == [key, key]
        assert receiver.ids() == [key]
        assert Delivery.objects.filter(message__key=key).count() == 2


def test_pauses_double_up_to_half_a_day_and_end_within_three_days() -> None:
    pauses = [delivery.delay_after(n) for n in range(1, delivery.MAX_ATTEMPTS)]
    assert pauses[:3] == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]
    assert max(pauses) == timedelta(hours=12)
    assert timedelta(days=2.9) < sum(pauses, timedelta()) < timedelta(days=3)


def test_in_the_end_a_message_is_dead_and_the_line_moves_on(receiver: Receiver, decided: Decision) -> None:
    receiver.status = 500
    receiver.endpoint()
    _fail_until_dead()
    assert len(receiver.posts) == delivery.MAX_ATTEMPTS
    assert _states() == [OutboxState.DEAD, OutboxState.PENDING]
    dead = OutboxMessage.objects.get(state=OutboxState.DEAD)
    event = AuditEvent.objects.get(kind=AuditKind.DELIVERY_DEAD)
    assert event.data == {"message": dead.pk, "attempts": delivery.MAX_ATTEMPTS}
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
    assert "no answer within" in OutboxMessage.objects.order_by("sequence")[0].last_error
    assert ended.wait(5), "the connection was cut, so the receiver's next byte met nobody"


def test_a_refused_connection_is_a_failure_and_not_an_error(decided: Decision) -> None:
    with Receiver() as gone:
        gone.endpoint()
    assert delivery.deliver_due(limit=1) == 1
    assert "ConnectionRefusedError" in OutboxMessage.objects.order_by("sequence")[0].last_error


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
    first = OutboxMessage.objects.order_by("sequence")[0]
    assert (first.state, first.attempts) == (OutboxState.PENDING, 1)
    assert first.next_attempt_at > timezone.now()
    _make_due()
    delivery.deliver_due(limit=1)
    assert receiver.ids() == [str(first.key)] * 2  # the receiver can tell the repeat


def test_a_worker_whose_claim_ran_out_settles_nothing(receiver: Receiver, decided: Decision) -> None:
    def overtake(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(500)
        handler.end_headers()

    receiver.answer = overtake
    receiver.endpoint()
    slow = delivery._claim_next()
    assert slow is not None
    _make_due()
    receiver.answer = None
    delivery.deliver_due(limit=1)
    receiver.status = 500
    delivery._settle(slow, ["endpoint 1: HTTP 500"])
    assert OutboxMessage.objects.get(pk=slow.pk).state == OutboxState.DELIVERED


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


def test_a_dead_letter_is_replayed(receiver: Receiver, decided: Decision, admin: User) -> None:
    receiver.status = 500
    receiver.endpoint()
    _fail_until_dead()
    receiver.status = 200
    dead = OutboxMessage.objects.get(state=OutboxState.DEAD)
    assert delivery.replay(message=dead, acting_user=admin).state == OutboxState.PENDING
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
    dead = OutboxMessage.objects.get(state=OutboxState.DEAD)
    assert delivery.replay(message=dead, acting_user=admin).state == OutboxState.CANCELLED
    event = AuditEvent.objects.get(kind=AuditKind.ADMIN_CHANGED)
    assert (event.actor, event.data["old"], event.data["new"]) == (admin, {"state": "dead"}, {"state": "cancelled"})


def test_a_reversal_is_replayed_until_its_action_is_asked_for_again(
    receiver: Receiver, decided: Decision, admin: User, moderator: User, senior: User
) -> None:
    receiver.endpoint()
    delivery.deliver_due(limit=10)
    fine = decisions.override(decision_id=decided.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    reversal = fine.outbox.get(topic=OutboxTopic.ACTION_REVERSED)
    OutboxMessage.objects.filter(pk=reversal.pk).update(state=OutboxState.DEAD)
    assert delivery.replay(message=reversal, acting_user=admin).state == OutboxState.PENDING

    OutboxMessage.objects.filter(pk=reversal.pk).update(state=OutboxState.DEAD)
    removed = decisions.Opinion(verdict="violates", policies=["harassment"], actions=["remove"])
    decisions.override(decision_id=fine.pk, opinion=removed, acting_user=senior)
    assert delivery.replay(message=reversal, acting_user=admin).state == OutboxState.CANCELLED


def test_only_a_dead_letter_can_be_replayed(decided: Decision, admin: User) -> None:
    with pytest.raises(Conflict):
        delivery.replay(message=OutboxMessage.objects.order_by("sequence")[0], acting_user=admin)


def test_a_moderator_may_not_replay(decided: Decision, moderator: User) -> None:
    message = OutboxMessage.objects.order_by("sequence")[0]
    OutboxMessage.objects.filter(pk=message.pk).update(state=OutboxState.DEAD)
    with pytest.raises(NotPermitted):
        delivery.replay(message=message, acting_user=moderator)


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
    assert "not public" in OutboxMessage.objects.order_by("sequence")[0].last_error


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
