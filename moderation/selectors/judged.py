"""What can be compared of people's judgements: pairs, golden answers, first and second looks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet

from moderation.enums import HoldState, ReviewKind, ReviewState, Verdict
from moderation.models import GoldenCase, Hold, Judgement, Review, ReviewSkip

MOST_PAIRS = 20_000  # more would narrow no interval worth reading


@dataclass(frozen=True, slots=True)
class Pair:
    """Two judgements of one wording by people who did not see each other, and the policies both were asked about."""

    case_id: int
    first: Judgement
    second: Judgement
    policies: Sequence[str]


@dataclass(frozen=True, slots=True)
class Look:
    """One person's judgement before and after the model's opinion was shown to them."""

    before: Judgement
    after: Judgement

    @property
    def flipped(self) -> bool:
        """Whether they changed what they said: the verdict or the policies."""
        return category(self.before) != category(self.after)


def category(judgement: Judgement) -> str:
    """The judgement as one of the categories that agreement is counted in: what is violated, or nothing."""
    return "+".join(sorted(judgement.policies)) if judgement.verdict == Verdict.VIOLATES else "ok"


def pairs(*, since: datetime) -> list[Pair]:
    """Double reviews of one wording, the oldest first; what was taken back does not count. The newest ones, where there
    are very many."""
    newest = _standing().filter(review__kind=ReviewKind.SECOND, created_at__gte=since).order_by("-pk")[:MOST_PAIRS]
    seconds = list(newest)[::-1]
    firsts = _by_review([second.review.follows_id for second in seconds])
    found = []
    for second in seconds:
        first = firsts.get(second.review.follows_id or 0)
        if first is not None and first.evidence.revision_id == second.evidence.revision_id:
            asked = [{row["policy"] for row in one.evidence.policies} for one in (first, second)]
            found.append(Pair(second.review.case_id, first, second, sorted(asked[0] & asked[1])))
    return found


def looks(*, since: datetime) -> list[Look]:
    """Blind first judgements with the same person's informed one of the same wording."""
    afters = _standing().filter(review__kind=ReviewKind.INFORMED, created_at__gte=since)
    befores = _by_review([after.review.follows_id for after in afters])
    both = [(befores.get(after.review.follows_id or 0), after) for after in afters]
    return [
        Look(before, after)
        for before, after in both
        if before is not None
        and before.reviewer_id == after.reviewer_id
        and before.evidence.revision_id == after.evidence.revision_id
    ]


def golden_answers(*, since: datetime, reviewer: int | None = None) -> list[tuple[GoldenCase, Judgement]]:
    """Judgements of golden cases with their golden case, the newest first; of one reviewer if named."""
    judged = Judgement.objects.filter(review__kind=ReviewKind.GOLDEN, created_at__gte=since)
    if reviewer is not None:
        judged = judged.filter(reviewer=reviewer)
    answers = {row.review.case_id: row for row in judged.select_related("review", "reviewer").order_by("pk")}
    cases = GoldenCase.objects.filter(case__in=answers).select_related("item").order_by("-pk")
    return [(golden, answers[golden.case_id]) for golden in cases]


def skips(*, since: datetime) -> list[dict[str, Any]]:
    """How often cases were passed over, by reason, the most frequent first."""
    rows = ReviewSkip.objects.filter(created_at__gte=since).values("reason").annotate(count=Count("pk"))
    return [dict(row) for row in rows.order_by("-count", "reason")]


def skips_by_person(*, since: datetime) -> Counter[int]:
    """How often each person, by key, passed a case over."""
    rows = ReviewSkip.objects.filter(created_at__gte=since).values_list("user_id")
    return Counter(dict(rows.annotate(count=Count("pk"))))


def _standing() -> QuerySet[Judgement]:
    """Judgements that were not taken back: what followed was not cancelled, nor a hold withdrawn."""
    cancelled = Review.objects.filter(follows=OuterRef("review"), state=ReviewState.CANCELLED)
    withdrawn = Hold.objects.filter(judgement=OuterRef("pk"), state=HoldState.WITHDRAWN)
    judged = Judgement.objects.select_related("review", "evidence").order_by("pk")
    return judged.filter(~Exists(cancelled), ~Exists(withdrawn))


def _by_review(reviews: Sequence[int | None]) -> dict[int, Judgement]:
    found = Judgement.objects.filter(review__in=[pk for pk in reviews if pk]).select_related("evidence")
    return {judgement.review_id: judgement for judgement in found}
