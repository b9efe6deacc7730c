"""Showing people what chance has drawn: flagged or not, automated or not, they judge it blind."""

from datetime import timedelta

from django.utils import timezone

from moderation import audit
from moderation.enums import CaseStatus, DecisionKind, ReviewKind, ReviewState, WhyShown
from moderation.models import Case, Content, Decision, Review
from moderation.selectors import queues
from moderation.services import priority


def show(content: Content, *, probability: float) -> Case | None:
    """Have a person judge the content: its open case becomes an audit, a decision of no person is reviewed, or a case
    opens. ``None`` where people see or saw it anyway. The caller holds the content's row lock.
    """
    case = Case.objects.filter(content=content, status=CaseStatus.OPEN).first()
    if case is not None:
        return _turn_into_audit(case, probability)
    decided = Decision.objects.filter(case__content=content, superseded_by__isnull=True, verdict__isnull=False)
    last = decided.select_related("case__queue").order_by("-pk").first()
    if last is None:
        return _open(content, probability)
    return _review_again(last, probability) if last.kind == DecisionKind.AUTOMATED else None


def _turn_into_audit(case: Case, probability: float) -> Case | None:
    if case.evidence.exists():
        return None  # someone has seen it as what it was
    case.why_shown = WhyShown.RANDOM_AUDIT
    case.sampling_probability = probability
    case.save(update_fields=["why_shown", "sampling_probability"])
    case.reviews.filter(state=ReviewState.WAITING).update(blind=True)
    return case


def _review_again(decision: Decision, probability: float) -> Case:
    """A person judges what was decided automatically; the case stays decided until they differ."""
    case = decision.case
    case.why_shown = WhyShown.RANDOM_AUDIT
    case.sampling_probability = probability
    case.save(update_fields=["why_shown", "sampling_probability"])
    Review.objects.create(case=case, kind=ReviewKind.AUDIT, blind=True, queue=case.queue, priority=case.priority)
    return case


def _open(content: Content, probability: float) -> Case:
    queue = queues.default_queue()
    now = timezone.now()
    case = Case.objects.create(
        content=content,
        queue=queue,
        why_shown=WhyShown.RANDOM_AUDIT,
        sampling_probability=probability,
        priority=priority.index_key([], queue=queue, opened_at=now),
        opened_at=now,
        due_at=now + timedelta(minutes=queue.sla_minutes),
    )
    Review.objects.create(case=case, blind=True, queue=queue, priority=case.priority)
    audit.case_opened(case)
    return case
