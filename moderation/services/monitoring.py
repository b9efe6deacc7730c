"""Watching traffic: recent texts against earlier ones, as the champion scored both."""

from datetime import timedelta

from django.utils import timezone

from moderation.enums import DriftVerdict
from moderation.learning import drift, registry
from moderation.models import DriftCheck

RECENT = timedelta(days=7)
BEFORE = timedelta(days=28)
_GRAVITY = [DriftVerdict.STEADY, DriftVerdict.WATCH, DriftVerdict.DRIFTED]


def check_drift() -> DriftCheck:
    """Compare the last 7 days with the 28 before and keep what was found; once a day and version.

    Raises ``ModelUnavailable`` without a champion.
    """
    version = registry.champion()
    until = timezone.now()
    today = DriftCheck.objects.filter(model_version=version, created_at__date=until.date()).first()
    if today is not None:
        return today
    recent_from = until - RECENT
    before_from = recent_from - BEFORE
    before = drift.traffic(version, since=before_from, until=recent_from)
    recent = drift.traffic(version, since=recent_from, until=until)
    found = drift.checks(version, since=before_from, until=recent_from, before=before, recent=recent)
    verdict = _verdict(found)
    return DriftCheck.objects.create(
        model_version=version,
        verdict=verdict,
        sentence=_sentence(verdict, found, before.size, recent.size)[:300],
        before_from=before_from,
        recent_from=recent_from,
        recent_until=until,
        before_count=before.size,
        recent_count=recent.size,
        measures=[
            {"name": row.name, "verdict": row.verdict, "sentence": row.sentence, "figures": dict(row.figures)}
            for row in found
        ],
    )


def _verdict(found: list[drift.Drift]) -> DriftVerdict:
    said = [DriftVerdict(row.verdict) for row in found if row.verdict != "insufficient"]
    return max(said, key=_GRAVITY.index) if said else DriftVerdict.INSUFFICIENT


def _sentence(verdict: DriftVerdict, found: list[drift.Drift], before: int, recent: int) -> str:
    moved = ", ".join(row.name for row in found if row.verdict == verdict)
    texts = f"{recent} texts of the last {RECENT.days} days, {before} of the {BEFORE.days} days before"
    return {
        DriftVerdict.STEADY: f"What comes in looks as it did before ({texts}).",
        DriftVerdict.WATCH: f"Some of what comes in has moved: {moved} ({texts}).",
        DriftVerdict.DRIFTED: f"What comes in has clearly changed: {moved} ({texts}).",
        DriftVerdict.INSUFFICIENT: f"Too little data to tell: this model has scored {texts}.",
    }[verdict]
