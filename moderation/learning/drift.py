"""Traffic as the champion sees it, recent against earlier: what ``ml.drift`` compares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from ml import drift
from ml.drift import Drift
from moderation.models import ModelVersion, PolicyPrediction, Prediction
from moderation.selectors.labels import audited_labels

__all__ = ["Drift", "Window", "checks", "traffic"]

ON_ARRIVAL = timedelta(days=1)  # scored later than that, a text was scored anew and says nothing about traffic
TEXTS_A_WINDOW = 10_000
ERROR = 0.05  # chance of any false alarm among all checks of a day (Bonferroni)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """Texts that came in during a time: the policies' logits and flags by column, the context features by name."""

    logits: dict[str, Floats]
    flags: dict[str, NDArray[np.bool_]]
    context: dict[str, Floats]
    size: int


def traffic(version: ModelVersion, *, since: datetime, until: datetime) -> Window:
    """What came in from ``since`` up to ``until`` and was scored on arrival; a random sample where it is a lot."""
    predictions = list(
        Prediction.objects.filter(
            model_version=version,
            revision__received_at__gte=since,
            revision__received_at__lt=until,
            created_at__gte=since,
            created_at__lt=F("revision__received_at") + ON_ARRIVAL,
        )
        .order_by("?")
        .values_list("pk", "context")[:TEXTS_A_WINDOW]
    )
    places = {pk: place for place, (pk, _) in enumerate(predictions)}
    logits: dict[str, Floats] = {}
    flags: dict[str, NDArray[np.bool_]] = {}
    rows = PolicyPrediction.objects.filter(prediction__in=places).values_list(
        "prediction_id", "policy__slug", "logit", "flagged"
    )
    for pk, slug, logit, flagged in rows.iterator(chunk_size=5000):
        logits.setdefault(slug, np.full(len(places), np.nan))[places[pk]] = logit
        flags.setdefault(slug, np.zeros(len(places), np.bool_))[places[pk]] = flagged
    return Window(logits, flags, _context([context for _, context in predictions]), len(places))


def checks(version: ModelVersion, *, since: datetime, until: datetime, before: Window, recent: Window) -> list[Drift]:
    """Every comparison of two windows; the audited labels are those of texts from ``since`` to ``until``."""
    policies = sorted(before.logits.keys() & recent.logits.keys())
    features = sorted(before.context.keys() | recent.context.keys())
    alpha = ERROR / (2 * len(policies) + len(features) + 1)
    pairs = [(f"score of {slug}", before.logits[slug], recent.logits[slug]) for slug in policies]
    pairs += [(name, _column(before, name), _column(recent, name)) for name in features]
    found = [drift.population_stability(old, new, name=name, alpha=alpha) for name, old, new in pairs]
    if pairs:
        tables = [np.stack([pair[side] for pair in pairs], axis=1) for side in (1, 2)]
        found.append(drift.two_sample(*tables, alpha=alpha))
    found += _label_shifts(version, policies, since, until, recent, alpha)
    return found


def _label_shifts(
    version: ModelVersion, policies: Sequence[str], since: datetime, until: datetime, recent: Window, alpha: float
) -> Iterator[Drift]:
    for slug in policies:
        labels = audited_labels(slug).filter(revision__received_at__gte=since, revision__received_at__lt=until)
        flags = dict(
            PolicyPrediction.objects.filter(
                policy__slug=slug,
                prediction__model_version=version,
                prediction__revision__in=labels.values("revision"),
            ).values_list("prediction__revision_id", "flagged")
        )
        rows = [
            (value, flags[revision], 1.0 / probability)
            for revision, value, probability in labels.values_list("revision_id", "value", "sampling_probability")
            if revision in flags
        ]
        yield drift.label_shift(
            np.array([row[0] for row in rows], dtype=np.bool_),
            np.array([row[1] for row in rows], dtype=np.bool_),
            np.array([row[2] for row in rows], dtype=np.float64),
            recent.flags[slug],
            name=f"share of {slug}",
            alpha=alpha,
        )


def _context(rows: Sequence[dict[str, float | None]]) -> dict[str, Floats]:
    names = {name for row in rows for name in row}
    return {name: np.array([_number(row.get(name)) for row in rows], dtype=np.float64) for name in names}


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _column(window: Window, name: str) -> Floats:
    """The feature's values; a feature nobody gave is unknown for every text."""
    return window.context.get(name, np.full(window.size, np.nan))
