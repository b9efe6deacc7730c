"""One answer a key: a repeated request gets the first answer and changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from moderation.digests import keyed_digest
from moderation.errors import IdempotencyMismatch
from moderation.models import ApiKey, IdempotencyRecord, User


@dataclass(frozen=True, slots=True)
class Answer:
    """What an act returned, as references; ``replayed`` if it was done before."""

    value: Any
    replayed: bool


@transaction.atomic
def once(*, user: User, api_key: ApiKey | None, key: str, request: str, act: Callable[[], Any]) -> Answer:
    """Do ``act`` in this transaction unless it was done under the key before; its JSON value is kept as the answer.

    A second request with the key waits for the first to commit. If ``act`` raises, nothing is kept and the key stays
    free. Raises ``IdempotencyMismatch`` if the key was used with another ``request``.
    """
    record = IdempotencyRecord(
        user=user, api_key=api_key, key_digest=keyed_digest(key), request_digest=keyed_digest(request)
    )
    inserted = IdempotencyRecord.objects.bulk_create([record], ignore_conflicts=True)[0]
    kept = IdempotencyRecord.objects.get(user=user, key_digest=inserted.key_digest)
    if kept.request_digest != record.request_digest:
        raise IdempotencyMismatch("This idempotency key was used before with another request.")
    if kept.answer is not None:
        return Answer(kept.answer["value"], replayed=True)
    value = act()
    kept.answer = {"value": value}
    kept.save(update_fields=["answer"])
    return Answer(value, replayed=False)
