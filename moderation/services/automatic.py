"""Decisions without a person: only what a live rule asks for and the model's guaranteed precision allows.

They make no labels, and name as their reviewer an account that nobody can log in to, so that a person can look at the
frozen evidence, override, and hear an appeal as after any other decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from moderation import audit
from moderation.digests import keyed_digest
from moderation.enums import CaseStatus, DecisionKind, ReportOutcome, ReviewState, Role, Verdict
from moderation.models import Case, Decision, Judgement, Policy, PolicyPrediction, Review, Strike, User
from moderation.selectors import automation, rule_records
from moderation.selectors.rule_sets import Rule
from moderation.services import outbox
from moderation.services.evidence import freeze_evidence

AUTOMATON = "automation"
_HEX = 13


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that has just been opened, and the rule that would have it decided."""

    case: Case
    rule: Rule
    prediction: PolicyPrediction | None
    sources: frozenset[str]


def decide_all(candidates: Sequence[Candidate]) -> list[Decision]:
    """Decide those that may be; the others wait for people. The caller holds the contents' row locks."""
    wanted = [one for one in candidates if one.rule.spec.automates is not None]
    if not wanted:
        return []
    standings = automation.standings({one.rule.spec.automates or "" for one in wanted})
    records = rule_records.records([one.rule.spec.id for one in wanted])
    decided = []
    for one in wanted:
        standing = standings[one.rule.spec.automates or ""]
        record = records.get(one.rule.spec.id)
        if _allows(standing, one) and (record is None or record.may_keep(standing.precision or 1.0)):
            decided.append(_decide(one))
    return decided


def _allows(standing: automation.Standing, one: Candidate) -> bool:
    """Whether the guarantee covers the case; a random share is left to people all the same."""
    content, prediction = one.case.content, one.prediction
    if standing.threshold is None or prediction is None or prediction.prediction.model_version_id != standing.model:
        return False
    covered = automation.covers(
        standing.threshold, score=prediction.score, language=content.language, sources=one.sources
    )
    return covered and not _held_out(content.current_revision_id or 0)


def _held_out(revision_id: int) -> bool:
    digest = keyed_digest(f"held out of automation: revision {revision_id}")
    return bool(int(digest[:_HEX], 16) / 16.0**_HEX < settings.AUTOMATION_HOLDOUT)


@transaction.atomic
def _decide(one: Candidate) -> Decision:
    """The decision with all its effects, on evidence frozen now."""
    case, spec = one.case, one.rule.spec
    policy, actions = str(spec.automates), sorted(spec.automatic_actions)
    now = timezone.now()
    automaton = _automaton()
    review = Review.objects.select_for_update().get(case=case, state=ReviewState.WAITING)
    evidence = freeze_evidence(review, shown_to=automaton)
    review.state, review.reviewer, review.judged_at = ReviewState.JUDGED, automaton, now
    review.save(update_fields=["state", "reviewer", "judged_at"])
    judgement = Judgement.objects.create(
        review=review,
        evidence=evidence,
        reviewer=automaton,
        verdict=Verdict.VIOLATES,
        policies=[policy],
        actions=actions,
        seconds=0.0,
    )
    decision = Decision.objects.create(
        case=case,
        judgement=judgement,
        kind=DecisionKind.AUTOMATED,
        verdict=Verdict.VIOLATES,
        policies=[policy],
        actions=actions,
        undo_until=now + timedelta(seconds=settings.UNDO_SECONDS),
    )
    outbox.request_actions(decision)
    if case.content.author is not None:
        struck = Policy.objects.get(slug=policy)
        Strike.objects.create(account=case.content.author, decision=decision, policy=struck)
    case.reports.exclude(outcome=ReportOutcome.WITHDRAWN).update(outcome=ReportOutcome.UPHELD)
    case.status, case.closed_at, case.version = CaseStatus.DECIDED, now, case.version + 1
    case.save(update_fields=["status", "closed_at", "version"])
    audit.case_decided(decision, actor=None)
    return decision


def _automaton() -> User:
    """The account that stands for nobody: inactive, without a password."""
    user, made = User.objects.get_or_create(
        username=AUTOMATON, defaults={"role": Role.MODERATOR, "is_active": False, "password": "!"}
    )
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
