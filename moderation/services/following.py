"""New members of a campaign that was decided take its decision, where the model's precision is guaranteed.

Asked for by whoever decided the campaign; each policy of the decision must be automated for this very text, and the
text must be near to one that was decided, since a group may drift from its first member.
"""

from collections.abc import Iterable

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import Value
from django.db.models.functions import Left

from moderation.enums import BatchCaseState, DecisionKind, ReviewState
from moderation.models import Batch, Case, ContentRevision, Decision, PolicyPrediction, Review
from moderation.models.case import BATCHABLE
from moderation.selectors import automation, campaigns, holds
from moderation.selectors.cases import prediction_of
from moderation.services import automatic, unseen

NEAR = 0.8  # trigrams shared with a text of the campaign that was decided


def follow(cases: Iterable[Case]) -> list[Decision]:
    """Decide those of the cases that may follow their campaign. The caller holds the locks of contents and cases."""
    waiting = Review.objects.select_for_update(of=("self",)).filter(
        BATCHABLE, case__in=list(cases), group__isnull=False
    )
    reviews = list(waiting.select_related("case__content__current_revision", "case__queue").order_by("pk"))
    standing = campaigns.decided({review.group_id for review in reviews if review.group_id})
    decided = []
    for review in reviews:
        batch = standing.get(review.group_id or 0)
        if batch is not None and batch.follows and _may_follow(review, batch):
            decided.append(
                unseen.decide(
                    review.case,
                    review,
                    kind=DecisionKind.AUTOMATED,
                    verdict=batch.verdict,
                    policies=batch.policies,
                    actions=batch.actions,
                )
            )
    return decided


def _may_follow(review: Review, batch: Batch) -> bool:
    case, revision = review.case, review.case.content.current_revision
    if revision is None or review.state != ReviewState.WAITING or case.decisions.exists():
        return False
    predictions = _predictions(revision)
    sources = frozenset(case.content.reports.values_list("source", flat=True))
    standings = automation.standings(batch.policies)
    guaranteed = all(automatic.allows(standings[slug], case, predictions.get(slug), sources) for slug in batch.policies)
    return guaranteed and holds.needs_second(case, batch.policies) is None and _is_near(revision, batch)


def _predictions(revision: ContentRevision) -> dict[str, PolicyPrediction]:
    prediction = prediction_of(revision)
    if prediction is None:
        return {}
    return {row.policy.slug: row for row in prediction.policies.select_related("policy", "prediction")}


def _is_near(revision: ContentRevision, batch: Batch) -> bool:
    compared = Value(revision.text[: campaigns.COMPARED])
    alike = TrigramSimilarity(Left("text", campaigns.COMPARED), compared)  # type: ignore[arg-type]
    decided = batch.cases.filter(state=BatchCaseState.DECIDED).values("decision__judgement__evidence__revision")
    near = ContentRevision.objects.filter(pk__in=decided[:200], erased_at__isnull=True).annotate(alike=alike)
    return near.filter(alike__gte=NEAR).exists()
