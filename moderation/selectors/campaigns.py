"""Campaigns: near-duplicates of one text that wait together, or whose decision stands.

A campaign is a near-duplicate group (``moderation.learning.grouping``), which every worker finds in the database the
moment a text is scored; nothing is clustered afterwards.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import Count, Min, Value
from django.db.models.functions import Left

from moderation.enums import BatchMode, BatchState, Verdict
from moderation.errors import NotFound
from moderation.models import Batch, ContentRevision, Review, TextGroup
from moderation.models.case import BATCHABLE

SMALLEST = 3  # fewer are handled as quickly one by one
LISTED = 50
COMPARED = 2_000  # code points of each text, as likeness is shown


@dataclass(frozen=True, slots=True)
class Campaign:
    """A group with the cases that wait: how many, since when, its oldest waiting text, and its standing decision."""

    group_id: int
    waiting: int
    authors: int
    since: datetime | None
    example: ContentRevision | None
    decided: Batch | None


@dataclass(frozen=True, slots=True)
class Member:
    """A waiting case of a campaign, and how like the example its text is, 0 to 1 by trigrams."""

    review: Review
    likeness: float


def waiting(limit: int = LISTED) -> list[Campaign]:
    """The campaigns with the most waiting cases."""
    groups = (
        Review.objects.filter(BATCHABLE, group__isnull=False)
        .values("group_id")
        .annotate(waiting=Count("pk"))
        .filter(waiting__gte=SMALLEST)
        .order_by("-waiting", "group_id")
    )
    return _campaigns([row["group_id"] for row in groups[:limit]])


def campaign(group_id: int) -> Campaign:
    """The campaign of the group, whatever still waits. Raises ``NotFound``."""
    if not TextGroup.objects.filter(pk=group_id).exists():
        raise NotFound("There is no such campaign.")
    found = _campaigns([group_id])
    return found[0] if found else Campaign(group_id, 0, 0, None, None, decided([group_id]).get(group_id))


def members(found: Campaign, *, limit: int) -> list[Member]:
    """Its waiting cases, the least like the example first: they are the likeliest exceptions."""
    reviews = Review.objects.filter(BATCHABLE, group=found.group_id).select_related(
        "case__content__author", "case__content__current_revision", "queue"
    )
    if found.example is None:
        return []
    alike = TrigramSimilarity(
        Left("case__content__current_revision__text", COMPARED),
        Value(found.example.text[:COMPARED]),  # type: ignore[arg-type]
    )
    rows = reviews.annotate(likeness=alike).order_by("likeness", "pk")[:limit]
    return [Member(review, review.likeness) for review in rows]


def decided(groups: Collection[int]) -> dict[int, Batch]:
    """The decision that stands for each group, if it was decided as a campaign and not undone."""
    batches = Batch.objects.filter(
        group__in=groups, mode=BatchMode.CAMPAIGN, state__in=[BatchState.DECIDING, BatchState.DECIDED]
    )
    return {batch.group_id: batch for batch in batches.order_by("pk") if batch.group_id is not None}


def in_words(batch: Batch) -> str:
    """The campaign's decision as a reason."""
    if batch.verdict == Verdict.OK:
        return "near-duplicate of a campaign found to be no violation"
    return f"near-duplicate of a campaign found to violate {', '.join(batch.policies)}"


def _campaigns(group_ids: Sequence[int]) -> list[Campaign]:
    rows = {
        row["group_id"]: row
        for row in Review.objects.filter(BATCHABLE, group__in=group_ids)
        .values("group_id")
        .annotate(
            waiting=Count("pk"),
            authors=Count("case__content__author", distinct=True),
            since=Min("case__opened_at"),
            first=Min("pk"),
        )
    }
    examples = _examples([row["first"] for row in rows.values()])
    standing = decided(group_ids)
    return [
        Campaign(
            group_id=pk,
            waiting=rows[pk]["waiting"],
            authors=rows[pk]["authors"],
            since=rows[pk]["since"],
            example=examples.get(rows[pk]["first"]),
            decided=standing.get(pk),
        )
        for pk in group_ids
        if pk in rows
    ]


def _examples(review_ids: Sequence[int]) -> dict[int, ContentRevision]:
    reviews = Review.objects.filter(pk__in=review_ids).select_related("case__content__current_revision")
    return {review.pk: revision for review in reviews if (revision := review.case.content.current_revision) is not None}
