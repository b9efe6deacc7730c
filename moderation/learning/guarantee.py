"""From which score on a policy's precision is guaranteed: the champion's scores of audited texts, put to the test."""

from dataclasses import dataclass

import numpy as np
from django.conf import settings

from ml import guarantee
from ml.errors import InputError
from ml.guarantee import Guarantee
from moderation.errors import Conflict, InvalidInput
from moderation.learning import registry
from moderation.models import ModelVersion, Policy
from moderation.selectors.labels import audited_labels

__all__ = ["Calibration", "Guarantee", "calibrate"]

SAMPLES = 20_000  # the newest ones, where there are more


@dataclass(frozen=True, slots=True)
class Calibration:
    """A guarantee, the version whose scores it is about, and how many audited texts it was looked for in."""

    version: ModelVersion
    guarantee: Guarantee
    samples: int


def calibrate(policy: Policy, *, precision: float, recalibration: int) -> Calibration:
    """Test from which score of the champion on the policy's precision is guaranteed; no looser than what is flagged.

    Below the flagging threshold a decision may say nothing about the policy, which would bias the samples. Spends the
    ``recalibration``-th part of the error budget. Raises ``ModelUnavailable``; ``InvalidInput`` if the champion does
    not know the policy or the precision is none; ``Conflict`` if an audit drew with less than its smallest probability.
    """
    version = registry.champion()
    model = registry.load(version)
    if policy.slug not in model.policies:
        raise InvalidInput(f"Model v{version.number} does not know the policy “{policy.name}”.")
    labels = list(
        audited_labels(policy.slug).select_related("revision", "evidence__prediction").order_by("-pk")[:SAMPLES]
    )
    texts = [label.revision.text for label in labels]
    contexts = [label.evidence.prediction.context if label.evidence.prediction else {} for label in labels]
    column = list(model.policies).index(policy.slug)
    logits = model.decision_function(texts, contexts)[:, column] if labels else np.zeros(0)
    loosest = policy.threshold if policy.threshold is not None else model.thresholds[policy.slug]
    try:
        found = guarantee.calibrate(
            np.asarray(np.exp(-np.logaddexp(0.0, -logits))),
            np.array([label.value for label in labels], dtype=np.bool_),
            np.array([label.sampling_probability for label in labels], dtype=np.float64),
            grid=guarantee.grid_from(loosest),
            precision=precision,
            delta=guarantee.delta_of_recalibration(settings.AUTOMATION_ERROR, recalibration),
            smallest_probability=settings.AUDIT_SMALLEST_PROBABILITY,
        )
    except InputError as error:
        raise Conflict(f"The audited texts cannot be used: {error}.") from error
    return Calibration(version, found, len(labels))
