"""Champion and shadow side by side, on what both have scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from ml import drift, metrics
from moderation.learning import registry
from moderation.models import Label, ModelVersion, PolicyPrediction, Prediction, TrainingSetItem

COMPARED_TEXTS = 5000
COMPARED_LABELS = 5000

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Worth:
    """What a version is worth on judged texts; ``None`` where they do not say."""

    average_precision: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class PolicyComparison:
    """One policy: how often each version flags ``texts`` texts and how often they agree; their worth on those judged.

    ``psi`` is the population stability index of the shadow's scores against the champion's, ``None`` on too few texts.
    """

    policy: str
    texts: int
    champion_flag_rate: float
    shadow_flag_rate: float
    agreement: float
    psi: float | None
    judged: int
    violating: int
    champion: Worth
    shadow: Worth


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and shadow on the latest texts both scored, and on all texts judged since the shadow began."""

    champion: ModelVersion
    shadow: ModelVersion
    policies: Sequence[PolicyComparison]


@dataclass(frozen=True, slots=True)
class _Opinions:
    """One policy's scores and flags by revision."""

    scores: dict[int, float]
    flags: dict[int, bool]


def compare(shadow: ModelVersion) -> Comparison:
    """Compare a version in shadow with the champion. Raises ``ModelUnavailable`` without a champion."""
    champion = registry.champion()
    latest = _since(shadow).order_by("-pk").values_list("revision_id", flat=True)[:COMPARED_TEXTS]
    texts = set(latest)
    judged = _judged(shadow)
    revisions = texts | {revision for of_policy in judged.values() for revision in of_policy}
    before, after = _opinions(champion, revisions), _opinions(shadow, revisions)
    policies = [
        _compare(slug, before[slug], after[slug], texts, judged.get(slug, {})) for slug in before if slug in after
    ]
    return Comparison(champion, shadow, policies)


def _since(shadow: ModelVersion) -> QuerySet[Prediction]:
    return Prediction.objects.filter(model_version=shadow, created_at__gte=shadow.shadowed_at)


def _judged(shadow: ModelVersion) -> dict[str, dict[int, bool]]:
    """Policy slug to revision to truth, as judged since the shadow began and never given to it to learn from."""
    learned = TrainingSetItem.objects.filter(training_set=shadow.training_set_id).values("label__revision")
    labels = (
        Label.objects.current()
        .filter(value__isnull=False, created_at__gte=shadow.shadowed_at)
        .filter(revision__in=_since(shadow).values("revision"))
        .exclude(revision__in=learned)
        .order_by("-pk")
        .values_list("policy__slug", "revision_id", "value")[:COMPARED_LABELS]
    )
    judged: dict[str, dict[int, bool]] = {}
    for slug, revision, value in labels:
        judged.setdefault(slug, {})[revision] = bool(value)
    return judged


def _opinions(version: ModelVersion, revisions: set[int]) -> dict[str, _Opinions]:
    rows = (
        PolicyPrediction.objects.filter(prediction__model_version=version, prediction__revision__in=revisions)
        .order_by("policy__position", "policy__slug", "pk")
        .values_list("policy__slug", "prediction__revision_id", "score", "flagged")
    )
    found: dict[str, _Opinions] = {}
    for slug, revision, score, flagged in rows:
        of_policy = found.setdefault(slug, _Opinions({}, {}))
        of_policy.scores[revision] = score
        of_policy.flags[revision] = flagged
    return found


def _compare(
    slug: str, before: _Opinions, after: _Opinions, texts: set[int], truth: dict[int, bool]
) -> PolicyComparison:
    both = sorted(texts & before.scores.keys() & after.scores.keys())
    known = sorted(truth.keys() & before.scores.keys() & after.scores.keys())
    old, new = _flags(before, both), _flags(after, both)
    labels = np.array([truth[revision] for revision in known], dtype=np.bool_)
    stability = drift.population_stability(_scores(before, both), _scores(after, both), name=slug)
    psi = stability.figures.get("psi")
    return PolicyComparison(
        policy=slug,
        texts=len(both),
        champion_flag_rate=_share(old),
        shadow_flag_rate=_share(new),
        agreement=_share(old == new),
        psi=float(psi) if psi is not None else None,
        judged=len(known),
        violating=int(labels.sum()),
        champion=_worth(labels, _scores(before, known), _flags(before, known)),
        shadow=_worth(labels, _scores(after, known), _flags(after, known)),
    )


def _worth(labels: Bools, scores: Floats, flags: Bools) -> Worth:
    right = labels & flags
    return Worth(
        average_precision=metrics.average_precision(labels, scores),
        precision=float(right.sum() / flags.sum()) if flags.any() else None,
        recall=float(right.sum() / labels.sum()) if labels.any() else None,
    )


def _scores(opinions: _Opinions, revisions: Sequence[int]) -> Floats:
    return np.array([opinions.scores[revision] for revision in revisions], dtype=np.float64)


def _flags(opinions: _Opinions, revisions: Sequence[int]) -> Bools:
    return np.array([opinions.flags[revision] for revision in revisions], dtype=np.bool_)


def _share(flags: Bools) -> float:
    return float(flags.mean()) if flags.size else 0.0
