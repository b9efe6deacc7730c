"""Decisions on cases nobody has looked at: automated ones, and those of a batch.

They make no labels and set no precedent. The evidence is frozen all the same, and names as its reviewer an account that
nobody can log in to, so that a person can look at it, override, and hear an appeal as after any other decision.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from moderation import audit
from moderation.enums import CaseStatus, DecisionKind, ReportOutcome, ReviewState, Role, Verdict
from moderation.models import Case, Decision, Judgement, Policy, Rationale, Review, Strike, User
from moderation.services import outbox, priority
from moderation.services.evidence import freeze_evidence

AUTOMATON = "automation"


def decide(
    case: Case,
    review: Review,
    *,
    kind: DecisionKind,
    verdict: str,
    policies: Sequence[str],
    actions: Sequence[str],
    rationale: str = "",
    decided_by: User | None = None,
) -> Decision:
    """The decision with all its effects, on evidence frozen now; the case is closed.

    The caller holds the locks of content, case and review, in that order; the review waits.
    """
    now = timezone.now()
    nobody = automaton()
    evidence = freeze_evidence(review, shown_to=nobody)
    review.state, review.reviewer, review.judged_at = ReviewState.JUDGED, nobody, now
    review.save(update_fields=["state", "reviewer", "judged_at"])
    said = {"verdict": verdict, "policies": sorted(set(policies)), "actions": sorted(set(actions))}
    judgement = Judgement.objects.create(review=review, evidence=evidence, reviewer=nobody, seconds=0.0, **said)
    decision = Decision.objects.create(
        case=case,
        judgement=judgement,
        kind=kind,
        decided_by=decided_by,
        # A case that was undone is decided again: its undo is the last link.
        supersedes=case.decisions.filter(superseded_by__isnull=True).first(),
        undo_until=now + timedelta(seconds=settings.UNDO_SECONDS),
        **said,
    )
    if rationale:
        Rationale.objects.create(decision=decision, text=rationale)
    outbox.request_actions(decision)
    _strike(decision)
    case.reports.exclude(outcome=ReportOutcome.WITHDRAWN).update(
        outcome=ReportOutcome.UPHELD if verdict == Verdict.VIOLATES else ReportOutcome.NOT_UPHELD
    )
    case.status, case.closed_at, case.version = CaseStatus.DECIDED, now, case.version + 1
    case.save(update_fields=["status", "closed_at", "version"])
    priority.mark_records_changed(case)
    audit.case_decided(decision, actor=decided_by)
    return decision


def automaton() -> User:
    """The account that stands for nobody: inactive, without a password."""
    user, made = User.objects.get_or_create(
        username=AUTOMATON, defaults={"role": Role.MODERATOR, "is_active": False, "password": "!"}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def _strike(decision: Decision) -> None:
    author = decision.case.content.author
    if author is not None:
        policies = Policy.objects.filter(slug__in=decision.policies)
        Strike.objects.bulk_create(Strike(account=author, decision=decision, policy=policy) for policy in policies)
