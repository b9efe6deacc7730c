"""What happened to a case, and what a person decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from moderation.enums import AuditKind, SkipReason, WhyShown
from moderation.errors import NotFound
from moderation.models import AuditEvent, Case, Decision, Evidence, Label, Queue, Report

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
    last = decisions_of(user_id).first()
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
    events = list(
        AuditEvent.objects.filter(Q(case_id=case.pk) | of_content).select_related("actor").order_by("-created_at", "-pk")
    )
    if case.closed_at is not None:
        events = [event for event in events if event.case_id is not None or event.created_at <= case.closed_at]
    queues = dict(Queue.objects.values_list("slug", "name"))
    return [Entry(event, _in_words(event, queues), event.kind in _ROUTINE) for event in events]


def _in_words(event: AuditEvent, queues: Mapping[str, str]) -> str:
    who = event.actor.username if event.actor else None
    data = event.data
    match event.kind:
        case AuditKind.CONTENT_RECEIVED:
            return "The platform sent the content"
        case AuditKind.CONTENT_REVISED:
            return f"The content was edited: revision {data.get('revision')}"
        case AuditKind.CONTENT_WITHDRAWN:
            return "The content was deleted on the platform"
        case AuditKind.REPORT_RECEIVED:
            return f"Reported ({_source(data)})"
        case AuditKind.CONTENT_SCORED:
            return f"Scored by model v{data.get('model')}"
        case AuditKind.SCORING_FAILED:
            return f"Scoring failed, attempt {data.get('attempts')}"
        case AuditKind.CASE_OPENED:
            why = WhyShown(data["why_shown"]).label.lower() if data.get("why_shown") in WhyShown.values else "routed"
            return f"Case opened in {_queue(data, queues)}: {why}"
        case AuditKind.CASE_WITHDRAWN:
            return "Case closed: the content is gone"
        case AuditKind.REVIEW_CLAIMED:
            return f"{who} claimed it"
        case AuditKind.REVIEW_RELEASED:
            return f"{who} gave it back"
        case AuditKind.REVIEW_SKIPPED:
            reason = SkipReason(data["reason"]).label if data.get("reason") in SkipReason.values else "no reason"
            return f"{who} skipped it: {reason}"
        case AuditKind.REVIEW_ESCALATED:
            return f"{who} escalated it to {_queue(data, queues)}"
        case AuditKind.LEASE_EXPIRED:
            return f"{who or 'Someone'}’s lease ran out"
        case AuditKind.CASE_DECIDED:
            return f"{who or 'The system'} decided: {_outcome(data)}"
        case AuditKind.DECISION_UNDONE:
            return f"{who} undid the decision"
        case AuditKind.DECISION_OVERRIDDEN:
            return f"{who} overrode the decision: {_outcome(data)}"
        case AuditKind.APPEAL_OPENED:
            return "The decision was appealed"
        case AuditKind.APPEAL_RESOLVED:
            return f"{who} decided the appeal: {data.get('state')}"
        case _:
            return str(event.get_kind_display())


def _source(data: Mapping[str, Any]) -> str:
    source = data.get("source", "")
    return dict(Report._meta.get_field("source").flatchoices).get(source, source).lower()


def _queue(data: Mapping[str, Any], queues: Mapping[str, str]) -> str:
    slug = data.get("queue", "")
    return f"“{queues.get(slug, slug)}”"


def _outcome(data: Mapping[str, Any]) -> str:
    if data.get("verdict") == "ok":
        return "no violation"
    words = f"violates {', '.join(data.get('policies', []))}"
    actions = data.get("actions", [])
    return f"{words}; {', '.join(actions)}" if actions else words
