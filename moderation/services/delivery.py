"""Taking effects out of the outbox to the platform: at least once, in order a content and endpoint, for days.

A due message gets a delivery for each active endpoint, and each endpoint has a line of its own. Deliveries are
claimed in a transaction (their attempt counted before anything is sent, so that an undo knows they may have gone
out), sent by threads that hold no lock and know no database, and settled in a second transaction. A worker that dies
in between leaves claims that run out; the receiver tells the repeat by the ``webhook-id``.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from moderation import audit
from moderation.enums import DeliveryState, OutboxState
from moderation.models import Delivery, DeliveryAttempt, OutboxMessage, WebhookEndpoint
from moderation.services import breakers, webhook_client, webhook_messages

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=12)
GIVE_UP_AFTER = timedelta(days=3)
JITTER = 0.2

CLAIM = timedelta(seconds=60)
"""How long a claim holds: more than any attempt takes, name resolution included."""
_BATCH = 500
_BUNDLE = 16
_BUNDLE_SECONDS = 1.0
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A claimed delivery, with all that sending it takes."""

    delivery: Delivery
    attempt: int
    request: webhook_messages.SignedRequest


_Bundle = Sequence[_Parcel]
"""Parcels of one endpoint, and of as many contents, that one thread sends one after the other."""
_Results = Sequence[tuple[_Parcel, webhook_client.Attempt]]


def deliver_due(*, limit: int) -> int:
    """Make up to ``limit`` attempts at what is due; how many were made. Several workers may do so at once.

    Deliveries go out side by side, to each endpoint as many as it takes: one that hangs keeps its own lanes only.
    """
    _give_up_unreachable()
    tried = 0
    sending: dict[Future[_Results], _Bundle] = {}
    with ThreadPoolExecutor(max_workers=settings.DELIVERY_THREADS, thread_name_prefix="delivery") as pool:
        while True:
            room = limit - tried - sum(map(len, sending.values()))
            for bundle in _claim_due(room=room, threads=settings.DELIVERY_THREADS - len(sending)):
                sending[pool.submit(_send, bundle)] = bundle
            if not sending:
                return tried
            done, _ = wait(sending, timeout=_LOOK_AGAIN_SECONDS, return_when=FIRST_COMPLETED)
            claimed = [parcel for future in done for parcel in sending.pop(future)]
            tried += _settle(claimed, [result for future in done for result in future.result()])


def delay_after(failed: int) -> timedelta:
    """The pause after the given number of failures, without jitter: doubling from 10 s up to 12 h."""
    doubled: timedelta = FIRST_DELAY * 2 ** min(failed - 1, 30)
    return min(doubled, LONGEST_DELAY)


def sum_up(message_ids: Sequence[int]) -> None:
    """Set the state of messages from those of their deliveries. The caller holds the messages' locks."""
    states: dict[int, set[str]] = {pk: set() for pk in message_ids}
    rows = Delivery.objects.filter(message__in=message_ids).values_list("message_id", "state").distinct()
    for pk, state in rows:
        states[pk].add(state)
    summed: dict[OutboxState, list[int]] = {}
    for pk, found in states.items():
        summed.setdefault(_summary(found), []).append(pk)
    now = timezone.now()
    for state, pks in summed.items():
        settled_at = None if state == OutboxState.PENDING else now
        OutboxMessage.objects.filter(pk__in=pks).exclude(state=state).update(state=state, settled_at=settled_at)


def _summary(states: set[str]) -> OutboxState:
    """What several deliveries come to: pending while one is, then dead if one is."""
    for state in (OutboxState.PENDING, OutboxState.DEAD, OutboxState.DELIVERED):
        if state in states:
            return state
    return OutboxState.CANCELLED


def _claim_due(*, room: int, threads: int) -> list[_Bundle]:
    """Bundles of at most ``room`` deliveries whose turn it is; what became due meanwhile is addressed first."""
    if room <= 0 or threads <= 0:
        return []
    claimed = _claim(room=room, threads=threads)
    if not claimed and _address_due():
        claimed = _claim(room=room, threads=threads)
    return claimed


def _send(bundle: _Bundle) -> _Results:
    """Attempts at a bundle in turn, until one fails or the second is over; in a thread, without the database."""
    results: list[tuple[_Parcel, webhook_client.Attempt]] = []
    begun = time.monotonic()
    for parcel in bundle:
        if results and (not results[-1][1].succeeded or time.monotonic() - begun > _BUNDLE_SECONDS):
            break
        results.append((parcel, webhook_client.attempt(parcel.request)))
    return results


@transaction.atomic
def _address_due() -> int:
    """Give messages that are due a delivery for each active endpoint; how many there were.

    With no endpoint there is nobody to tell, and the message says so.
    """
    now = timezone.now()
    due = OutboxMessage.objects.select_for_update(skip_locked=True, no_key=True).filter(
        state=OutboxState.PENDING, addressed_at__isnull=True, not_before__lte=now
    )
    messages = list(due.order_by("not_before", "pk")[:_BATCH])
    if not messages:
        return 0
    endpoints = list(WebhookEndpoint.objects.filter(is_active=True))
    Delivery.objects.bulk_create(
        [
            Delivery(message=message, endpoint=endpoint, next_attempt_at=now, expires_at=now + GIVE_UP_AFTER)
            for message in messages
            for endpoint in endpoints
        ],
        ignore_conflicts=True,  # an acknowledgement from before there were deliveries
    )
    addressed = OutboxMessage.objects.filter(pk__in=[message.pk for message in messages])
    if endpoints:
        addressed.update(addressed_at=now)
    else:
        addressed.update(addressed_at=now, state=OutboxState.UNADDRESSED, settled_at=now)
    return len(messages)


@transaction.atomic
def _claim(*, room: int, threads: int) -> list[_Bundle]:
    """Claim what may go out now, endpoint by endpoint: within its concurrency, its breaker, and contents' order.

    Each bundle takes one of the endpoint's free lanes; what is claimed by other workers takes the others.
    """
    now = timezone.now()
    bundles: list[_Bundle] = []
    # The lock makes the concurrency hold over all workers; who finds it taken leaves the endpoint to the other.
    endpoints = WebhookEndpoint.objects.select_for_update(skip_locked=True, no_key=True).filter(is_active=True)
    for endpoint in endpoints.exclude(open_until__gt=now).order_by("pk"):
        trying = breakers.is_trying(endpoint)
        in_flight = endpoint.deliveries.filter(state=DeliveryState.PENDING, claimed_until__gt=now)
        busy = set(in_flight.values_list("lane", flat=True).distinct())
        lanes = [lane for lane in range(1 if trying else endpoint.concurrency) if lane not in busy]
        lanes = lanes[: threads - len(bundles)]
        if trying and busy:
            lanes = []
        count = min(room, len(lanes) * (1 if trying else _BUNDLE))
        found = _next_in_line(endpoint, now, count=count) if count > 0 else []
        room -= len(found)
        for index, lane in enumerate(lanes[: len(found)]):
            bundles.append(_take_lane(found[index :: len(lanes)], lane, now))
    return bundles


def _take_lane(deliveries: Sequence[Delivery], lane: int, now: datetime) -> _Bundle:
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(
        attempts=F("attempts") + 1, lane=lane, claimed_until=now + CLAIM, next_attempt_at=now + CLAIM
    )
    OutboxMessage.objects.filter(pk__in=[d.message_id for d in deliveries]).update(attempts=F("attempts") + 1)
    return [_Parcel(d, d.attempts + 1, webhook_messages.signed_request(d.endpoint, d.message, now)) for d in deliveries]


def _next_in_line(endpoint: WebhookEndpoint, now: datetime, *, count: int) -> list[Delivery]:
    """The most overdue deliveries whose turn it is, locked with their messages.

    A delivery waits while an earlier message of its content is on its way to the same endpoint, or was due and has no
    delivery yet.
    """
    earlier = OutboxMessage.objects.filter(
        content=OuterRef("message__content"), sequence__lt=OuterRef("message__sequence")
    )
    unaddressed = earlier.filter(state=OutboxState.PENDING, addressed_at__isnull=True)
    on_its_way = earlier.filter(deliveries__endpoint=endpoint, deliveries__state=DeliveryState.PENDING)
    due = (
        Delivery.objects.select_for_update(skip_locked=True, no_key=True, of=("self", "message"))
        .filter(~Exists(on_its_way), ~Exists(unaddressed), state=DeliveryState.PENDING, next_attempt_at__lte=now)
        .filter(endpoint=endpoint)
        .select_related("message__content", "message__decision", "message__action")
        .order_by("next_attempt_at", "pk")[:count]
    )
    found = list(due)
    for delivery in found:
        delivery.endpoint = endpoint
    return found


@transaction.atomic
def _settle(claimed: Sequence[_Parcel], results: _Results) -> int:
    """Write down how attempts went, and leave to the next worker what was claimed and not sent; the attempts made.

    A delivery whose claim ran out belongs to another worker by now.
    """
    if not results:
        return 0
    now = timezone.now()
    _lock_messages([parcel.delivery.message_id for parcel in claimed])
    locked = (
        Delivery.objects.select_for_update(no_key=True)
        .filter(pk__in=[parcel.delivery.pk for parcel in claimed], state=DeliveryState.PENDING)
        .order_by("pk")
        .in_bulk()
    )
    outcomes = {parcel.delivery.pk: attempt for parcel, attempt in results}
    DeliveryAttempt.objects.bulk_create(_logged(parcel, attempt) for parcel, attempt in results)
    ours = []
    for parcel in claimed:
        delivery = locked.get(parcel.delivery.pk)
        if delivery is not None and delivery.attempts == parcel.attempt:
            delivery.message = parcel.delivery.message
            _take_down(delivery, outcomes.get(delivery.pk), now)
            ours.append(delivery)
    _save(ours)
    for delivery in ours:
        if delivery.state == DeliveryState.PENDING and delivery.pk in outcomes:
            _hold_back_followers(delivery)
    audit.deliveries_dead([delivery for delivery in ours if delivery.state == DeliveryState.DEAD])
    sum_up([delivery.message_id for delivery in ours if delivery.state != DeliveryState.PENDING])
    breakers.note([(parcel.delivery.endpoint_id, attempt) for parcel, attempt in results])
    return len(results)


def _save(deliveries: Sequence[Delivery]) -> None:
    """Those that arrived are many and alike; the others differ."""
    arrived = [delivery for delivery in deliveries if delivery.state == DeliveryState.DELIVERED]
    if arrived:
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in arrived]).update(
            state=DeliveryState.DELIVERED,
            settled_at=arrived[0].settled_at,
            lane=None,
            claimed_until=None,
            last_error="",
        )
    others = [delivery for delivery in deliveries if delivery.state != DeliveryState.DELIVERED]
    Delivery.objects.bulk_update(
        others, ["state", "failed", "next_attempt_at", "lane", "claimed_until", "last_error", "settled_at"]
    )


def _take_down(delivery: Delivery, attempt: webhook_client.Attempt | None, now: datetime) -> None:
    """The delivery's state after an attempt, or after a claim that came to none."""
    delivery.lane = delivery.claimed_until = None
    if attempt is None:
        delivery.next_attempt_at = now
        return
    delivery.last_error = attempt.problem
    if attempt.succeeded:
        delivery.state, delivery.settled_at = DeliveryState.DELIVERED, now
        return
    delivery.failed += 1
    if now >= delivery.expires_at:
        delivery.state, delivery.settled_at = DeliveryState.DEAD, now
    else:
        pause = delay_after(delivery.failed) * random.uniform(1 - JITTER, 1 + JITTER)
        delivery.next_attempt_at = min(now + pause, delivery.expires_at)


def _logged(parcel: _Parcel, attempt: webhook_client.Attempt) -> DeliveryAttempt:
    return DeliveryAttempt(
        endpoint_id=parcel.delivery.endpoint_id,
        delivery=parcel.delivery,
        number=parcel.attempt,
        status_code=attempt.status,
        error=attempt.problem,
        milliseconds=attempt.milliseconds,
        started_at=attempt.started_at,
    )


def _hold_back_followers(delivery: Delivery) -> None:
    """What waits behind a failing message is not looked at before it, so that a long line costs nothing."""
    Delivery.objects.filter(
        endpoint=delivery.endpoint_id,
        message__content=delivery.message.content_id,
        message__sequence__gt=delivery.message.sequence,
        state=DeliveryState.PENDING,
        next_attempt_at__lt=delivery.next_attempt_at,
    ).update(next_attempt_at=delivery.next_attempt_at)


@transaction.atomic
def _give_up_unreachable() -> None:
    """What nothing is sent for, its endpoint off or its breaker open, is a dead letter too once its time is over."""
    now = timezone.now()
    over = Delivery.objects.filter(
        Q(endpoint__is_active=False) | Q(endpoint__open_until__gt=now),
        Q(claimed_until__isnull=True) | Q(claimed_until__lte=now),
        state=DeliveryState.PENDING,
        expires_at__lte=now,
    ).order_by("pk")
    pks = dict(over.values_list("pk", "message_id")[:_BATCH])
    _lock_messages(list(pks.values()))
    dead = list(
        Delivery.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=pks, state=DeliveryState.PENDING)
        .select_related("message")
        .order_by("pk")
    )
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in dead]).update(
        state=DeliveryState.DEAD,
        settled_at=now,
        last_error="nothing could be sent to this endpoint until its time was over",
    )
    audit.deliveries_dead(dead)
    sum_up([delivery.message_id for delivery in dead])


def _lock_messages(message_ids: Sequence[int]) -> None:
    """Messages are locked before their deliveries, in one order."""
    rows = OutboxMessage.objects.select_for_update(no_key=True).filter(pk__in=message_ids).order_by("pk")
    list(rows.values_list("pk", flat=True))
