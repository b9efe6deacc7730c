"""What would have to go from a text for a policy not to flag it, each answer proven by scoring the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

from ml.counterfactual import Counterfactual, SpanSet, counterfactuals
from moderation.errors import NotFound
from moderation.learning import registry
from moderation.models import Evidence, Policy, PolicyPrediction

SETS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Removal:
    """Parts of the text, in text order, without which the score is ``score``: below the threshold."""

    parts: Sequence[str]
    score: float


@dataclass(frozen=True, slots=True)
class Change:
    """What a policy's flag hangs on.

    ``verdict`` is one of ``ml.counterfactual.Verdict``; ``removals`` are the smallest found, at most ``SETS_SHOWN``;
    ``smallest`` says that no smaller one works. ``score_without_text`` is ``None`` where it was not tried.
    """

    policy: Policy
    threshold: float
    verdict: str
    removals: Sequence[Removal]
    smallest: bool
    score_without_text: float | None


def what_would_change(evidence: Evidence, *, policy: str) -> Change:
    """Search with the model, context and threshold that the evidence was frozen with.

    Raises ``NotFound`` where the evidence holds no score of that policy or no text, and ``ModelUnavailable``
    where the model's file is gone.
    """
    if evidence.blind or evidence.prediction is None or evidence.revision.erased_at is not None:
        raise NotFound("There is no score to explain.")
    row = PolicyPrediction.objects.filter(prediction=evidence.prediction, policy__slug=policy).first()
    frozen = next((part for part in evidence.policies if part["policy"] == policy), None)
    if row is None or frozen is None or frozen.get("threshold") is None:
        raise NotFound("There is no score to explain.")
    text = evidence.revision.text
    [found] = counterfactuals(
        registry.load(evidence.prediction.model_version),
        text,
        evidence.prediction.context,
        policies=[policy],
        thresholds={policy: frozen["threshold"]},
    )
    return _in_words(found, row.policy, text)


def _in_words(found: Counterfactual, policy: Policy, text: str) -> Change:
    return Change(
        policy=policy,
        threshold=found.threshold,
        verdict=found.verdict,
        removals=[Removal(_parts(part, text), part.score) for part in found.sets[:SETS_SHOWN]],
        smallest=found.smallest,
        score_without_text=found.score_without_text,
    )


def _parts(found: SpanSet, text: str) -> list[str]:
    return [text[span.start : span.end] for span in found.spans]
