"""Webhooks through a storm: a receiver that fails, hangs, redirects and dies for hours, and workers that are killed.

Nothing is lost: each effect arrives at least once or stands among the dead letters, tells repeats by its id, and comes
in order for its content. Time is simulated: between rounds the rows' own times move back.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from moderation.enums import DeliveryState, OutboxState
from moderation.models import Delivery, OutboxMessage, User, WebhookEndpoint
from moderation.selectors.deliveries import DeliveryFilter
from moderation.services import dead_letters, decisions, delivery
from tests import factories
from tests.moderation.receiver import Receiver

pytestmark = [pytest.mark.prove, pytest.mark.django_db(transaction=True)]

_DECISIONS = 60
_WORKER = """
import django, time
django.setup()
from moderation.services import delivery
while True:
    delivery.deliver_due(limit=500)
    time.sleep(0.01)
"""


@pytest.fixture
def cast_of(transactional_db: None) -> tuple[User, User, User, User]:
    """Platform, moderator, senior and administrator of a fresh installation."""
    factories.installation()
    return (
        factories.user("integrator", role="integrator"),
        factories.user("moderator"),
        factories.user("senior", role="senior"),
        factories.user("admin", role="admin"),
    )


class _Storm:
    """Answers as the weather is; keeps the ids it has acknowledged, in order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.dead = False
        self.calm = False
        self.acknowledged: list[str] = []
        self.guard = threading.Lock()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """One answer."""
        with self.guard:
            weather = "fine" if self.calm else self.random.choice(["fine", "fine", "500", "302", "400", "hang", "lost"])
            if self.dead:
                weather = "cut"
            if weather in {"fine", "lost"}:
                self.acknowledged.append(handler.headers["webhook-id"])
        if weather in {"lost", "cut"}:  # taken in, and the answer lost on its way
            handler.connection.close()
            return
        if weather == "hang":
            time.sleep(0.3)
        handler.send_response({"fine": 204, "hang": 503}.get(weather) or int(weather))
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()


def _killed_workers(seconds: float) -> Iterator[None]:
    """Two workers, each killed and replaced a few times."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "console.settings.test",
        "DATABASE_URL": os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/" + connection.settings_dict["NAME"],
        "WEBHOOK_ALLOW_PRIVATE": "1",
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _WORKER], env=environment)

    workers = [start(), start()]
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield
            victim = random.randrange(2)
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].wait()
            workers[victim] = start()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _pass(hours: float) -> None:
    """Let time go by for everything that waits."""
    gone = timedelta(hours=hours)
    with transaction.atomic():
        waiting = Delivery.objects.filter(state=DeliveryState.PENDING).order_by("pk")
        free = list(waiting.select_for_update(skip_locked=True).values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=free).update(
            next_attempt_at=F("next_attempt_at") - gone,
            expires_at=F("expires_at") - gone,
            claimed_until=F("claimed_until") - gone,
        )
    WebhookEndpoint.objects.update(open_until=F("open_until") - gone)


def test_nothing_is_lost_in_a_storm(cast_of: tuple[User, User, User, User], settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.UNDO_SECONDS = 0
    platform, moderator, senior, admin = cast_of
    storm = _Storm(seed=7)
    made = []
    with Receiver(answer=storm) as receiver:
        receiver.endpoint(concurrency=4)
        for _ in range(_DECISIONS):
            made.append(factories.decide(factories.claim(factories.case(sent_by=platform), moderator), moderator))
        kills = 0
        for number, _ in enumerate(_killed_workers(seconds=60)):
            storm.dead = number % 6 == 3
            time.sleep(2.0)
            kills += 1
            if number < _DECISIONS // 3:
                decisions.override(
                    decision_id=made[number].pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior
                )
            _pass(hours=1.0 if storm.dead else 4.0)
        # Whatever is left becomes a dead letter when three days are over.
        for _ in range(40):
            if not Delivery.objects.filter(state=DeliveryState.PENDING).exists():
                break
            _pass(hours=12)
            delivery.deliver_due(limit=1000)
        _check(storm)
        dead = Delivery.objects.filter(state=DeliveryState.DEAD).count()

        storm.dead, storm.calm = False, True
        done = dead_letters.replay_all(chosen=DeliveryFilter(), acting_user=admin)
        _pass(hours=12)
        while delivery.deliver_due(limit=1000):
            pass
        assert done.queued + done.cancelled == dead
        assert not OutboxMessage.objects.filter(state__in=[OutboxState.PENDING, OutboxState.DEAD]).exists()
    repeats = len(storm.acknowledged) - len(set(storm.acknowledged))
    print(  # noqa: T201
        f"\n{OutboxMessage.objects.count()} effects, {kills} workers killed, {len(receiver.posts)} POSTs, "
        f"{repeats} repeats told by id, {dead} dead letters, of which {done.cancelled} were superseded"
    )


def _check(storm: _Storm) -> None:
    """Each effect was acknowledged or is a dead letter; first acknowledgements come in order for their content."""
    first = {key: place for place, key in reversed(list(enumerate(storm.acknowledged)))}
    for row in Delivery.objects.select_related("message"):
        assert row.state != DeliveryState.DELIVERED or str(row.message.key) in first
        assert row.state in {DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.CANCELLED}
    cancelled = OutboxMessage.objects.filter(state=OutboxState.CANCELLED)
    assert not cancelled.filter(attempts__gt=0).exists()
    assert not cancelled.filter(key__in=list(first)).exists()
    assert not OutboxMessage.objects.filter(state=OutboxState.PENDING, not_before__lte=timezone.now()).exists()
    by_content: dict[int, list[int]] = {}
    delivered = OutboxMessage.objects.filter(state=OutboxState.DELIVERED).order_by("content", "sequence")
    for message in delivered:
        by_content.setdefault(message.content_id, []).append(first[str(message.key)])
    assert all(places == sorted(places) for places in by_content.values())
