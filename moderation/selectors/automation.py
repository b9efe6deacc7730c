"""Whether anything may be decided without a person, and from which score on."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef

from moderation.conditions.evaluation import ranges
from moderation.enums import DecisionKind, ModelStatus, ReportSource
from moderation.models import AutomationThreshold, Decision, ModelVersion


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy's automation: the score it starts from and the precision promised there; or why it is off.

    ``model`` is the version whose scores the promise is about.
    """

    threshold: float | None
    precision: float | None
    model: int | None
    reason: str

    @property
    def is_on(self) -> bool:
        """Whether anything is automated."""
        return self.threshold is not None


def covers(threshold: float, *, score: float, language: str, sources: Collection[str]) -> bool:
    """Whether a guarantee from this score on is about such a content.

    Declared languages only, and never what a legal notice names.
    """
    spoken = {tag.lower() for tag in settings.AUTOMATION_LANGUAGES}
    return score >= threshold and not spoken.isdisjoint(ranges(language)) and ReportSource.LEGAL_NOTICE not in sources


def standings(slugs: Iterable[str]) -> dict[str, Standing]:
    """The standing of each policy by the champion's newest calibration.

    One automated decision that was overturned since turns the policy off until it is calibrated anew.
    """
    champion = ModelVersion.objects.filter(status=ModelStatus.CHAMPION).first()
    if champion is None:
        return {slug: _off("There is no model in use.") for slug in slugs}
    newest: dict[str, AutomationThreshold] = {}
    for row in AutomationThreshold.objects.filter(model_version=champion, policy__slug__in=set(slugs)).select_related(
        "policy"
    ):
        newest.setdefault(row.policy.slug, row)
    return {slug: _standing(slug, newest.get(slug), champion) for slug in slugs}


def _standing(slug: str, found: AutomationThreshold | None, champion: ModelVersion) -> Standing:
    if found is None:
        return _off(f"The precision of model {champion} has not been calibrated for this policy.")
    if found.threshold is None:
        return _off("The last calibration found no score from which the precision is guaranteed.")
    overturned = Decision.objects.filter(
        Exists(Decision.objects.filter(supersedes=OuterRef("pk"))),
        kind=DecisionKind.AUTOMATED,
        policies__contains=[slug],
        created_at__gte=found.created_at,
    )
    if overturned.exists():
        return _off("An automated decision was overturned since the last calibration.")
    reason = f"Guaranteed at {found.precision:g} from a score of {found.threshold:.3f}."
    return Standing(found.threshold, found.precision, champion.pk, reason)


def _off(reason: str) -> Standing:
    return Standing(None, None, None, reason)
