"""What was measured of people's judgements and of what is missed, for whom it is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from moderation.enums import ReportKind, SkipReason
from moderation.models import GoldenCase, Judgement, QualityPlan, QualityReport, User
from moderation.permissions import Permission, may
from moderation.selectors import judged
from moderation.selectors import policies as policies_known

GOLDEN_LISTED = 10
GOLDEN_DAYS = 90
_NO_ESTIMATE = {"value": None, "low": None, "high": None, "n": 0}
_NOTHING = dict.fromkeys(("prevalence", "violations", "flagging", "automation"), _NO_ESTIMATE)


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """A person's figures; everyone may see their own."""

    user: User
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quality:
    """The newest agreement report as the viewer may see it; ``figures`` is empty for who may not see everyone's."""

    measured_at: datetime | None
    figures: Mapping[str, Any]
    policies: Sequence[tuple[str, Mapping[str, Any]]]
    skips: Sequence[tuple[str, int]]
    people: Sequence[PersonFigures]
    golden: Sequence[tuple[GoldenCase, Judgement]]
    plans: Sequence[QualityPlan]


@dataclass(frozen=True, slots=True)
class Missed:
    """The newest report of what is missed: over the whole time, and every week of each policy in order."""

    measured_at: datetime | None
    figures: Mapping[str, Any]
    policies: Sequence[tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]]


def quality_of(viewer: User) -> Quality:
    """Everyone's figures for who leads, else one's own."""
    report = _newest(ReportKind.AGREEMENT)
    figures = report.figures if report else {}
    leads = may(viewer, Permission.READ_QUALITY)
    rows = [row for row in figures.get("people", []) if leads or row["user"] == viewer.pk]
    users = User.objects.in_bulk([row["user"] for row in rows])
    names = policies_known.names()
    since = timezone.now() - timedelta(days=GOLDEN_DAYS)
    return Quality(
        measured_at=report.created_at if report else None,
        figures=figures if leads else {},
        policies=[(names.get(row["policy"], row["policy"]), row) for row in figures.get("policies", []) if leads],
        skips=[(SkipReason(row["reason"]).label, row["count"]) for row in figures.get("skips", []) if leads],
        people=[PersonFigures(users[row["user"]], row) for row in rows if row["user"] in users],
        golden=judged.golden_answers(since=since, reviewer=viewer.pk)[:GOLDEN_LISTED],
        plans=list(QualityPlan.objects.select_related("queue").order_by("queue__position")) if leads else [],
    )


def missed() -> Missed:
    """What audits say of everything that was not looked at."""
    report = _newest(ReportKind.MISSED)
    figures = report.figures if report else {}
    whole, *weeks = figures.get("periods") or [{"policies": []}]
    names = policies_known.names()
    policies = []
    for row in whole["policies"]:
        slug = row["policy"]
        found = {week["since"]: one for week in weeks for one in week["policies"] if one["policy"] == slug}
        by_week = [{**_NOTHING, **found.get(week["since"], {}), "since": week["since"]} for week in weeks]
        policies.append((names.get(slug, slug), row, by_week))
    return Missed(report.created_at if report else None, figures, policies)


def _newest(kind: ReportKind) -> QualityReport | None:
    return QualityReport.objects.filter(kind=kind).order_by("-pk").first()
