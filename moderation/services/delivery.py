"""Taking effects out of the outbox to the platform: at least once, in order a content, for days.

A message is claimed in a transaction of its own (its attempt counted before anything is sent, so that an undo
knows it may have gone out), sent without holding a lock, and settled in a second transaction. A worker that
dies in between leaves a claim that runs out; the receiver tells the repeat by the ``webhook-id``.
"""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from standardwebhooks import Webhook

from moderation import audit, enqueue
from moderation.enums import OutboxState, OutboxTopic
from moderation.errors import Conflict, NotFound
from moderation.models import Content, Delivery, OutboxMessage, User, WebhookEndpoint
from moderation.permissions import Permission, require
from moderation.services import webhook_client

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=12)
MAX_ATTEMPTS = 18
"""The delays between that many attempts add up to just under three days."""
JITTER = 0.2

# How long a claim holds: more than any attempt takes, name resolution included.
_CLAIM_PER_ENDPOINT = timedelta(seconds=60)


def deliver_due(*, limit: int) -> int:
    """Send up to ``limit`` messages that are due; how many were tried. Several workers may do so at once."""
    tried = 0
    while tried < limit:
        message = _claim_next()
        if message is None:
            break
        _send(message)
        tried += 1
    return tried


@transaction.atomic
def replay(*, message: OutboxMessage, acting_user: User) -> OutboxMessage:
    """Queue a dead letter again, or cancel it if what it says was superseded since.

    Raises ``NotPermitted``, ``NotFound``, ``Conflict`` if the message is no dead letter.
    """
    require(acting_user, Permission.MANAGE)
    # The content's lock comes first, as where decisions are made and overturned.
    if not Content.objects.select_for_update(no_key=True).filter(pk=message.content_id).exists():
        raise NotFound("There is no such message.")
    locked = OutboxMessage.objects.select_for_update(no_key=True).get(pk=message.pk)
    if locked.state != OutboxState.DEAD:
        raise Conflict(f"Only a dead letter can be replayed, not one that is {locked.state}.")
    if _superseded(locked):
        locked.state = OutboxState.CANCELLED
        locked.save(update_fields=["state"])
        audit.admin_changed(
            actor=acting_user,
            model="outboxmessage",
            pk=locked.pk,
            change="replay",
            old={"state": OutboxState.DEAD},
            new={"state": OutboxState.CANCELLED},
        )
        return locked
    locked.state = OutboxState.PENDING
    locked.settled_at = None
    locked.attempts = 1  # the schedule begins anew; never 0, since it may have arrived once
    locked.next_attempt_at = timezone.now()
    locked.save(update_fields=["state", "settled_at", "attempts", "next_attempt_at"])
    audit.delivery_replayed(locked, actor=acting_user)
    enqueue.nudge_delivery()
    return locked


def delay_after(attempts: int) -> timedelta:
    """The pause after the given number of failed attempts, without jitter: doubling from 10 s up to 12 h."""
    doubled: timedelta = FIRST_DELAY * 2 ** (attempts - 1)
    return min(doubled, LONGEST_DELAY)


@transaction.atomic
def _claim_next() -> OutboxMessage | None:
    """The most overdue message whose turn it is, its attempt counted; ``None`` if there is none."""
    now = timezone.now()
    earlier = OutboxMessage.objects.filter(
        content=OuterRef("content"), sequence__lt=OuterRef("sequence"), state=OutboxState.PENDING
    )
    message = (
        OutboxMessage.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(~Exists(earlier), state=OutboxState.PENDING, next_attempt_at__lte=now, not_before__lte=now)
        .select_related("decision", "content", "action")
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if message is None:
        return None
    endpoints = WebhookEndpoint.objects.filter(is_active=True).count()
    message.attempts += 1
    message.next_attempt_at = now + _CLAIM_PER_ENDPOINT * (1 + endpoints)
    message.save(update_fields=["attempts", "next_attempt_at"])
    return message


def _send(message: OutboxMessage) -> None:
    """Tell every active endpoint that has not acknowledged it yet; with none, there is nobody to tell."""
    body = _body(message)
    problems = []
    untold = WebhookEndpoint.objects.filter(is_active=True).exclude(deliveries__message=message)
    for endpoint in untold.order_by("pk"):
        problem = _tell(endpoint, message, body)
        if problem:
            problems.append(f"endpoint {endpoint.pk}: {problem}")
    _settle(message, problems)


def _tell(endpoint: WebhookEndpoint, message: OutboxMessage, body: str) -> str:
    """What went wrong, or nothing."""
    now = timezone.now()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Evenhand",
        "webhook-id": str(message.key),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(endpoint.secret).sign(str(message.key), now, body),
    }
    try:
        status = webhook_client.post(endpoint.url, headers=headers, body=body.encode())
    except webhook_client.SendFailed as error:
        return str(error)
    if not 200 <= status < 300:
        return f"HTTP {status}"
    Delivery.objects.bulk_create(
        [Delivery(message=message, endpoint=endpoint, status_code=status)], ignore_conflicts=True
    )
    return ""


def _body(message: OutboxMessage) -> str:
    """The message as JSON, made from the rows as they are now: references and verdicts, never a text."""
    decision, action = message.decision, message.action
    data: dict[str, Any] = {
        "decision": decision.pk,
        "kind": decision.kind,
        "supersedes": decision.supersedes_id,
        "case_id": decision.case_id,
        "content_id": message.content.external_id,
        "verdict": decision.verdict,
        "policies": list(decision.policies),
        "action": action.kind if action else None,
        "action_id": action.pk if action else None,
        "reverses": action.reverses_id if action else None,
    }
    envelope = {"type": message.topic, "timestamp": message.created_at.isoformat(), "data": data}
    return json.dumps(envelope, separators=(",", ":"))


@transaction.atomic
def _settle(message: OutboxMessage, problems: Sequence[str]) -> None:
    """Write down how the attempt went, unless the claim ran out and another worker has the message."""
    locked = (
        OutboxMessage.objects.select_for_update(no_key=True)
        .filter(pk=message.pk, state=OutboxState.PENDING, attempts=message.attempts)
        .first()
    )
    if locked is None:
        return
    now = timezone.now()
    locked.last_error = "; ".join(problems)[:300]
    if not problems:
        locked.state, locked.settled_at = OutboxState.DELIVERED, now
    elif locked.attempts >= MAX_ATTEMPTS:
        locked.state, locked.settled_at = OutboxState.DEAD, now
        audit.delivery_dead(locked)
    else:
        locked.next_attempt_at = now + delay_after(locked.attempts) * random.uniform(1 - JITTER, 1 + JITTER)
        _hold_back_followers(locked, until=locked.next_attempt_at)
    locked.save(update_fields=["state", "settled_at", "last_error", "next_attempt_at"])


def _hold_back_followers(message: OutboxMessage, *, until: datetime) -> None:
    """What waits behind a failing message is not looked at before it, so that a long line costs nothing."""
    OutboxMessage.objects.filter(
        content=message.content_id,
        state=OutboxState.PENDING,
        sequence__gt=message.sequence,
        next_attempt_at__lt=until,
    ).update(next_attempt_at=until)


def _superseded(message: OutboxMessage) -> bool:
    """Whether sending the message now would undo something newer.

    A reversal stays true until the same action is asked for again; everything else ends with its decision.
    """
    if message.topic == OutboxTopic.ACTION_REVERSED and message.action is not None:
        return (
            OutboxMessage.objects.filter(
                content=message.content_id,
                sequence__gt=message.sequence,
                topic=OutboxTopic.ACTION_REQUESTED,
                action__kind=message.action.kind,
            )
            .exclude(state=OutboxState.CANCELLED)
            .exists()
        )
    return type(message.decision).objects.filter(supersedes=message.decision_id).exists()
