"""The facts of contents that are in the past, as far as they can be told now."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from moderation.conditions.facts import Facts
from moderation.enums import UNSEEN, ModelStatus, ReportOutcome, Verdict
from moderation.models import BankEntry, Content, Decision, PolicyPrediction, Report, Strike
from moderation.selectors import bank_matching


@dataclass(frozen=True, slots=True)
class Past:
    """A content as it was: its facts, whether people would see it anyhow, and what they decided of this wording.

    ``violated`` is ``None`` while nobody has decided.
    """

    content_id: int
    revision_id: int
    facts: Facts
    seen: bool
    violated: bool | None


def contents(*, since: datetime, until: datetime) -> QuerySet[Content]:
    """Contents received in the time that still have their text."""
    return Content.objects.filter(
        received_at__gte=since, received_at__lt=until, current_revision__isnull=False, erased_at__isnull=True
    )


def past(rows: Sequence[Content]) -> list[Past]:
    """The facts of each content, in a handful of queries for all of them. ``rows`` have author and revision.

    Scores are the model's in use, or the newest there are. Reports are all that came, strikes those the author had
    when the content came, account age what it was then; banks are as they are now.
    """
    revisions = {row.current_revision_id or 0: row for row in rows}
    scores, flagged = _scores(revisions)
    reports = _reports(rows)
    strikes = _strikes(rows)
    hits = bank_matching.matches({row.pk: row.current_revision.text for row in rows if row.current_revision})
    decided = _decided(revisions)
    return [
        _of(row, scores[revision], flagged[revision], reports[row.pk], strikes[row.pk], hits[row.pk], decided)
        for revision, row in revisions.items()
    ]


def _of(
    row: Content,
    scores: dict[str, float],
    flagged: frozenset[str],
    reports: list[Report],
    strikes: int,
    hits: Sequence[BankEntry],
    decided: dict[int, bool],
) -> Past:
    author, revision = row.author, row.current_revision_id or 0
    complaints = {report.reporter_id or -report.pk: report for report in reversed(reports)}.values()
    born = author.created_at if author is not None else None
    facts = Facts(
        scores=scores,
        flagged=flagged,
        reports=len(complaints),
        reasons=Counter(report.policy.slug for report in complaints if report.policy is not None),
        sources=frozenset(report.source for report in reports),
        language=row.language,
        content_type=row.type,
        account_age_days=max((row.received_at - born) / timedelta(days=1), 0.0) if born is not None else None,
        strikes=strikes,
        banks=frozenset(hit.bank.slug for hit in hits),
        bank_policies=frozenset(hit.bank.policy.slug for hit in hits),
        content_attributes=row.attributes,
        author_attributes=author.attributes if author is not None else {},
        text=row.current_revision.text if row.current_revision is not None else "",
    )
    return Past(row.pk, revision, facts, bool(reports or flagged or hits), decided.get(revision))


def _scores(revisions: Iterable[int]) -> tuple[dict[int, dict[str, float]], dict[int, frozenset[str]]]:
    """Score by policy, and what was flagged, by revision."""
    rows = (
        PolicyPrediction.objects.filter(
            prediction__revision__in=list(revisions), prediction__model_version__promoted_at__isnull=False
        )
        .annotate(by_champion=Q(prediction__model_version__status=ModelStatus.CHAMPION))
        .order_by("by_champion", "prediction")
        .values_list("prediction__revision", "policy__slug", "score", "flagged", "prediction")
    )
    # The last one stands: the champion's, or the newest.
    last: dict[int, int] = {}
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    flagged: dict[int, set[str]] = defaultdict(set)
    for revision, slug, score, is_flagged, prediction in rows:
        if last.get(revision) != prediction:
            last[revision] = prediction
            scores[revision], flagged[revision] = {}, set()
        scores[revision][slug] = score
        if is_flagged:
            flagged[revision].add(slug)
    return scores, defaultdict(frozenset, {revision: frozenset(found) for revision, found in flagged.items()})


def _reports(rows: Sequence[Content]) -> dict[int, list[Report]]:
    found: dict[int, list[Report]] = defaultdict(list)
    reports = Report.objects.filter(content__in=rows).exclude(outcome=ReportOutcome.WITHDRAWN)
    for report in reports.select_related("policy").order_by("pk"):
        found[report.content_id].append(report)
    return found


def _strikes(rows: Sequence[Content]) -> Counter[int]:
    """How many strikes the author had when each content came."""
    authors = {row.author_id for row in rows if row.author_id}
    by_author: dict[int, list[datetime]] = defaultdict(list)
    for account, at in Strike.objects.filter(account__in=authors, lifted_by__isnull=True).values_list(
        "account_id", "created_at"
    ):
        by_author[account].append(at)
    return Counter({row.pk: sum(at < row.received_at for at in by_author.get(row.author_id or 0, ())) for row in rows})


def _decided(revisions: Iterable[int]) -> dict[int, bool]:
    """Whether people's binding decision was a violation, by revision."""
    decisions = (
        Decision.objects.filter(
            judgement__evidence__revision__in=list(revisions), superseded_by__isnull=True, verdict__isnull=False
        )
        .exclude(kind__in=UNSEEN)
        .order_by("pk")
    )
    return {
        revision: verdict == Verdict.VIOLATES
        for revision, verdict in decisions.values_list("judgement__evidence__revision", "verdict")
    }
