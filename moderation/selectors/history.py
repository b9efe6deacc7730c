"""What happened to a case, and what a person decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, TextChoices

from moderation.enums import AuditKind, ReportSource, SkipReason, Verdict, WhyShown
from moderation.errors import NotFound
from moderation.models import AuditEvent, Case, Decision, Evidence, Label, Queue

_ROUTINE = (AuditKind.REPORT_RECEIVED, AuditKind.CONTENT_SCORED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: the event, in words, and whether it is routine."""

    event: AuditEvent
    words: str
    routine: bool


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A case with everything that led to where it stands."""

    case: Case
    decisions: Sequence[Decision]
    binding: Decision | None
    entries: Sequence[Entry]
    labels: Sequence[Label]
    shown: Sequence[Evidence]


def case_history(case_id: int) -> CaseHistory:
    """The case's decisions, events, labels and frozen evidence, the newest first; raises ``NotFound``."""
    case = (
        Case.objects.select_related("content__author", "content__current_revision", "queue").filter(pk=case_id).first()
    )
    if case is None:
        raise NotFound("There is no such case.")
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
    return CaseHistory(case, decisions, latest, _entries(case), list(labels), list(shown))


def decisions_of(user_id: int) -> QuerySet[Decision]:
    """A person's decisions, the newest first."""
    return _decisions().filter(decided_by=user_id).order_by("-created_at")


def last_binding_decision_of(user_id: int) -> Decision | None:
    """The newest decision of the person that still binds, if their newest one does: what an undo would take back."""
    mine = Decision.objects.filter(decided_by=user_id).select_related("superseded_by")
    last = mine.order_by("-created_at").first()
    return last if last is not None and _binds(last) else None


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


def _entries(case: Case) -> list[Entry]:
    # What happened to the content counts from its first sight to the case's end.
    of_content = Q(content_id=case.content_id, case_id__isnull=True)
    found = AuditEvent.objects.filter(Q(case_id=case.pk) | of_content).select_related("actor")
    events = list(found.order_by("-created_at", "-pk"))
    if case.closed_at is not None:
        events = [event for event in events if event.case_id is not None or event.created_at <= case.closed_at]
    queues = dict(Queue.objects.values_list("slug", "name"))
    return [Entry(event, _in_words(event, queues), event.kind in _ROUTINE) for event in events]


def _in_words(event: AuditEvent, queues: Mapping[str, str]) -> str:
    """The event in words: its kind's sentence, filled with what the event holds."""
    data = event.data
    sentence = _SENTENCES.get(event.kind)
    if sentence is None:
        return str(event.get_kind_display())
    return sentence.format(
        who=event.actor.username if event.actor else "the system",
        queue=queues.get(data.get("queue", ""), data.get("queue", "")),
        source=_label(ReportSource, data.get("source")).lower(),
        why=_label(WhyShown, data.get("why_shown")).lower(),
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
