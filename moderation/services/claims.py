"""Leases on reviews: claim, renew, release, skip, escalate, expire.

A claim is one conditional statement over a partial index (``FOR UPDATE SKIP LOCKED``); each carries a fencing token
from a sequence, so a later lease always has the greater one. Expiry is judged by the database's clock alone.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, Func, QuerySet
from django.utils import timezone

from moderation import audit
from moderation.enums import CaseStatus, ReviewState, SkipReason
from moderation.errors import Conflict, InvalidInput, LeaseLost, ModerationError, NotFound, NotPermitted
from moderation.models import Case, Escalation, Evidence, Queue, Review, ReviewSkip, User
from moderation.permissions import Permission, may, require
from moderation.services import routing
from moderation.services.evidence import freeze_evidence

_USER_LOCK = 1  # first key of the advisory lock that orders one person's claims

_TAKE_NEXT = """
UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'),
       leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = (
  SELECT r.id FROM moderation_review r
  WHERE r.queue_id = %(queue)s AND r.state = 'waiting'
    AND NOT EXISTS (SELECT 1 FROM moderation_reviewskip s WHERE s.review_id = r.id AND s.user_id = %(user)s)
    AND NOT EXISTS (SELECT 1 FROM moderation_reviewbar b WHERE b.review_id = r.id AND b.user_id = %(user)s)
  ORDER BY r.priority DESC, r.id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""

_TAKE_THIS = """
UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'),
       leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s
  AND (state = 'waiting' OR (state = 'leased' AND lease_expires_at <= clock_timestamp()))
RETURNING id
"""

_RENEW = """
UPDATE moderation_review SET lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s AND state = 'leased' AND reviewer_id = %(user)s AND lease_token = %(token)s
  AND lease_expires_at > clock_timestamp()
RETURNING lease_expires_at
"""

_EXPIRE = """
WITH gone AS (
  SELECT id, case_id, reviewer_id FROM moderation_review
  WHERE state = 'leased' AND lease_expires_at <= clock_timestamp()
  ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE moderation_review r SET state = 'waiting', reviewer_id = NULL, lease_token = NULL, leased_at = NULL,
       lease_expires_at = NULL
FROM gone WHERE r.id = gone.id
RETURNING gone.id, gone.case_id, gone.reviewer_id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A held lease: the review with its token, and the evidence frozen for its holder."""

    review: Review
    evidence: Evidence


@transaction.atomic
def claim_next(*, queue: Queue, acting_user: User) -> Claim | None:
    """Lease the queue's most urgent review; ``None`` if nothing waits for this person.

    One who holds a lease in the queue gets that one again. Raises ``NotPermitted``.
    """
    _require_queue(queue, acting_user)
    _order_claims_of(acting_user)
    held = _held(acting_user).filter(queue=queue).order_by("leased_at").first()
    if held is not None:
        return Claim(held, _evidence_for(held, acting_user))
    review_id = _take_next(queue, acting_user)
    if review_id is None and expire_leases():
        review_id = _take_next(queue, acting_user)
    return _claimed(review_id, acting_user) if review_id is not None else None


@transaction.atomic
def claim_case(*, case: Case, acting_user: User) -> Claim:
    """Lease this very case, if nobody else holds it; gives back the lease one already has.

    Raises ``Conflict`` if the case is closed, ``LeaseLost`` naming the holder if someone has it.
    """
    review = case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).order_by("pk").first()
    if review is None:
        raise Conflict("This case is closed or waits for an approval; there is nothing to review.")
    _require_queue(review.queue, acting_user)
    if review.bars.filter(user=acting_user).exists():
        raise Conflict("You have judged this case; someone else must judge it now.")
    _order_claims_of(acting_user)
    held = _held(acting_user).filter(pk=review.pk).first()
    if held is not None:
        return Claim(held, _evidence_for(held, acting_user))
    taken = _run(_TAKE_THIS, review=review.pk, user=acting_user.pk, seconds=settings.LEASE_SECONDS)
    if taken is None:
        raise _lost(review.case_id, acting_user)
    return _claimed(review.pk, acting_user)


@transaction.atomic
def renew(*, case_id: int, token: int, acting_user: User) -> Review:
    """Extend the lease by its full length (heartbeat). Raises ``LeaseLost``."""
    review = find_leased(case_id=case_id, token=token, acting_user=acting_user)
    if _run(_RENEW, review=review.pk, user=acting_user.pk, token=token, seconds=settings.LEASE_SECONDS) is None:
        raise _lost(review.case_id, acting_user)
    review.refresh_from_db()
    return review


@transaction.atomic
def release(*, case_id: int, token: int, acting_user: User) -> Review:
    """Give the lease back; the case waits for the next person. Raises ``LeaseLost``."""
    review = lock_lease(case_id=case_id, token=token, acting_user=acting_user)
    _back_to_waiting(review)
    audit.review_released(review, actor=acting_user)
    return review


@transaction.atomic
def skip(*, case_id: int, token: int, reason: str, acting_user: User) -> Review:
    """Pass the case over; it is not offered to this person again. Raises ``LeaseLost``, ``InvalidInput``."""
    if reason not in SkipReason.values:
        raise InvalidInput(f"The reason must be one of {', '.join(SkipReason.values)}.", pointer="/reason")
    review = lock_lease(case_id=case_id, token=token, acting_user=acting_user)
    ReviewSkip.objects.get_or_create(review=review, user=acting_user, defaults={"reason": reason})
    _back_to_waiting(review)
    audit.review_skipped(review, actor=acting_user, reason=reason)
    return review


@transaction.atomic
def escalate(*, case_id: int, token: int, acting_user: User, note: str = "") -> Review:
    """Hand the case, with a note why, to the queue that takes this queue's escalations.

    Whoever did so may take it back in the undo window (``undoing``). Raises ``LeaseLost``, ``Conflict``.
    """
    case = Case.including_golden.select_for_update(no_key=True).filter(pk=case_id).first()
    if case is None:
        raise NotFound("There is no such case.")
    review = lock_lease(case_id=case_id, token=token, acting_user=acting_user)
    source, target = review.queue, review.queue.escalates_to
    if target is None:
        raise Conflict(f"The queue “{source.name}” has no queue to escalate to.")
    routing.place(case, target)
    case.version += 1
    case.save(update_fields=["queue", "due_at", "priority", "version"])
    review.queue, review.priority = case.queue, case.priority
    _back_to_waiting(review)
    Escalation.objects.create(
        review=review,
        escalated_by=acting_user,
        from_queue=source,
        to_queue=target,
        note=note,
        undo_until=timezone.now() + timedelta(seconds=settings.UNDO_SECONDS),
    )
    audit.review_escalated(review, actor=acting_user, queue=target.slug)
    return review


@transaction.atomic
def release_all(*, acting_user: User) -> int:
    """Give back every lease the person holds, as on log-out; how many."""
    reviews = list(_held(acting_user).select_related(None).select_for_update().order_by("pk"))
    for review in reviews:
        _back_to_waiting(review)
        audit.review_released(review, actor=acting_user)
    return len(reviews)


@transaction.atomic
def put_aside(*, queue: Queue, acting_user: User) -> None:
    """Give back what the person holds in the queue, since they go back to another of its cases."""
    for review in _held(acting_user).filter(queue=queue).order_by("pk"):
        if review.lease_token is not None:
            release(case_id=review.case_id, token=review.lease_token, acting_user=acting_user)


@transaction.atomic
def expire_leases() -> int:
    """Put reviews whose lease has run out back into their queues; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE)
        rows = cursor.fetchall()
    holders = User.objects.in_bulk([row[2] for row in rows])
    for review_id, case_id, holder_id in rows:
        audit.lease_expired(review=review_id, case=case_id, holder=holders.get(holder_id))
    return len(rows)


def find_leased(*, case_id: int, token: int, acting_user: User) -> Review:
    """The case's review that this token was given for. Raises ``NotFound``, ``LeaseLost``."""
    review = Review.objects.select_related("reviewer").filter(case_id=case_id, lease_token=token).first()
    if review is None:
        raise _lost(case_id, acting_user)
    return review


def lock_lease(*, case_id: int, token: int, acting_user: User) -> Review:
    """The leased review, its row locked, the lease checked by the database's clock under the lock.

    Raises ``LeaseLost``, saying who holds the case now and since when.
    """
    pk = find_leased(case_id=case_id, token=token, acting_user=acting_user).pk
    review = Review.objects.select_for_update().get(pk=pk)
    alive = Review.objects.filter(pk=pk, lease_expires_at__gt=_clock()).exists()
    mine = review.state == ReviewState.LEASED and review.lease_token == token and review.reviewer_id == acting_user.pk
    if not (mine and alive):
        raise _lost(case_id, acting_user)
    return review


def _claimed(review_id: int, user: User) -> Claim:
    review = Review.objects.select_related("case__queue", "queue", "reviewer").get(pk=review_id)
    evidence = freeze_evidence(review, shown_to=user)
    audit.review_claimed(review, actor=user, evidence=evidence.pk)
    return Claim(review, evidence)


def _evidence_for(review: Review, user: User) -> Evidence:
    """The evidence the holder was shown, or a new one if the case has changed since."""
    last = review.evidence.filter(shown_to=user).order_by("-pk").first()
    if last is not None and last.case_version == review.case.version:
        return last
    return freeze_evidence(review, shown_to=user)


def _clock() -> Func:
    """The database's own time at this instant, not at the transaction's start."""
    return Func(function="clock_timestamp", output_field=DateTimeField())


def _held(user: User) -> QuerySet[Review]:
    return Review.objects.select_related("case__queue", "queue", "reviewer").filter(
        reviewer=user, state=ReviewState.LEASED, lease_expires_at__gt=_clock()
    )


def _take_next(queue: Queue, user: User) -> int | None:
    return _run(_TAKE_NEXT, queue=queue.pk, user=user.pk, seconds=settings.LEASE_SECONDS)


def _run(statement: str, **values: int) -> int | None:
    """The first column of the one row the statement returns, or ``None``."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _order_claims_of(user: User) -> None:
    """Two tabs of one person claim one after the other, so that the second sees the first one's lease."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_USER_LOCK, user.pk])


def _back_to_waiting(review: Review) -> None:
    review.state = ReviewState.WAITING
    review.reviewer = None
    review.lease_token = None
    review.leased_at = None
    review.lease_expires_at = None
    review.save(
        update_fields=["state", "reviewer", "lease_token", "leased_at", "lease_expires_at", "queue", "priority"]
    )


def _require_queue(queue: Queue, user: User) -> None:
    require(user, Permission.REVIEW)
    if queue.seniors_only and not may(user, Permission.OVERRIDE):
        raise NotPermitted(f"The queue “{queue.name}” is for senior moderators.")


def _lost(case_id: int, user: User) -> ModerationError:
    """Say to ``user`` in words what became of their lease."""
    review = Review.objects.select_related("reviewer", "case").filter(case_id=case_id).order_by("-pk").first()
    if review is None:
        return NotFound("There is no such case.")
    holder = review.reviewer.username if review.reviewer else None
    if review.state == ReviewState.JUDGED:
        who = "You have" if review.reviewer_id == user.pk else f"{holder} has"
        return LeaseLost(f"{who} decided this case.", holder=holder, since=review.judged_at)
    if review.case.status == CaseStatus.WITHDRAWN:
        return LeaseLost("The content was deleted on the platform.", since=review.case.closed_at)
    alive = Review.objects.filter(pk=review.pk, state=ReviewState.LEASED, lease_expires_at__gt=_clock()).exists()
    if alive and review.reviewer_id == user.pk:
        return LeaseLost("You hold this case under a newer lease.", holder=holder, since=review.leased_at)
    if alive:
        return LeaseLost(f"{holder} holds this case now.", holder=holder, since=review.leased_at)
    return LeaseLost("Your lease on this case has ended and nobody has taken it since.")
