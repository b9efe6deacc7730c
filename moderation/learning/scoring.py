"""Scoring and explaining texts with the champion, or with a version that is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.schemas import PolicyScore
from moderation.errors import InvalidInput
from moderation.learning import registry
from moderation.models import ModelVersion, Policy

Context = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """One text's scores, in the order of the policies, by one model version."""

    model_version: ModelVersion
    policies: tuple[PolicyScore, ...]


def score_texts(
    texts: Sequence[str], contexts: Sequence[Context], *, version: ModelVersion | None = None
) -> list[Scored]:
    """Score and explain texts under every active policy the version knows (the champion, unless one is named).

    ``contexts`` holds one mapping of context features a text. Raises ``ModelUnavailable`` without a champion.
    """
    if len(texts) != len(contexts):
        raise InvalidInput("There must be one context a text.")
    version = version or registry.champion()
    model = registry.load(version)
    active = {policy.slug: policy for policy in Policy.objects.filter(is_active=True)}
    known = [slug for slug in model.policies if slug in active]
    own = {slug: active[slug].threshold for slug in known}
    thresholds = {**model.thresholds, **{slug: value for slug, value in own.items() if value is not None}}
    explained = model.explain(texts, contexts, policies=known, thresholds=thresholds)
    return [Scored(version, policies) for policies in explained]
