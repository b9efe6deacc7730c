"""Judging: the decision and all its effects in one transaction.

Locks are taken in one order everywhere: the person's turn, content, case, review.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from moderation import audit
from moderation.enums import (
    UNSEEN,
    ActionKind,
    AuditKind,
    CaseStatus,
    DecisionKind,
    ReportOutcome,
    ReviewKind,
    ReviewState,
    Standing,
    Verdict,
)
from moderation.errors import AlreadyDecided, Conflict, InvalidInput, LeaseLost, NotFound, NotPermitted, StaleVersion
from moderation.models import (
    AuditEvent,
    Case,
    Content,
    Decision,
    Evidence,
    Hold,
    Judgement,
    JudgementNote,
    Policy,
    Rationale,
    Review,
    Strike,
    User,
)
from moderation.permissions import Permission, require
from moderation.selectors import holds, precedents
from moderation.selectors.judgements import same
from moderation.services import claims, golden, labels, outbox, priority, second_opinions
from moderation.services.evidence import freeze_evidence
from moderation.services.precedents import remember

# What makes a case's version grow.
_CHANGES = (
    AuditKind.CONTENT_REVISED,
    AuditKind.CASE_DECIDED,
    AuditKind.DECISION_UNDONE,
    AuditKind.DECISION_OVERRIDDEN,
    AuditKind.APPEAL_RESOLVED,
    AuditKind.REVIEW_ESCALATED,
    AuditKind.ESCALATION_UNDONE,
    AuditKind.CASE_WITHDRAWN,
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What someone concludes: verdict, the policies violated, what should happen, and why.

    ``spans`` are [start, end) code points of the shown text that violate.
    """

    verdict: str
    policies: Sequence[str] = ()
    actions: Sequence[str] = ()
    rationale: str = ""
    spans: Sequence[Mapping[str, int]] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a judgement led to: the decision if it binds, else what it waits for.

    ``claim`` is the lease on the second look of a case that was judged blind first; ``feedback`` belongs to a golden
    case; ``against`` is the practice in similar cases that the judgement goes against.
    """

    judgement: Judgement
    standing: Standing
    decision: Decision | None = None
    claim: claims.Claim | None = None
    feedback: golden.Feedback | None = None
    against: precedents.Practice | None = None


@transaction.atomic
def judge(
    *, case_id: int, lease_token: int, version: int, evidence_id: int, opinion: Opinion, acting_user: User
) -> Outcome:
    """Judge a leased case. It binds at once unless the case is looked at again, held, or golden.

    Raises ``LeaseLost`` or ``StaleVersion`` (who, when), ``InvalidInput`` for an opinion that makes no sense.
    """
    require(acting_user, Permission.REVIEW)
    shown = Evidence.objects.select_related("revision").filter(pk=evidence_id, shown_to=acting_user).first()
    # Looked up before anything is locked.
    against = _against(shown, opinion) if shown is not None else None
    claims.take_turn(acting_user)
    case = lock_case(case_id)
    _refuse_twice(case, lease_token, acting_user)
    review = claims.lock_lease(case_id=case_id, token=lease_token, acting_user=acting_user)
    if case.version != version:
        raise _stale(case)
    # What is only reserved has not been shown under this lease, whatever was shown under an earlier one.
    unseen = shown is None or review.reserved or shown.review_id != review.pk or shown.case_version != case.version
    if shown is None or unseen:
        raise InvalidInput("This is not the evidence you were shown for this case.", pointer="/evidence_id")
    _check(opinion, shown)
    judgement = _judge(review, shown, opinion, acting_user)
    outcome = _follow(case, review, judgement, opinion)
    return replace(outcome, against=against) if review.kind != ReviewKind.GOLDEN else outcome


def decide(
    *, case_id: int, lease_token: int, version: int, evidence_id: int, opinion: Opinion, acting_user: User
) -> Decision:
    """Judge a leased case, for callers to whom only a binding judgement is of use. Errors as ``judge``.

    Raises ``Conflict``, and nothing has happened, where the judgement would not bind by itself.
    """
    with transaction.atomic():
        outcome = judge(
            case_id=case_id,
            lease_token=lease_token,
            version=version,
            evidence_id=evidence_id,
            opinion=opinion,
            acting_user=acting_user,
        )
        if outcome.decision is None:
            raise Conflict(f"This judgement does not bind by itself: {outcome.standing.label.lower()}.")
    return outcome.decision


def bind_judgement(case: Case, judgement: Judgement, opinion: Opinion) -> Decision:
    """Make a judgement the case's decision, with labels: its first one, or one that overrides the decision there is.

    The caller holds the case's lock.
    """
    standing = case.decisions.filter(superseded_by__isnull=True, verdict__isnull=False).first()
    kind = DecisionKind.REVIEW if standing is None else DecisionKind.OVERRIDE
    decision = _bind(case, opinion, kind=kind, judgement=judgement, decided_by=judgement.reviewer, overturned=standing)
    labels.write_labels(decision, judgement.evidence)
    remember(decision, judgement.evidence)
    if standing is None:
        _close(case)
        audit.case_decided(decision, actor=judgement.reviewer)
    else:
        case.version += 1
        case.save(update_fields=["version"])
        audit.decision_overridden(decision, actor=judgement.reviewer)
    return decision


def opinion_of(judgement: Judgement) -> Opinion:
    """The opinion a judgement holds, with the note beside it."""
    note = JudgementNote.objects.filter(judgement=judgement).first()
    return Opinion(judgement.verdict, judgement.policies, judgement.actions, note.text if note else "")


def _follow(case: Case, review: Review, judgement: Judgement, opinion: Opinion) -> Outcome:
    """What comes after a judgement: another look, another person, an approval, or the decision."""
    if review.kind == ReviewKind.GOLDEN:
        feedback = golden.close(case, judgement)
        return _unbound(judgement, opinion, Standing.GOLDEN, feedback=feedback)
    step = second_opinions.next_step(case, review, judgement)
    if step is not None:
        second_opinions.open_review(case, review, judgement, step)
        claim = claims.claim_case(case=case, acting_user=judgement.reviewer) if step == ReviewKind.INFORMED else None
        return _unbound(judgement, opinion, second_opinions.STANDINGS[step], claim=claim)
    if review.kind == ReviewKind.AUDIT and same(judgement, _standing(case)):
        decision = _confirm(case, judgement, _standing(case))
        return Outcome(judgement, Standing.CONFIRMED, decision)
    reason = holds.reason_for(case, review, judgement)
    if reason is not None:
        hold = Hold.objects.create(judgement=judgement, case=case, reason=reason)
        outcome = _unbound(judgement, opinion, Standing.HELD)
        audit.decision_held(hold, actor=judgement.reviewer)
        return outcome
    return Outcome(judgement, Standing.BINDING, bind_judgement(case, judgement, opinion))


def _unbound(
    judgement: Judgement,
    opinion: Opinion,
    standing: Standing,
    *,
    claim: claims.Claim | None = None,
    feedback: golden.Feedback | None = None,
) -> Outcome:
    """A judgement that does not bind keeps its words beside it; the trail says that it was given, not what."""
    if opinion.rationale:
        JudgementNote.objects.create(judgement=judgement, text=opinion.rationale)
    audit.review_judged(judgement, standing=standing)
    return Outcome(judgement, standing, None, claim, feedback)


def _against(shown: Evidence, opinion: Opinion) -> precedents.Practice | None:
    practice = precedents.precedents_of(shown).practice
    goes_against = practice is not None and practice.contradicts(opinion.verdict, opinion.policies)
    return practice if goes_against else None


def _standing(case: Case) -> Decision:
    return case.decisions.get(superseded_by__isnull=True)


def _confirm(case: Case, judgement: Judgement, automated: Decision) -> Decision:
    """A person says what was decided automatically: from now on it is theirs. Its effects stand; now it teaches."""
    decision = Decision.objects.create(
        case=case,
        judgement=judgement,
        kind=DecisionKind.REVIEW,
        verdict=judgement.verdict,
        policies=judgement.policies,
        actions=automated.actions,
        decided_by=judgement.reviewer,
        supersedes=automated,
        undo_until=timezone.now(),
    )
    labels.write_labels(decision, judgement.evidence)
    remember(decision, judgement.evidence)
    case.version += 1
    case.save(update_fields=["version"])
    audit.case_decided(decision, actor=judgement.reviewer)
    return decision


def _refuse_twice(case: Case, token: int, user: User) -> None:
    """Say so to who judged the case before it was given to the next person."""
    if case.status != CaseStatus.OPEN:
        return
    judged = case.reviews.filter(lease_token=token, state=ReviewState.JUDGED, reviewer=user).first()
    if judged is not None:
        raise LeaseLost("You have judged this case already.", holder=user.username, since=judged.judged_at)


@transaction.atomic
def undo(*, decision_id: int, acting_user: User) -> claims.Claim:
    """Take back one's own decision (or, for seniors, anyone's): the case is open again, leased to who undid it.

    What they hold in that queue goes back to it: nobody works on two of its cases at once.

    Raises ``AlreadyDecided`` if the decision no longer binds, ``NotPermitted``.
    """
    claims.take_turn(acting_user)
    case = take_back(decision_id=decision_id, acting_user=acting_user)
    claims.put_aside(queue=case.queue, acting_user=acting_user)
    return claims.claim_case(case=case, acting_user=acting_user, within_limit=False)


@transaction.atomic
def take_back(*, decision_id: int, acting_user: User) -> Case:
    """Undo a decision and leave its case, open again, to whoever comes. Errors as ``undo``."""
    overturned = lock_decision(decision_id)
    if overturned.decided_by_id != acting_user.pk:
        require(acting_user, Permission.OVERRIDE)
    require(acting_user, Permission.REVIEW)
    if overturned.verdict is None:
        raise AlreadyDecided("This decision has been undone already.")
    if overturned.case.status != CaseStatus.DECIDED:
        raise AlreadyDecided("The case has been closed or opened again since.")
    if overturned.case.content.withdrawn_at is not None:
        raise Conflict("The content was deleted on the platform; a senior can override the decision.")
    if Case.objects.filter(content=overturned.case.content, status=CaseStatus.OPEN).exists():
        raise AlreadyDecided("The content has a newer case that is open.")
    case = overturned.case
    decision = Decision.objects.create(
        case=case,
        kind=DecisionKind.UNDO,
        decided_by=acting_user,
        supersedes=overturned,
        undo_until=timezone.now(),
    )
    evidence = evidence_of(overturned)
    if evidence is not None:
        labels.withdraw_labels(decision, evidence)
    _overturn_effects(overturned, by=decision)
    if overturned.outbox.exclude(state="cancelled").exists():
        outbox.tell_of(decision)
    case.reports.exclude(outcome=ReportOutcome.WITHDRAWN).update(outcome=ReportOutcome.PENDING)
    _reopen(case)
    priority.mark_records_changed(case)
    audit.decision_undone(decision, actor=acting_user)
    return case


@transaction.atomic
def override(*, decision_id: int, opinion: Opinion, acting_user: User) -> Decision:
    """Replace a binding decision with another, as a review of its own. For seniors.

    Raises ``AlreadyDecided`` if the decision no longer binds, ``InvalidInput``, ``NotPermitted``.
    """
    require(acting_user, Permission.OVERRIDE)
    overturned = lock_decision(decision_id)
    if overturned.verdict is None or overturned.case.status != CaseStatus.DECIDED:
        raise AlreadyDecided("The decision was undone; decide the case itself.")
    if overturned.decided_by_id == acting_user.pk and holds.needs_second(overturned.case, opinion.policies):
        raise NotPermitted("This needs a second person: someone else must override your decision.")
    decision = replace_decision(
        overturned,
        opinion,
        kind=DecisionKind.OVERRIDE,
        review_kind=ReviewKind.ADJUDICATION,
        acting_user=acting_user,
    )
    audit.decision_overridden(decision, actor=acting_user)
    return decision


def evidence_of(decision: Decision) -> Evidence | None:
    """The evidence the decision, or the nearest one before it with a judgement, was made on; ``None`` if no person has
    judged the case."""
    link: Decision | None = decision
    while link is not None:
        if link.judgement is not None:
            return link.judgement.evidence
        link = link.supersedes
    return None


def lock_case(case_id: int) -> Case:
    """The case, its content locked before it. Raises ``NotFound``."""
    # A case never changes its content, so that what is joined here cannot be out of date after a wait for the lock.
    content = Content.objects.select_for_update(no_key=True, of=("self",)).filter(cases=case_id).first()
    if content is None:
        raise NotFound("There is no such case.")
    case = Case.including_golden.select_for_update(no_key=True).get(pk=case_id)
    case.content = content
    return case


def lock_decision(decision_id: int) -> Decision:
    """The decision with its case locked; raises unless it is the one that binds."""
    decision = Decision.objects.select_related("case", "supersedes").filter(pk=decision_id).first()
    if decision is None:
        raise NotFound("There is no such decision.")
    decision.case = lock_case(decision.case_id)
    later = Decision.objects.filter(supersedes=decision).first()
    if later is not None and later.verdict is None:
        raise AlreadyDecided("This decision has been undone.")
    if later is not None:
        raise AlreadyDecided("A later decision has replaced this one.")
    return decision


def _stale(case: Case) -> StaleVersion:
    change = (
        AuditEvent.objects.select_related("actor")
        .filter(Q(case_id=case.pk) | Q(content_id=case.content_id), kind__in=_CHANGES)
        .order_by("-pk")
        .first()
    )
    return StaleVersion(
        "The case changed after it was shown to you; look at it again.",
        version=case.version,
        by=change.actor.username if change and change.actor else None,
        at=change.created_at if change else None,
    )


def check_opinion(opinion: Opinion) -> None:
    """Whether the opinion makes sense by itself. Raises ``InvalidInput``."""
    if opinion.verdict not in Verdict.values:
        raise InvalidInput(f"The verdict must be one of {', '.join(Verdict.values)}.", pointer="/verdict")
    if opinion.verdict == Verdict.VIOLATES and not opinion.policies:
        raise InvalidInput("Name at least one policy the content violates.", pointer="/policies")
    if opinion.verdict == Verdict.OK and (opinion.policies or opinion.actions):
        pointer = "/policies" if opinion.policies else "/actions"
        raise InvalidInput("Content without a violation has neither policies nor actions.", pointer=pointer)
    known = set(Policy.objects.filter(is_active=True).values_list("slug", flat=True))
    for index, slug in enumerate(opinion.policies):
        if slug not in known:
            raise InvalidInput("There is no active policy with this slug.", pointer=f"/policies/{index}")
    for index, kind in enumerate(opinion.actions):
        if kind not in ActionKind.values:
            raise InvalidInput(f"An action is one of {', '.join(ActionKind.values)}.", pointer=f"/actions/{index}")


def _check(opinion: Opinion, evidence: Evidence) -> None:
    check_opinion(opinion)
    length = len(evidence.revision.text)
    for index, span in enumerate(opinion.spans):
        if not 0 <= span["start"] < span["end"] <= length:
            raise InvalidInput("A span must lie inside the text.", pointer=f"/spans/{index}")


def _judge(review: Review, evidence: Evidence, opinion: Opinion, reviewer: User) -> Judgement:
    now = timezone.now()
    review.state = ReviewState.JUDGED
    review.reviewer = reviewer
    review.judged_at = now
    review.save(update_fields=["state", "reviewer", "judged_at"])
    return Judgement.objects.create(
        review=review,
        evidence=evidence,
        reviewer=reviewer,
        verdict=opinion.verdict,
        policies=sorted(set(opinion.policies)),
        actions=sorted(set(opinion.actions)),
        spans=[[span["start"], span["end"]] for span in opinion.spans],
        seconds=max((now - (review.leased_at or now)).total_seconds(), 0.0),
    )


def _bind(
    case: Case,
    opinion: Opinion,
    *,
    kind: DecisionKind,
    judgement: Judgement,
    decided_by: User,
    overturned: Decision | None = None,
) -> Decision:
    """Make the judgement binding: decision, rationale, actions, strikes, and the reports' outcome.

    The effects of the decision it overturns are taken back before new ones are asked for: the platform hears of them
    in that order.
    """
    decision = Decision.objects.create(
        case=case,
        judgement=judgement,
        kind=kind,
        verdict=judgement.verdict,
        policies=judgement.policies,
        actions=judgement.actions,
        decided_by=decided_by,
        # A case that was undone is decided again: its undo is the last link.
        supersedes=overturned or case.decisions.filter(superseded_by__isnull=True).first(),
        undo_until=timezone.now() + timedelta(seconds=settings.UNDO_SECONDS),
    )
    if opinion.rationale:
        Rationale.objects.create(decision=decision, text=opinion.rationale)
    if overturned is not None:
        _overturn_effects(overturned, by=decision)
    outbox.request_actions(decision)
    _strike(decision)
    upheld = decision.verdict == Verdict.VIOLATES
    case.reports.exclude(outcome=ReportOutcome.WITHDRAWN).update(
        outcome=ReportOutcome.UPHELD if upheld else ReportOutcome.NOT_UPHELD
    )
    priority.mark_records_changed(case)
    return decision


def _strike(decision: Decision) -> None:
    author = decision.case.content.author
    if author is None:
        return
    policies = Policy.objects.filter(slug__in=decision.policies)
    Strike.objects.bulk_create(Strike(account=author, decision=decision, policy=policy) for policy in policies)


def replace_decision(
    overturned: Decision, opinion: Opinion, *, kind: DecisionKind, review_kind: ReviewKind, acting_user: User
) -> Decision:
    """Judge a decided case anew: a review of its own, evidence frozen now, effects taken back and asked for anew."""
    case = overturned.case
    second_opinions.cancel_pending(case)
    review = Review.objects.create(
        case=case, kind=review_kind, state=ReviewState.WAITING, queue=case.queue, priority=case.priority
    )
    evidence = freeze_evidence(review, shown_to=acting_user)
    _check(opinion, evidence)
    judgement = _judge(review, evidence, opinion, acting_user)
    decision = _bind(case, opinion, kind=kind, judgement=judgement, decided_by=acting_user, overturned=overturned)
    before = evidence_of(overturned)
    if before is None:
        labels.write_labels(decision, evidence)
    else:
        labels.replace_labels(decision, evidence, before=before)
    remember(decision, evidence)
    case.version += 1
    case.save(update_fields=["version"])
    return decision


def _overturn_effects(overturned: Decision, *, by: Decision) -> None:
    outbox.take_back(overturned, by=by)
    overturned.strikes.filter(lifted_by__isnull=True).update(lifted_by=by)
    before = overturned.supersedes
    if before is not None and before.kind in UNSEEN and overturned.kind == DecisionKind.REVIEW:
        _overturn_effects(before, by=by)  # a person had confirmed it: the effects are still the automated decision's


def _close(case: Case) -> None:
    case.status = CaseStatus.DECIDED
    case.closed_at = timezone.now()
    case.version += 1
    case.save(update_fields=["status", "closed_at", "version"])


def _reopen(case: Case) -> None:
    second_opinions.cancel_pending(case)
    case.status = CaseStatus.OPEN
    case.closed_at = None
    case.version += 1
    case.save(update_fields=["status", "closed_at", "version"])
    Review.objects.create(
        case=case, kind=ReviewKind.FIRST, state=ReviewState.WAITING, queue=case.queue, priority=case.priority
    )
