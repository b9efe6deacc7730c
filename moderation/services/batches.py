"""One decision on many cases: begun, gone through case by case, stopped, undone as a whole.

Each case is a transaction of its own, with the locks of any decision, so that a batch of any size holds nobody up and
goes on after a crash where it stood. What is decided unseen makes no labels.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from moderation import audit, enqueue
from moderation.enums import (
    BatchCaseState,
    BatchMode,
    BatchState,
    CaseStatus,
    DecisionKind,
    LeftOut,
    ReviewKind,
    ReviewState,
    Verdict,
)
from moderation.errors import Conflict, InvalidInput
from moderation.models import Account, Batch, BatchCase, Case, Queue, Review, User
from moderation.permissions import Permission, require
from moderation.selectors import batches as selectors
from moderation.selectors import holds
from moderation.services import decisions, unseen
from moderation.services.decisions import Opinion

LARGEST = 10_000
MOST_PICKED = 200
_AT_WORK = (BatchState.DECIDING, BatchState.UNDOING)
_PENDING = (ReviewState.WAITING, ReviewState.LEASED)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a batch is about: a policy's scores in [low, high], in one queue or all; a near-duplicate group; an account;
    or cases picked one by one, by their keys."""

    mode: BatchMode
    policy: str = ""
    low: float = 0.0
    high: float = 1.0
    queue: Queue | None = None
    group_id: int | None = None
    account: Account | None = None
    newest: int | None = None
    picked: frozenset[int] = frozenset()

    def reviews(self, user: User) -> QuerySet[Review]:
        """What waits in the scope and the person is fit for, up to the review that was the newest when they looked."""
        reviews = self._reviews(user)
        return reviews.filter(pk__lte=self.newest) if self.newest is not None else reviews

    def _reviews(self, user: User) -> QuerySet[Review]:
        if self.mode == BatchMode.SCORE:
            return selectors.by_score(user, policy=self.policy, low=self.low, high=self.high, queue=self.queue)
        if self.mode == BatchMode.CAMPAIGN:
            return selectors.by_group(user, self.group_id or 0)
        if self.mode == BatchMode.PICKED:
            return selectors.by_picking(user, self.picked)
        if self.account is None:
            raise InvalidInput("Name the account.", pointer="/account")
        return selectors.by_account(user, self.account)


@transaction.atomic
def begin(
    *,
    scope: Scope,
    opinion: Opinion,
    acting_user: User,
    exceptions: Collection[int] = (),
    sampled: Collection[int] = (),
    follows: bool = False,
) -> Batch:
    """Decide the scope's waiting cases but the exceptions (case keys); ``sampled`` are those its maker looked at.

    The caller follows with ``work_if_small``; a larger batch is gone through by a worker. ``follows``: later members of
    the campaign take the decision where automation is guaranteed. Raises ``InvalidInput``, ``NotPermitted``,
    ``Conflict`` if nothing waits there.
    """
    require(acting_user, Permission.BATCH)
    _check(scope, opinion, follows=follows)
    reviews = scope.reviews(acting_user).exclude(case__in=exceptions).order_by("pk")
    found = list(reviews.values_list("case_id", "case__version")[: LARGEST + 1])
    if not found:
        raise Conflict("Nothing waits there any more.")
    if len(found) > LARGEST:
        raise InvalidInput(f"These are more than {LARGEST:,} cases; narrow the range.")
    batch = Batch.objects.create(
        mode=scope.mode,
        policy=scope.policy,
        score_from=scope.low if scope.mode == BatchMode.SCORE else None,
        score_to=scope.high if scope.mode == BatchMode.SCORE else None,
        queue=scope.queue,
        group_id=scope.group_id,
        account=scope.account,
        verdict=opinion.verdict,
        policies=sorted(set(opinion.policies)),
        actions=sorted(set(opinion.actions)),
        rationale=opinion.rationale,
        follows=follows,
        sample_count=len({case for case, _ in found} & set(sampled)),
        made_by=acting_user,
    )
    BatchCase.objects.bulk_create(
        (BatchCase(batch=batch, case_id=case, case_version=version) for case, version in found), batch_size=2_000
    )
    audit.batch_decided(batch, actor=acting_user, cases=len(found))
    if len(found) > settings.BATCH_AT_ONCE:
        enqueue.nudge_batches()
    return batch


def work(batch_id: int, *, limit: int) -> int:
    """Go through up to ``limit`` further cases of the batch; how many there were. Any number of workers may try."""
    done = 0
    while done < limit and _next_case(batch_id):
        done += 1
    return done


def work_if_small(batch_id: int) -> None:
    """Go through the batch at once if it is small; a worker goes on with a larger one."""
    if BatchCase.objects.filter(batch=batch_id).count() <= settings.BATCH_AT_ONCE:
        work(batch_id, limit=settings.BATCH_AT_ONCE + 1)


def go_on(*, limit: int) -> int:
    """Go on with the batches that are not through, the oldest first; how many cases were gone through."""
    done = 0
    for batch_id in Batch.objects.filter(state__in=_AT_WORK).order_by("pk").values_list("pk", flat=True):
        done += work(batch_id, limit=limit - done)
    return done


@transaction.atomic
def stop(*, batch_id: int, acting_user: User) -> Batch:
    """Decide no further cases; what was decided stays so. Raises ``Conflict`` if it is through."""
    batch = _lock(batch_id, acting_user)
    if batch.state != BatchState.DECIDING:
        raise Conflict("The batch is not being decided any more.")
    _leave_out_pending(batch)
    batch.state, batch.ended_at = BatchState.STOPPED, timezone.now()
    batch.save(update_fields=["state", "ended_at"])
    audit.batch_stopped(batch, actor=acting_user)
    return batch


@transaction.atomic
def undo(*, batch_id: int, acting_user: User) -> Batch:
    """Take every decision of the batch back; their cases are open again. What was decided since is kept.

    Asking again changes nothing. Raises ``NotPermitted``, ``NotFound``.
    """
    batch = _lock(batch_id, acting_user)
    if batch.state in {BatchState.UNDOING, BatchState.UNDONE}:
        return batch
    _leave_out_pending(batch)
    batch.state, batch.undone_by, batch.ended_at = BatchState.UNDOING, acting_user, None
    batch.save(update_fields=["state", "undone_by", "ended_at"])
    audit.batch_undone(batch, actor=acting_user)
    if batch.cases.count() > settings.BATCH_AT_ONCE:
        enqueue.nudge_batches()
    return batch


@transaction.atomic
def _next_case(batch_id: int) -> bool:
    """Go through one more case; whether there was one. With the last one the batch has ended."""
    batch = Batch.objects.select_for_update(no_key=True).filter(pk=batch_id, state__in=_AT_WORK).first()
    if batch is None:
        return False
    deciding = batch.state == BatchState.DECIDING
    wanted = BatchCaseState.PENDING if deciding else BatchCaseState.DECIDED
    item = batch.cases.filter(state=wanted).select_related("decision").order_by("pk").first()
    if item is None:
        _end(batch)
        return False
    if deciding:
        _decide(batch, item)
    else:
        _take_back(batch, item)
    item.save(update_fields=["state", "reason", "decision"])
    return True


def _decide(batch: Batch, item: BatchCase) -> None:
    case = decisions.lock_case(item.case_id)
    review = Review.objects.select_for_update().filter(case=case, state__in=_PENDING).first()
    reason = _reason_to_leave_out(batch, item, case, review)
    if review is None or reason is not None:
        item.state, item.reason = BatchCaseState.LEFT_OUT, reason or LeftOut.CLOSED
        return
    item.decision = unseen.decide(
        case,
        review,
        kind=DecisionKind.BATCH,
        verdict=batch.verdict,
        policies=batch.policies,
        actions=batch.actions,
        rationale=batch.rationale,
        decided_by=batch.made_by,
    )
    item.state = BatchCaseState.DECIDED


def _reason_to_leave_out(batch: Batch, item: BatchCase, case: Case, review: Review | None) -> LeftOut | None:
    if case.status != CaseStatus.OPEN or review is None:
        return LeftOut.CLOSED
    if review.state == ReviewState.LEASED:
        return LeftOut.HELD
    if case.version != item.case_version or review.kind != ReviewKind.FIRST or review.blind:
        return LeftOut.CHANGED
    return LeftOut.NEEDS_SECOND if holds.needs_second(case, batch.policies) else None


def _take_back(batch: Batch, item: BatchCase) -> None:
    if item.decision is None or batch.undone_by is None:
        raise Conflict("This case of the batch was not decided.")
    try:
        with transaction.atomic():
            decisions.take_back(decision_id=item.decision.pk, acting_user=batch.undone_by)
    except Conflict:
        item.state, item.reason = BatchCaseState.KEPT, LeftOut.LATER
    else:
        item.state = BatchCaseState.UNDONE


def _end(batch: Batch) -> None:
    batch.state = BatchState.DECIDED if batch.state == BatchState.DECIDING else BatchState.UNDONE
    batch.ended_at = timezone.now()
    batch.save(update_fields=["state", "ended_at"])
    counts = batch.cases.values_list("state").annotate(Count("pk")).order_by()
    audit.batch_ended(batch, counts=dict(counts))


def _leave_out_pending(batch: Batch) -> None:
    batch.cases.filter(state=BatchCaseState.PENDING).update(state=BatchCaseState.LEFT_OUT, reason=LeftOut.STOPPED)


def _lock(batch_id: int, acting_user: User) -> Batch:
    require(acting_user, Permission.BATCH)
    selectors.get(batch_id)
    return Batch.objects.select_for_update(no_key=True, of=("self",)).select_related("made_by").get(pk=batch_id)


def _check(scope: Scope, opinion: Opinion, *, follows: bool) -> None:
    decisions.check_opinion(opinion)
    if opinion.spans:
        raise InvalidInput("A batch marks no spans.", pointer="/spans")
    if scope.mode == BatchMode.SCORE and not 0.0 <= scope.low <= scope.high <= 1.0:
        raise InvalidInput("The range must lie between 0 and 1, from the lower score to the higher.", pointer="/from")
    if scope.mode == BatchMode.PICKED and not 0 < len(scope.picked) <= MOST_PICKED:
        raise InvalidInput(f"Pick between one and {MOST_PICKED} cases.", pointer="/cases")
    if follows and (scope.mode != BatchMode.CAMPAIGN or opinion.verdict != Verdict.VIOLATES):
        raise InvalidInput("Only a campaign that violates can be followed.", pointer="/follows")
