"""What the second reader said, and what it has not read yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from moderation.enums import CaseStatus, ModelStatus
from moderation.models import Case, Evidence, Policy, Prediction, SecondReading


@dataclass(frozen=True, slots=True)
class Opinions:
    """Both readers on one policy, as probabilities beside the threshold in force."""

    policy: Policy
    first: float
    second: float
    stacked: float
    threshold: float

    @property
    def disagree(self) -> bool:
        """Whether one reader would flag the text and the other would not."""
        return (self.first >= self.threshold) != (self.second >= self.threshold)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What was known of the second reader when the evidence was frozen: ``is_read`` is whether it had read the text."""

    is_read: bool
    opinions: Sequence[Opinions]

    @property
    def disagreements(self) -> list[Opinions]:
        """The policies on which the readers part."""
        return [opinion for opinion in self.opinions if opinion.disagree]


def waiting(reader: str) -> QuerySet[Prediction]:
    """The champion's predictions of open cases' present wordings that ``reader`` has not read, most urgent first."""
    read = SecondReading.objects.filter(prediction=OuterRef("pk"), reader=reader)
    open_cases = Case.objects.filter(content=OuterRef("revision__content"), status=CaseStatus.OPEN)
    return (
        Prediction.objects.annotate(urgency=Subquery(open_cases.order_by("-priority").values("priority")[:1]))
        .filter(
            ~Exists(read),
            urgency__isnull=False,
            model_version__status=ModelStatus.CHAMPION,
            revision__erased_at__isnull=True,
            revision__content__current_revision=F("revision"),
        )
        .select_related("revision")
        .prefetch_related("policies__policy")
        .order_by("-urgency", "pk")
    )


def is_late() -> bool:
    """Whether a text of an open case has waited for the second reader, whichever version, beyond its budget."""
    before = timezone.now() - timedelta(seconds=settings.SECOND_READER_SECONDS)
    unread = ~Exists(SecondReading.objects.filter(prediction=OuterRef("pk")))
    current = Prediction.objects.filter(
        unread,
        model_version__status=ModelStatus.CHAMPION,
        revision__content__current_revision=F("revision"),
        revision=OuterRef("content__current_revision"),
        revision__erased_at__isnull=True,
        created_at__lt=before,
    )
    return Case.objects.filter(Exists(current), status=CaseStatus.OPEN, opened_at__lt=before).exists()


def latest_of(prediction: Prediction | None) -> SecondReading | None:
    """The last reading of the prediction's text, if it was read."""
    return prediction.second_readings.order_by("-pk").first() if prediction is not None else None


def opinion_in(evidence: Evidence) -> SecondOpinion | None:
    """The second reader's opinion as the evidence holds it; ``None`` if none is to be shown."""
    reading = evidence.second_reading
    if evidence.blind or evidence.prediction_id is None or not (reading or settings.SECOND_READER):
        return None
    if reading is None or reading.failure:
        return SecondOpinion(is_read=False, opinions=[])
    rows = sorted(reading.policies.select_related("policy"), key=lambda row: row.second_logit, reverse=True)
    return SecondOpinion(
        is_read=True,
        opinions=[
            Opinions(
                policy=row.policy,
                first=_probability(row.first_logit),
                second=_probability(row.second_logit),
                stacked=_probability(row.stacked_logit),
                threshold=row.threshold,
            )
            for row in rows
        ],
    )


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))
