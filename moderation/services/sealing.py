"""Sealing the audit trail: committed events hashed into a chain, so that a later change shows.

Events are appended by many transactions at once and carry their transaction's number. A seal covers a range
of numbers below the horizon: the oldest transaction that was still open. Nothing can be added to such a range
any more, so writers never wait for the sealer and the sealer never misses an event.
"""

import hashlib
import json
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Max, Min, QuerySet

from moderation.models import AuditEvent, AuditSeal

_SEALER_LOCK = 3  # advisory: one sealer at a time
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was checked, and the first thing found wrong: ``problem`` is empty if nothing was.

    ``head`` is the digest of the last good seal. Noted down elsewhere, it also shows a chain cut short.
    """

    seals: int
    events: int
    unsealed: int
    head: str
    problem: str = ""


@transaction.atomic
def seal() -> AuditSeal | None:
    """Seal what has been committed since the last seal; ``None`` if that is nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_SEALER_LOCK])
    resume_after_restore()
    last = AuditSeal.objects.order_by("-to_transaction").first()
    begin, end = last.to_transaction if last else 0, _horizon()
    digest, count = _digest(last.digest if last else "", begin, end)
    if not count:
        return None
    return AuditSeal.objects.create(
        from_transaction=begin, to_transaction=end, event_count=count, digest=digest, previous=last
    )


def verify() -> VerifyResult:
    """Recompute the whole chain in constant memory; stops at the first seal that does not hold."""
    seals = events = 0
    head, reached = "", 0
    last: AuditSeal | None = None
    for link in AuditSeal.objects.order_by("to_transaction").iterator(chunk_size=_CHUNK):
        problem = _problem(link, last)
        if problem:
            return VerifyResult(seals, events, _unsealed(reached), head, problem)
        seals, events = seals + 1, events + link.event_count
        last, head, reached = link, link.digest, link.to_transaction
    return VerifyResult(seals, events, _unsealed(reached), head)


@transaction.atomic
def resume_after_restore() -> bool:
    """Let transaction numbers go on from the last seal where they have gone back; whether they had.

    A dump restored into another PostgreSQL cluster meets a counter that starts low. Call after every
    migration, before anything writes events: one with a low number would lie in a range already sealed.
    """
    last = AuditSeal.objects.aggregate(last=Max("to_transaction"))["last"]
    if last is None or _horizon() >= last:
        return False
    newest = AuditEvent.objects.aggregate(last=Max("transaction"))["last"] or 0
    with connection.cursor() as cursor:
        # A number computed here, not a value from outside; CREATE FUNCTION takes no parameters.
        cursor.execute(
            "CREATE OR REPLACE FUNCTION evenhand_transaction() RETURNS bigint LANGUAGE sql VOLATILE AS "
            f"$$ SELECT pg_current_xact_id()::text::bigint + {max(last, newest) + 1:d} $$"
        )
    return True


def _horizon() -> int:
    """The first transaction number that may still be open, counted as ``evenhand_transaction()`` counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " + evenhand_transaction() - pg_current_xact_id()::text::bigint"
        )
        (horizon,) = cursor.fetchone()
    return int(horizon)


def _problem(link: AuditSeal, last: AuditSeal | None) -> str:
    """What is wrong with the seal, or nothing."""
    if link.previous_id != (last.pk if last else None) or link.from_transaction != _reached(last):
        before = f"seal {last.pk}" if last else "the beginning"
        return f"Seal {link.pk} does not follow {before}: a seal is missing or was altered."
    digest, count = _digest(last.digest if last else "", link.from_transaction, link.to_transaction)
    if count != link.event_count:
        return f"Seal {link.pk} was made over {link.event_count} events; {count} are there ({_where(link)})."
    if digest != link.digest:
        return f"Seal {link.pk} does not match its events ({_where(link)}): one of them or the seal was altered."
    return ""


def _digest(previous: str, begin: int, end: int) -> tuple[str, int]:
    """SHA-256 over the seal before, the range, and every event in it; and how many those are."""
    hashed = hashlib.sha256(_canonical({"previous": previous, "from": begin, "to": end}))
    count = 0
    for event in _events(begin, end).iterator(chunk_size=_CHUNK):
        hashed.update(_canonical(_fields(event)))
        count += 1
    return hashed.hexdigest(), count


def _events(begin: int, end: int) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(transaction__gte=begin, transaction__lt=end).order_by("transaction", "pk")


def _fields(event: AuditEvent) -> dict[str, object]:
    return {
        "id": event.pk,
        "kind": event.kind,
        "actor": event.actor_id,
        "content_id": event.content_id,
        "case_id": event.case_id,
        "data": event.data,
        "transaction": event.transaction,
        "created_at": event.created_at.isoformat(),
    }


def _canonical(fields: dict[str, object]) -> bytes:
    """One JSON line: sorted keys, no spaces, ASCII."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _where(link: AuditSeal) -> str:
    ends = _events(link.from_transaction, link.to_transaction).aggregate(first=Min("pk"), last=Max("pk"))
    return f"events {ends['first']} to {ends['last']}" if ends["first"] else "no events"


def _reached(last: AuditSeal | None) -> int:
    return last.to_transaction if last else 0


def _unsealed(reached: int) -> int:
    return AuditEvent.objects.filter(transaction__gte=reached).count()
