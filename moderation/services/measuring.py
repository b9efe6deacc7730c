"""Measuring how well people agree and what is missed; a worker does it, pages read what it kept.

An agreement report holds ``days``, ``pairs``, ``alpha``, ``golden``, ``flips``, ``policies`` (policy, pairs,
positives, kappa, alpha, cases: the newest that two people saw differently; the least agreed on first), ``skips``
(reason, count; the most frequent first) and ``people`` (user, judged, skipped, pairs, kappa, golden, flips). A report
of what is missed holds ``days``, ``drawn``, ``judged`` and ``periods`` (since, until, policies: policy, prevalence,
violations, flagging, automation), the whole time first, then week by week. Every estimate holds value, low, high and
n, each bound at 95 %.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone

from moderation import audit
from moderation.enums import ReportKind
from moderation.learning import measures
from moderation.learning.measures import as_figures
from moderation.models import Judgement, QualityReport
from moderation.selectors import audited, judged
from moderation.services import golden

DAYS = 90
WEEKS = 12
CASES_NAMED = 10


def measure() -> list[QualityReport]:
    """Measure agreement and what is missed, and keep the reports; one that says what the last one said is not kept
    twice."""
    now = timezone.now()
    return [_keep(ReportKind.AGREEMENT, _agreement(now)), _keep(ReportKind.MISSED, _missed(now))]


def _keep(kind: ReportKind, figures: dict[str, Any]) -> QualityReport:
    last = QualityReport.objects.filter(kind=kind).order_by("-pk").first()
    if last is not None and last.figures == figures:
        return last
    report = QualityReport.objects.create(kind=kind, figures=figures)
    audit.quality_measured(report)
    return report


def _agreement(now: datetime) -> dict[str, Any]:
    since = now - timedelta(days=DAYS)
    pairs = judged.pairs(since=since)
    looks = judged.looks(since=since)
    answers = [
        (judgement.reviewer_id, golden.feedback_of(case.item, judgement).correct)
        for case, judgement in judged.golden_answers(since=since)
    ]
    return {
        "days": DAYS,
        "pairs": len(pairs),
        "alpha": as_figures(measures.alpha([_categories(pair) for pair in pairs])),
        "golden": _share([correct for _, correct in answers]),
        "flips": _share([look.flipped for look in looks]),
        "policies": _policies(pairs),
        "skips": judged.skips(since=since),
        "people": _people(since, pairs, looks, answers),
    }


def _policies(pairs: Sequence[judged.Pair]) -> list[dict[str, Any]]:
    """A row a policy, the one people agree on least first; those without a figure last."""
    slugs = sorted({slug for pair in pairs for slug in pair.policies})
    rows = [_policy(slug, [pair for pair in pairs if slug in pair.policies]) for slug in slugs]
    return sorted(rows, key=lambda row: (row["alpha"]["value"] is None, row["alpha"]["value"] or 0.0, row["policy"]))


def _policy(slug: str, pairs: Sequence[judged.Pair]) -> dict[str, Any]:
    said = [(_says(pair.first, slug), _says(pair.second, slug)) for pair in pairs]
    apart = [pair.case_id for pair, (one, other) in zip(pairs, said, strict=True) if one != other]
    return {
        "policy": slug,
        "pairs": len(pairs),
        "positives": sum("yes" in both for both in said),
        "kappa": as_figures(measures.kappa([one for one, _ in said], [other for _, other in said])),
        "alpha": as_figures(measures.alpha(said)),
        "cases": apart[::-1][:CASES_NAMED],
    }


def _people(
    since: datetime,
    pairs: Sequence[judged.Pair],
    looks: Sequence[judged.Look],
    answers: Sequence[tuple[int, bool]],
) -> list[dict[str, Any]]:
    counted = Judgement.objects.filter(created_at__gte=since).values_list("reviewer_id")
    counts = Counter(dict(counted.annotate(count=Count("pk"))))
    skipped = judged.skips_by_person(since=since)
    rows = []
    for user in sorted(counts.keys() | skipped.keys()):
        # Their own judgement first, whoever came first.
        own = [_categories(pair) for pair in pairs if pair.first.reviewer_id == user]
        own += [_categories(pair)[::-1] for pair in pairs if pair.second.reviewer_id == user]
        rows.append(
            {
                "user": user,
                "judged": counts[user],
                "skipped": skipped[user],
                "pairs": len(own),
                "kappa": as_figures(measures.kappa([mine for mine, _ in own], [other for _, other in own])),
                "golden": _share([correct for reviewer, correct in answers if reviewer == user]),
                "flips": _share([look.flipped for look in looks if look.after.reviewer_id == user]),
            }
        )
    return rows


def _missed(now: datetime) -> dict[str, Any]:
    since = now - timedelta(days=DAYS)
    found, drawn, answered = audited.audited(since=since)
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    weeks = [(monday - timedelta(weeks=back), monday - timedelta(weeks=back - 1)) for back in range(WEEKS)]
    whole = _period(found, None, None)
    return {
        "days": DAYS,
        "drawn": drawn,
        "judged": answered,
        "periods": [whole, *(_period(found, start, end) for start, end in reversed(weeks))],
    }


def _period(
    found: Mapping[str, Sequence[audited.Audited]], start: datetime | None, end: datetime | None
) -> dict[str, Any]:
    rows = {
        slug: [row for row in everything if start is None or end is None or start <= row.drawn_at < end]
        for slug, everything in found.items()
    }
    return {
        "since": start.isoformat() if start else None,
        "until": end.isoformat() if end else None,
        "policies": [_missed_of(slug, of_policy) for slug, of_policy in sorted(rows.items()) if of_policy],
    }


def _missed_of(slug: str, rows: Sequence[audited.Audited]) -> dict[str, Any]:
    chances = [row.probability for row in rows]
    violates = [float(row.violates) for row in rows]
    flagged = [float(row.violates and row.flagged) for row in rows]
    automated = [float(row.violates and row.automated) for row in rows]
    return {
        "policy": slug,
        "prevalence": as_figures(measures.weighted_share(violates, [1.0] * len(rows), chances)),
        "violations": as_figures(measures.weighted_total(violates, chances)),
        "flagging": as_figures(measures.weighted_share(flagged, violates, chances)),
        "automation": as_figures(measures.weighted_share(automated, violates, chances)),
    }


def _categories(pair: judged.Pair) -> tuple[str, str]:
    return judged.category(pair.first), judged.category(pair.second)


def _says(judgement: Judgement, slug: str) -> str:
    return "yes" if slug in judgement.policies else "no"


def _share(outcomes: Sequence[bool]) -> dict[str, Any]:
    return as_figures(measures.share(sum(outcomes), len(outcomes)))
