"""What random audits found, with the probability of everything that was found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.enums import DecisionKind, ModelStatus
from moderation.models import AuditDraw, AutomationThreshold, Label, PolicyPrediction, Prediction


@dataclass(frozen=True, slots=True)
class Audited:
    """One audited wording under one policy: what people said, whether it was flagged, whether it would be automated.

    ``probability`` is that of being drawn and judged: of each stratum those judged stand for those drawn.
    """

    drawn_at: datetime
    probability: float
    violates: bool
    flagged: bool
    automated: bool


def audited(*, since: datetime) -> tuple[dict[str, list[Audited]], int, int]:
    """Policy slug to its audited wordings drawn since then; how many were drawn, and how many of them are judged."""
    draws = list(AuditDraw.objects.filter(created_at__gte=since).order_by("pk"))
    labels = _labels([draw.revision_id for draw in draws])
    judged = [draw for draw in draws if draw.revision_id in labels]
    response = _response(draws, judged)
    first = _first_predictions([draw.revision_id for draw in judged])
    automated_from = _automated_from()
    found: dict[str, list[Audited]] = defaultdict(list)
    for draw in judged:
        for slug, violates in labels[draw.revision_id].items():
            row = first.get((draw.revision_id, slug))
            if row is None:
                continue
            version, threshold = automated_from.get(slug, (0, 2.0))
            found[slug].append(
                Audited(
                    drawn_at=draw.created_at,
                    probability=draw.probability * response[draw.probability],
                    violates=violates,
                    flagged=row.flagged,
                    automated=row.prediction.model_version_id == version and row.score >= threshold,
                )
            )
    return dict(found), len(draws), len(judged)


def _labels(revisions: Sequence[int]) -> dict[int, dict[str, bool]]:
    """Revision to policy to what people say now."""
    rows = (
        Label.objects.current()
        .filter(revision__in=revisions, value__isnull=False)
        .exclude(decision__kind=DecisionKind.AUTOMATED)
    )
    labels: dict[int, dict[str, bool]] = defaultdict(dict)
    for revision, slug, value in rows.values_list("revision_id", "policy__slug", "value"):
        labels[revision][slug] = bool(value)
    return labels


def _response(draws: Sequence[AuditDraw], judged: Sequence[AuditDraw]) -> dict[float, float]:
    """Stratum, named by its probability, to the share of its draws that has been judged."""
    counts: Mapping[float, list[int]] = defaultdict(lambda: [0, 0])
    for draw in draws:
        counts[draw.probability][0] += 1
    for draw in judged:
        counts[draw.probability][1] += 1
    return {stratum: answered / drawn for stratum, (drawn, answered) in counts.items()}


def _first_predictions(revisions: Sequence[int]) -> dict[tuple[int, str], PolicyPrediction]:
    """Revision and policy to what was first served of it."""
    first = Prediction.objects.served().filter(revision__in=revisions).order_by("revision_id", "pk")
    rows = PolicyPrediction.objects.filter(prediction__in=first.distinct("revision_id").values("pk"))
    return {(row.prediction.revision_id, row.policy.slug): row for row in rows.select_related("prediction", "policy")}


def _automated_from() -> dict[str, tuple[int, float]]:
    """Policy to the champion and the score from which its precision is guaranteed."""
    newest = AutomationThreshold.objects.filter(model_version__status=ModelStatus.CHAMPION).select_related("policy")
    return {
        row.policy.slug: (row.model_version_id, row.threshold)
        for row in newest.order_by("pk")
        if row.threshold is not None
    }
