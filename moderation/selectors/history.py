"""What happened to a case, and what a person decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, TextChoices

from moderation.enums import AuditKind, HoldState, ReportSource, SkipReason, Verdict, WhyShown
from moderation.models import AuditEvent, Case, Decision, Escalation, Evidence, Hold, Judgement, Label, Queue, User
from moderation.permissions import Permission, may
from moderation.selectors import blindness, cases, golden

_OF_REVIEWERS = (
    AuditKind.REVIEW_CLAIMED,
    AuditKind.REVIEW_RELEASED,
    AuditKind.REVIEW_SKIPPED,
    AuditKind.REVIEW_JUDGED,
    AuditKind.JUDGEMENT_WITHDRAWN,
    AuditKind.LEASE_EXPIRED,
)
_ROUTINE = (AuditKind.REPORT_RECEIVED, AuditKind.CONTENT_SCORED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: the event, in words, when it was, and whether it is routine."""

    event: AuditEvent
    at: datetime
    words: str
    routine: bool


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case with everything that led to where it stands, as far as the viewer may know.

    ``hides_model``: a blind review is pending, so scores, labels and priority are left out. ``judgements`` are what
    reviewers concluded, once nobody is to judge any more.
    """

    case: Case
    decisions: Sequence[Decision]
    binding: Decision | None
    entries: Sequence[Entry]
    labels: Sequence[Label]
    shown: Sequence[Evidence]
    judgements: Sequence[Judgement]
    escalations: Sequence[Escalation]
    holds: Sequence[Hold]
    hides_model: bool


def case_history(case_id: int, *, viewer: User) -> CaseHistory:
    """The case's decisions, events, labels and frozen evidence, the newest first; raises ``NotFound``."""
    case = cases.get(case_id, viewer=viewer)
    hides_model = blindness.hides_model(case, viewer)
    hides_others = blindness.hides_others(case, viewer)
    decisions = list(_decisions().filter(case=case).order_by("-pk"))
    latest = next((decision for decision in decisions if _binds(decision)), None)
    labels = (
        Label.objects.filter(decision__case=case)
        .select_related("policy", "decision", "superseded_by", "revision__group")
        .order_by("-pk")
    )
    shown = (
        Evidence.objects.filter(case=case)
        .select_related("shown_to", "prediction__model_version", "revision")
        .order_by("-pk")
    )
    if hides_others:
        shown = shown.filter(shown_to=viewer)
    shift = golden.shift_of(case)
    entries = _entries(case, viewer, hides=hides_model, hides_others=hides_others)
    case.content = golden.content_at(case.content, shift)
    return CaseHistory(
        case=case,
        decisions=decisions,
        binding=latest,
        entries=entries,
        labels=[] if hides_model else list(labels),
        shown=[] if hides_model else [_as_told(evidence, viewer) for evidence in shown],
        judgements=_judgements(case, viewer),
        escalations=[] if hides_others else list(_escalations(case)),
        holds=list(case.holds.select_related("settled_by", "judgement__reviewer").order_by("-pk")),
        hides_model=hides_model,
    )


def decisions_of(user_id: int) -> QuerySet[Decision]:
    """A person's decisions, the newest first."""
    return _decisions().filter(decided_by=user_id).order_by("-created_at")


def _decisions() -> QuerySet[Decision]:
    return Decision.objects.select_related(
        "case__content__current_revision",
        "case__queue",
        "decided_by",
        "supersedes",
        "superseded_by__decided_by",
        "rationale",
        "judgement__evidence",
    )


def _binds(decision: Decision) -> bool:
    return decision.verdict is not None and not hasattr(decision, "superseded_by")


def _judgements(case: Case, viewer: User) -> list[Judgement]:
    """What reviewers concluded, the newest first: nothing while one is still to judge, one's own of a golden case."""
    waiting = case.reviews.filter(state__in=blindness.PENDING).exists()
    held = case.holds.filter(state=HoldState.HELD).exists() and not may(viewer, Permission.OVERRIDE)
    if waiting or held:
        return []
    judged = Judgement.objects.filter(review__case=case).select_related("reviewer", "review", "note").order_by("-pk")
    if case.why_shown == WhyShown.GOLDEN and not may(viewer, Permission.MANAGE):
        judged = judged.filter(reviewer=viewer)
    return list(judged)


def _escalations(case: Case) -> QuerySet[Escalation]:
    found = Escalation.objects.filter(review__case=case).select_related("escalated_by", "from_queue", "to_queue")
    return found.order_by("-pk")


def _as_told(evidence: Evidence, viewer: User) -> Evidence:
    """The evidence without what would give a golden case away; to be shown, never saved."""
    told = blindness.why_shown(evidence.case, viewer, blind=False)
    if evidence.why_shown == WhyShown.GOLDEN and told is not None:
        evidence.why_shown = told
    return evidence


def _entries(case: Case, viewer: User, *, hides: bool, hides_others: bool) -> list[Entry]:
    # What happened to the content counts from its first sight to the case's end.
    of_content = Q(content_id=case.content_id, case_id__isnull=True)
    found = AuditEvent.objects.filter(Q(case_id=case.pk) | of_content).select_related("actor")
    events = list(found.order_by("-created_at", "-pk"))
    if case.closed_at is not None:
        events = [event for event in events if event.case_id is not None or event.created_at <= case.closed_at]
    shift = golden.shift_of(case)
    if case.why_shown == WhyShown.GOLDEN:
        # As if it had all happened before this case: what came after the text's own case is not told.
        events = [event for event in events if event.case_id is not None or event.created_at + shift <= case.opened_at]
    if hides or case.why_shown == WhyShown.GOLDEN:
        events = [event for event in events if event.kind != AuditKind.AUDIT_DRAWN]
    if hides_others:
        events = [event for event in events if event.kind not in _OF_REVIEWERS or event.actor_id == viewer.pk]
    queues = dict(Queue.objects.values_list("slug", "name"))
    why = blindness.why_shown(case, viewer, blind=hides)
    return [
        Entry(
            event=event,
            at=event.created_at + (shift if event.case_id is None else timedelta()),
            words=_in_words(event, queues, why=why),
            routine=event.kind in _ROUTINE,
        )
        for event in events
    ]


def _in_words(event: AuditEvent, queues: Mapping[str, str], *, why: str | None) -> str:
    """The event in words: its kind's sentence, filled with what the event holds; ``why`` is what may be told of why
    the case is there."""
    data = event.data
    sentence = _SENTENCES.get(event.kind)
    if sentence is None:
        return str(event.get_kind_display())
    return sentence.format(
        who=event.actor.username if event.actor else "the system",
        queue=queues.get(data.get("queue", ""), data.get("queue", "")),
        source=_label(ReportSource, data.get("source")).lower(),
        why=_label(WhyShown, why).lower() if why else "why is hidden until it is judged",
        reason=_label(SkipReason, data.get("reason")),
        outcome=_outcome(data),
        revision=data.get("revision"),
        model=data.get("model"),
        attempts=data.get("attempts"),
        state=data.get("state"),
    )


_SENTENCES: Mapping[str, str] = {
    AuditKind.CONTENT_RECEIVED: "The platform sent the content",
    AuditKind.CONTENT_REVISED: "The content was edited: revision {revision}",
    AuditKind.CONTENT_WITHDRAWN: "The content was deleted on the platform",
    AuditKind.REPORT_RECEIVED: "Reported: {source}",
    AuditKind.CONTENT_SCORED: "Scored by model v{model}",
    AuditKind.SCORING_FAILED: "Scoring failed, attempt {attempts}",
    AuditKind.CASE_OPENED: "Case opened in “{queue}”: {why}",
    AuditKind.CASE_WITHDRAWN: "Case closed: the content is gone",
    AuditKind.REVIEW_CLAIMED: "Claimed by {who}",
    AuditKind.REVIEW_RELEASED: "Given back by {who}",
    AuditKind.REVIEW_SKIPPED: "Skipped by {who}: {reason}",
    AuditKind.REVIEW_ESCALATED: "Escalated by {who} to “{queue}”",
    AuditKind.REVIEW_JUDGED: "Judged by {who}",
    AuditKind.JUDGEMENT_WITHDRAWN: "{who} took their judgement back",
    AuditKind.ESCALATION_UNDONE: "{who} took the escalation back",
    AuditKind.DECISION_HELD: "Held for a second person",
    AuditKind.HOLD_APPROVED: "Approved by {who}",
    AuditKind.HOLD_REJECTED: "Sent back by {who}",
    AuditKind.AUDIT_DRAWN: "Drawn for a random audit",
    AuditKind.LEASE_EXPIRED: "The lease of {who} ran out",
    AuditKind.CASE_DECIDED: "Decided by {who}: {outcome}",
    AuditKind.DECISION_UNDONE: "Undone by {who}",
    AuditKind.DECISION_OVERRIDDEN: "Overridden by {who}: {outcome}",
    AuditKind.APPEAL_OPENED: "The decision was appealed",
    AuditKind.APPEAL_RESOLVED: "Appeal decided by {who}: {state}",
}


def _label(choices: type[TextChoices], value: object) -> str:
    return str(choices(value).label) if value in choices.values else "unknown"


def _outcome(data: Mapping[str, Any]) -> str:
    if data.get("verdict") == Verdict.OK:
        return "no violation"
    words = f"violates {', '.join(data.get('policies', []))}"
    actions = data.get("actions", [])
    return f"{words}; {', '.join(actions)}" if actions else words
