"""Leases on reviews: claim, reserve, renew, take over, release, skip, escalate, expire.

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
from moderation.errors import Conflict, InvalidInput, LeaseLimit, LeaseLost, ModerationError, NotFound, NotPermitted
from moderation.models import Case, Escalation, Evidence, Queue, Review, ReviewSkip, User
from moderation.permissions import Permission, may, require, roles_with
from moderation.services import claim_statements as statements
from moderation.services import priority
from moderation.services.evidence import freeze_evidence

_USER_LOCK = 1  # first key of the advisory lock that orders one person's claims


@dataclass(frozen=True, slots=True)
class Claim:
    """A held lease: the review with its token, and the evidence frozen for its holder."""

    review: Review
    evidence: Evidence


@transaction.atomic
def claim_next(*, queue: Queue, acting_user: User) -> Claim | None:
    """Lease the queue's most urgent review that the person is fit for; ``None`` if none waits for them.

    One who holds a lease in the queue gets that one again; one who has reserved a case gets it. What they skipped or
    judged before comes only when nobody else can take it. Raises ``NotPermitted``, ``LeaseLimit``.
    """
    while True:
        held, taken = take_next(queue=queue, acting_user=acting_user)
        if taken is not None:
            return _claimed(taken, acting_user)
        if held is None:
            return None
        again = _held_again(held, acting_user)
        if again is not None:
            return again
        # It was taken over or ran out this very moment.


@transaction.atomic
def reserve_next(*, queue: Queue, acting_user: User) -> Review | None:
    """Lease the case after the one at hand ahead of time, showing nothing of it; ``None`` if there is none to have.

    It counts among the cases a person may hold, lives as long as they go on with the one at hand, and is the one they
    get next. Asking again gives the one reserved.
    """
    _require_queue(queue, acting_user)
    take_turn(acting_user)
    reserved = Review.objects.filter(reviewer=acting_user, queue=queue, reserved=True, lease_expires_at__gt=_clock())
    known = reserved.first()
    if known is not None:
        return known
    held = _held(acting_user)
    if not held.filter(queue=queue).exists() or held.count() >= settings.LEASES_A_PERSON:
        return None
    _, taken, _ = _claim(_fit_for(acting_user), queue, acting_user, another=True)
    if taken is None:
        return None
    _run(statements.RESERVE, review=taken)
    review = Review.objects.get(pk=taken)
    audit.review_reserved(review, actor=acting_user)
    return review


@transaction.atomic
def release_reserved(*, acting_user: User) -> int:
    """Give back what the person reserved, as when they leave the page; how many."""
    reviews = list(Review.objects.select_for_update().filter(reviewer=acting_user, reserved=True).order_by("pk"))
    for review in reviews:
        _back_to_waiting(review)
        audit.review_released(review, actor=acting_user)
    return len(reviews)


@transaction.atomic
def take_over(*, case: Case, acting_user: User) -> Claim:
    """Take a case from whoever holds it, as a lead may; with nobody on it, an ordinary claim.

    Their lease is lost at once, and they are told to whom. Raises ``NotPermitted``, ``Conflict``.
    """
    require(acting_user, Permission.OVERRIDE)
    take_turn(acting_user)
    review = Review.objects.select_for_update().filter(case=case, state=ReviewState.LEASED).first()
    alive = review is not None and _held_by_anyone().filter(pk=review.pk).exists()
    if review is None or not alive or review.reviewer_id == acting_user.pk:
        return claim_case(case=case, acting_user=acting_user)
    _require_queue(review.queue, acting_user)
    _refuse_barred(review, acting_user)
    holder = review.reviewer
    _run(statements.TAKE_OVER, review=review.pk, user=acting_user.pk, seconds=settings.LEASE_SECONDS)
    audit.review_taken_over(review, actor=acting_user, holder=holder)
    return _claimed(review.pk, acting_user)


def take_next(*, queue: Queue, acting_user: User) -> tuple[int | None, int | None]:
    """The review the person holds in the queue, or the one just leased to them; both ``None`` if nothing waits.

    One message to the database: this is what many people do at once. Call it in a transaction.
    """
    _require_queue(queue, acting_user)
    held, taken, count = _claim(_fit_for(acting_user), queue, acting_user)
    if held is not None or taken is not None:
        return held, taken
    if count >= settings.LEASES_A_PERSON:
        raise LeaseLimit(f"You hold {count} cases; decide or release one before you take another.")
    if expire_leases():
        _, taken, _ = _claim(_fit_for(acting_user), queue, acting_user)
    if taken is None:
        _, taken, _ = _claim(statements.CLAIM_OF_PASSED, queue, acting_user)
    return None, taken


@transaction.atomic
def claim_case(*, case: Case, acting_user: User, within_limit: bool = True) -> Claim:
    """Lease this very case, if nobody else holds it; gives back the lease one already has.

    An undo does not ask how many one holds. Raises ``Conflict`` if the case is closed, ``LeaseLost`` naming the holder
    if someone has it, ``LeaseLimit``.
    """
    review = case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).order_by("pk").first()
    if review is None:
        raise Conflict("This case is closed or waits for an approval; there is nothing to review.")
    _require_queue(review.queue, acting_user)
    _refuse_barred(review, acting_user)
    take_turn(acting_user)
    again = _held_again(review.pk, acting_user)
    if again is not None:
        return again
    if within_limit and _held(acting_user).count() >= settings.LEASES_A_PERSON:
        raise LeaseLimit(f"You hold {settings.LEASES_A_PERSON} cases; decide or release one before you take another.")
    taken = _run(statements.TAKE_THIS, review=review.pk, user=acting_user.pk, seconds=settings.LEASE_SECONDS)
    if taken is None:
        raise _lost(review.case_id, acting_user)
    return _claimed(review.pk, acting_user)


@transaction.atomic
def renew(*, case_id: int, token: int, acting_user: User) -> Review:
    """Extend the lease by its full length (heartbeat). Raises ``LeaseLost``."""
    review = find_leased(case_id=case_id, token=token, acting_user=acting_user)
    if (
        _run(statements.RENEW, review=review.pk, user=acting_user.pk, token=token, seconds=settings.LEASE_SECONDS)
        is None
    ):
        raise _lost(review.case_id, acting_user)
    _run(statements.KEEP_RESERVED, user=acting_user.pk, seconds=settings.LEASE_SECONDS)
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
    """Pass the case over; it is offered to this person last. Raises ``LeaseLost``, ``InvalidInput``."""
    if reason not in SkipReason.values:
        raise InvalidInput(f"The reason must be one of {', '.join(SkipReason.values)}.", pointer="/reason")
    review = lock_lease(case_id=case_id, token=token, acting_user=acting_user)
    ReviewSkip.objects.create(review=review, user=acting_user, reason=reason)
    review.passed_by = sorted({*review.passed_by, acting_user.pk})
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
    priority.place(case, target)
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
        cursor.execute(statements.EXPIRE)
        rows = cursor.fetchall()
    holders = User.objects.in_bulk([row[2] for row in rows])
    for review_id, case_id, holder_id in rows:
        audit.lease_expired(review=review_id, case=case_id, holder=holders.get(holder_id))
    return len(rows)


def take_turn(user: User) -> None:
    """What one person does in two tabs happens one after the other, so that the second sees the first one's lease.

    It stands before all row locks: whoever claims at the end of a longer transaction takes the turn at its start.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_USER_LOCK, user.pk])


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
    review = Review.objects.select_for_update().filter(case=case_id, lease_token=token).first()
    if review is None:
        raise _lost(case_id, acting_user)
    alive = Review.objects.filter(pk=review.pk, lease_expires_at__gt=_clock()).exists()
    mine = review.state == ReviewState.LEASED and review.lease_token == token and review.reviewer_id == acting_user.pk
    if not (mine and alive):
        raise _lost(case_id, acting_user)
    return review


def _claimed(review_id: int, user: User) -> Claim:
    review = Review.objects.select_related("case__queue", "case__content__current_revision", "queue", "reviewer").get(
        pk=review_id
    )
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


def _held_again(review_id: int, user: User) -> Claim | None:
    """The lease the person holds, as they were shown it or, if it was reserved, shown for the first time."""
    if _run(statements.OPEN_RESERVED, review=review_id, user=user.pk, seconds=settings.LEASE_SECONDS) is not None:
        return _claimed(review_id, user)
    review = _held(user).filter(pk=review_id).first()
    return Claim(review, _evidence_for(review, user)) if review is not None else None


def _held_by_anyone() -> QuerySet[Review]:
    return Review.objects.filter(state=ReviewState.LEASED, lease_expires_at__gt=_clock())


def _fit_for(user: User) -> str:
    return statements.CLAIM_OF_LANES if user.languages or user.policies else statements.CLAIM_FIRST


def _claim(statement: str, queue: Queue, user: User, *, another: bool = False) -> tuple[int | None, int | None, int]:
    """What the person holds in the queue, what was taken, and how many they held.

    ``another``: take one more of a queue in which they hold one.
    """
    values = {
        "user": user.pk,
        "queue": queue.pk,
        "seconds": settings.LEASE_SECONDS,
        "limit": settings.LEASES_A_PERSON,
        "another": another,
        "languages": user.languages,
        "any_language": not user.languages,
        "policies": user.policies,
        "any_policy": not user.policies,
        "reviewers": roles_with(Permission.REVIEW),
        "seniors": roles_with(Permission.OVERRIDE),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        held, taken, count = cursor.fetchone()
    return held, taken, count


def _run(statement: str, **values: int) -> int | None:
    """The first column of the one row the statement returns, or ``None``."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _back_to_waiting(review: Review) -> None:
    review.state = ReviewState.WAITING
    review.reviewer = None
    review.lease_token = None
    review.leased_at = None
    review.lease_expires_at = None
    review.reserved = False
    review.save(
        update_fields=[
            "state",
            "reviewer",
            "lease_token",
            "leased_at",
            "lease_expires_at",
            "reserved",
            "queue",
            "priority",
            "passed_by",
        ]
    )


def _refuse_barred(review: Review, user: User) -> None:
    if review.bars.filter(user=user).exists():
        raise Conflict("You have judged this case; someone else must judge it now.")


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
