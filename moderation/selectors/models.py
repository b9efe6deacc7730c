"""Model versions as the pages show them: where they come from, how they were judged, what they say of themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from moderation.enums import ModelStatus, Split
from moderation.errors import NotFound
from moderation.models import AutomationThreshold, DriftCheck, Gate, ModelVersion, Policy, Prediction


@dataclass(frozen=True, slots=True)
class PolicyCard:
    """What the manifest says of one policy: threshold, prevalence it is set to, examples it learned from."""

    slug: str
    threshold: float | None
    prevalence: float | None
    examples: int | None
    positives: int | None
    continued_examples: int | None
    triage_only: bool


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """A version with its gates, its training set by side of the split, and its own card.

    ``drift`` is its newest check; ``automation`` the newest calibration of each policy it knows, while it is champion.
    ``judged`` holds the gates that had evidence, the failed ones first; ``unjudged`` those that had too little.
    """

    version: ModelVersion
    judged: Sequence[Gate]
    unjudged: Sequence[Gate]
    splits: Sequence[tuple[str, int]]
    cards: Sequence[PolicyCard]
    background: str
    libraries: Sequence[tuple[str, str]]
    predictions: int
    may_be_promoted: bool
    may_be_shadowed: bool
    drift: DriftCheck | None
    automation: Sequence[tuple[Policy, AutomationThreshold | None]]


def model_versions() -> QuerySet[ModelVersion]:
    """Every version, the newest first, with how many of its gates passed, failed or lacked evidence."""
    return ModelVersion.objects.select_related("parent", "training_set", "created_by").annotate(
        gates_failed=Count("gates", filter=Q(gates__passed=False, gates__insufficient=False)),
        gates_passed=Count("gates", filter=Q(gates__passed=True, gates__insufficient=False)),
        gates_unjudged=Count("gates", filter=Q(gates__insufficient=True)),
    )


def earlier_champion() -> ModelVersion | None:
    """The version a roll-back would go to."""
    champion = ModelVersion.objects.filter(status=ModelStatus.CHAMPION).first()
    if champion is None:
        return None
    retired = ModelVersion.objects.filter(status=ModelStatus.RETIRED, promoted_at__lt=champion.promoted_at)
    return retired.order_by("-promoted_at").first()


def model_version(number: int) -> ModelVersion:
    """The version of that number; raises ``NotFound``."""
    version = ModelVersion.objects.select_related("parent", "training_set", "created_by").filter(number=number).first()
    if version is None:
        raise NotFound(f"There is no model v{number}.")
    return version


def model_profile(number: int) -> ModelProfile:
    """The version of that number with all that is known of it; raises ``NotFound``."""
    version = model_version(number)
    manifest = version.manifest
    gates = list(version.gates.select_related("champion"))
    return ModelProfile(
        version=version,
        judged=sorted((gate for gate in gates if not gate.insufficient), key=lambda gate: gate.passed),
        unjudged=[gate for gate in gates if gate.insufficient],
        splits=_splits(version),
        cards=[_card(slug, manifest) for slug in manifest.get("policies", [])],
        background=str(manifest.get("background", "")),
        libraries=sorted((str(name), str(value)) for name, value in manifest.get("libraries", {}).items()),
        predictions=Prediction.objects.filter(model_version=version).count(),
        may_be_promoted=version.status != ModelStatus.CHAMPION,
        may_be_shadowed=version.promoted_at is None and not _shadow().exists(),
        drift=version.drift_checks.first(),
        automation=_automation(version) if version.status == ModelStatus.CHAMPION else [],
    )


def shadow() -> ModelVersion | None:
    """The version that scores in shadow, if one does."""
    return _shadow().first()


def policy(slug: str) -> Policy:
    """The policy of that slug; raises ``NotFound``."""
    found = Policy.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such policy.")
    return found


def _shadow() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(status=ModelStatus.SHADOW)


def _automation(version: ModelVersion) -> list[tuple[Policy, AutomationThreshold | None]]:
    newest = {
        row.policy_id: row
        for row in AutomationThreshold.objects.filter(model_version=version)
        .select_related("computed_by")
        .order_by("pk")
    }
    known = Policy.objects.filter(is_active=True, slug__in=version.manifest.get("policies", []))
    return [(policy, newest.get(policy.pk)) for policy in known]


def _splits(version: ModelVersion) -> list[tuple[str, int]]:
    if version.training_set is None:
        return []
    counted = dict(version.training_set.items.values_list("split").annotate(count=Count("pk")))
    return [(split.label, counted.get(split, 0)) for split in Split]


def _card(slug: str, manifest: dict[str, Any]) -> PolicyCard:
    facts = manifest.get("training", {}).get(slug, {})
    return PolicyCard(
        slug=slug,
        threshold=manifest.get("thresholds", {}).get(slug),
        prevalence=manifest.get("prevalence", {}).get(slug),
        examples=facts.get("n"),
        positives=facts.get("positives"),
        continued_examples=manifest.get("continued_on", {}).get(slug, {}).get("n"),
        triage_only=slug in manifest.get("triage_only", []),
    )
