"""Golden cases: texts of known truth, put before people as cases. They bind nothing and teach nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet
from django.utils import timezone

from moderation import audit
from moderation.enums import CaseStatus, ReviewKind, ReviewState, Role, Verdict, WhyShown
from moderation.errors import InvalidInput
from moderation.models import (
    Case,
    Content,
    ContentRevision,
    GoldenCase,
    GoldenItem,
    Judgement,
    Policy,
    Queue,
    Review,
    ReviewBar,
    User,
)
from moderation.permissions import Permission, require
from moderation.services import priority


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reviewer is told after a golden case: whether they were right, and the known policies."""

    correct: bool
    policies: Sequence[str]


@transaction.atomic
def save_item(
    *, content: Content, violated: Sequence[str], is_active: bool, acting_user: User, item: GoldenItem | None = None
) -> GoldenItem:
    """Make the content's present wording a golden item of this truth, or change the item. Raises ``NotPermitted``,
    ``InvalidInput`` for a wording that was erased or is golden already.
    """
    require(acting_user, Permission.MANAGE)
    known = item if item is not None and item.pk else None
    revision = check_item(content, item=known)
    slugs = list(Policy.objects.filter(is_active=True).values_list("slug", flat=True))
    item = item or GoldenItem()
    if known is None:
        item.revision = revision
    item.truth = {slug: slug in violated for slug in slugs}
    item.is_active = is_active
    item.save()
    return item


def check_item(content: Content, *, item: GoldenItem | None) -> ContentRevision:
    """The wording that would be golden. Raises ``InvalidInput`` for one that was erased or is golden already."""
    revision = item.revision if item is not None else content.current_revision
    if revision is None or revision.erased_at is not None:
        raise InvalidInput("This content has no text any more.", pointer="/content")
    if GoldenItem.objects.filter(revision=revision).exclude(pk=item.pk if item else 0).exists():
        raise InvalidInput("This text is a golden item already.", pointer="/content")
    return revision


def plant(*, beside: Case, blind: bool) -> Case | None:
    """Put a golden case into the queue of an ordinary one, once; ``None`` where no item fits or it has its own.

    It carries what its text's own case carried there. A text that never had a case looks like an audit: it is judged
    blind, and only in the queue where audits are.
    """
    if GoldenCase.objects.filter(beside=beside).exists():
        return None
    queue = beside.queue
    item = _next_item(queue)
    if item is None:
        return None
    source = source_of(item.revision.content, queue)
    parts: Sequence[Mapping[str, Any]] = source.priority_parts if source else []
    case = Case.including_golden.create(
        content=item.revision.content,
        queue=queue,
        why_shown=WhyShown.GOLDEN,
        rule_hits=source.rule_hits if source else [],
        priority_parts=parts,
        priority=priority.index_key(parts, queue=queue, opened_at=beside.opened_at),
        opened_at=beside.opened_at,
        due_at=beside.due_at,
    )
    GoldenCase.objects.create(case=case, item=item, beside=beside)
    review = Review.objects.create(
        case=case, kind=ReviewKind.GOLDEN, blind=blind or source is None, queue=queue, priority=case.priority
    )
    knowing = Judgement.objects.filter(review__case__content=case.content_id).values_list("reviewer_id", flat=True)
    ReviewBar.objects.bulk_create(ReviewBar(review=review, user_id=pk) for pk in sorted(set(knowing)))
    audit.case_opened(case)
    return case


def close(case: Case, judgement: Judgement) -> Feedback:
    """The golden case has been judged: it ends without a decision. Call it in the judgement's transaction."""
    case.status = CaseStatus.DECIDED
    case.closed_at = timezone.now()
    case.version += 1
    case.save(update_fields=["status", "closed_at", "version"])
    return feedback_of(case.golden.item, judgement)


def feedback_of(item: GoldenItem, judgement: Judgement) -> Feedback:
    """Whether the judgement says of every policy with a known truth what is known."""
    known = sorted(slug for slug, violates in item.truth.items() if violates)
    said = set(judgement.policies) if judgement.verdict == Verdict.VIOLATES else set()
    correct = all((slug in said) == violates for slug, violates in item.truth.items())
    return Feedback(correct, known)


def source_of(content: Content, queue: Queue) -> Case | None:
    """The newest ordinary case of the content in the queue."""
    return Case.objects.filter(content=content, queue=queue).order_by("-pk").first()


def _next_item(queue: Queue) -> GoldenItem | None:
    """The item shown least often so far that fits the queue and that some reviewer has not met."""
    ordinary = Case.objects.filter(content=OuterRef("revision__content"))
    items = _usable().annotate(
        shown=Count("cases"), here=Exists(ordinary.filter(queue=queue)), anywhere=Exists(ordinary)
    )
    reviewers = User.objects.filter(is_active=True, role__in=[Role.MODERATOR, Role.SENIOR, Role.ADMIN]).count()
    for item in items.order_by("shown", "pk")[:50]:
        if not item.here and (item.anywhere or not queue.is_default):
            continue
        met = Judgement.objects.filter(review__case__content=item.revision.content_id)
        if met.values("reviewer").distinct().count() < reviewers:
            return item
    return None


def _usable() -> QuerySet[GoldenItem]:
    """Items in use whose text stands as it was, and that do not wait for someone already."""
    waiting = GoldenCase.objects.filter(
        item=OuterRef("pk"), case__reviews__state__in=[ReviewState.WAITING, ReviewState.LEASED]
    )
    return GoldenItem.objects.select_related("revision__content").filter(
        ~Exists(waiting),
        is_active=True,
        revision__erased_at__isnull=True,
        revision__content__withdrawn_at__isnull=True,
        revision__content__current_revision=F("revision"),
    )
