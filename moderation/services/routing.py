"""From a scored content to a case in a queue, with a priority that explains itself.

Priority is a sum of named points. Waiting earns points linearly, ``AGEING_POINTS`` by the time the queue's SLA is
reached; since all cases of a queue age at one rate, their order never changes by waiting, and the index key is the
sum without the waiting, less what the case would have earned since a fixed epoch.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from moderation import audit
from moderation.conditions import facts as asked
from moderation.enums import (
    CaseStatus,
    ReportOutcome,
    ReportSource,
    ReviewKind,
    ReviewState,
    WhyShown,
)
from moderation.errors import ModerationError
from moderation.models import (
    Account,
    BankEntry,
    BankHit,
    Case,
    Content,
    PolicyPrediction,
    Queue,
    Report,
    Review,
    RuleHit,
    Strike,
)
from moderation.selectors import bank_matching, rule_sets
from moderation.selectors.cases import settled_revisions
from moderation.selectors.rule_sets import Rule, RuleSet
from moderation.services import automatic

AGEING_POINTS = 10.0
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
REPORTER_PRIOR_UPHELD, REPORTER_PRIOR_ALL = 2, 4  # Beta(2, 2): an unknown reporter counts half
SOURCE_POINTS = {
    ReportSource.TRUSTED_FLAGGER: (10.0, "reported by a trusted flagger"),
    ReportSource.LEGAL_NOTICE: (20.0, "named in a legal notice"),
}
BANK_POINTS = 15.0
WORTH_NAMING = 0.05  # a score below says nothing about urgency


@dataclass(frozen=True, slots=True)
class Facts:
    """What routing looks at: scores by policy slug, the pending reports, bank hits, the author's strikes, and
    whether people have settled this wording."""

    content: Content
    predictions: Mapping[str, PolicyPrediction]
    reports: Sequence[Report]
    bank_hits: Sequence[BankEntry]
    strikes: int
    settled: bool

    @property
    def needs_people(self) -> bool:
        """Someone complains; or it is suspicious, and no binding decision stands on this very wording."""
        return bool(self.reports or ((self.flagged or self.bank_hits) and not self.settled))

    @property
    def flagged(self) -> list[PolicyPrediction]:
        """Flagged policies, the most urgent first."""
        hits = [prediction for prediction in self.predictions.values() if prediction.flagged]
        return sorted(hits, key=_urgency, reverse=True)

    @property
    def complaints(self) -> list[Report]:
        """The first report of each reporter, and every anonymous one: repeating oneself adds no weight."""
        first: dict[int, Report] = {}
        for report in self.reports:
            first.setdefault(report.reporter_id or -report.pk, report)
        return list(first.values())


def route(content: Content, predictions: Mapping[str, PolicyPrediction]) -> Case | None:
    """Route one content; see ``route_all``."""
    return route_all([content], {content.pk: predictions})[0]


def route_all(
    contents: Sequence[Content], predictions: Mapping[int, Mapping[str, PolicyPrediction]]
) -> list[Case | None]:
    """Open a case for each content, or bring its open one up to date; ``None`` where nobody needs to see it.

    ``predictions`` holds policy slug to prediction by content key. The caller holds the contents' row locks. An open
    case stays in its queue; its reports and priority follow.
    """
    rules = rule_sets.in_force()
    cases = {
        case.content_id: case
        for case in Case.objects.select_for_update(no_key=True)
        .prefetch_related("queue")
        .filter(content__in=contents, status=CaseStatus.OPEN)
        .order_by("pk")
    }
    hits = _Hits()
    candidates: list[automatic.Candidate] = []
    routed = [
        _route(facts, cases.get(facts.content.pk), rules, hits, candidates) for facts in _gather(contents, predictions)
    ]
    hits.write()
    by_case = {case.content_id: case for case in routed if case is not None}
    for report in Report.objects.filter(content__in=by_case, case__isnull=True):
        report.case = by_case[report.content_id]
        report.save(update_fields=["case"])
    automatic.decide_all(candidates)
    return routed


def _route(
    facts: Facts, case: Case | None, rules: RuleSet, hits: "_Hits", candidates: list[automatic.Candidate]
) -> Case | None:
    seen = facts.needs_people
    if case is None and not seen and (facts.settled or not rules.looks_beyond):
        return None
    about = _asked(facts)
    rule = rules.first(about, seen=seen)
    if rule is not None and not seen and not _drawn(rule, facts):
        rule = None
    hits.add(facts, rule, rules.in_shadow(about, seen=seen, decided=rule))
    if case is not None:
        # What opened it may be over; people will see it all the same.
        _refresh_case(case, facts, rule or rules.first(about, seen=True))
        return case
    if not seen and rule is None:
        return None
    case = _open_case(facts, rule, rules, seen=seen)
    audit.case_opened(case)
    if rule is not None and rule.spec.automates is not None:
        prediction = facts.predictions.get(rule.spec.automates)
        candidates.append(automatic.Candidate(case, rule, prediction, about.sources))
    return case


def _drawn(rule: Rule, facts: Facts) -> bool:
    revision = facts.content.current_revision_id
    return revision is not None and rule_sets.drawn(rule.spec, revision_id=revision)


class _Hits:
    """What a batch hit, written in two statements. A batch that is routed again adds nothing."""

    def __init__(self) -> None:
        self._rules: list[RuleHit] = []
        self._banks: list[BankHit] = []

    def add(self, facts: Facts, decided: Rule | None, shadows: Sequence[tuple[Rule, bool]]) -> None:
        """Note the rule that decided, the rules in shadow, and the bank entries."""
        content, revision = facts.content.pk, facts.content.current_revision_id
        if revision is None:
            return
        of = {"content_id": content, "revision_id": revision}
        if decided is not None:
            self._rules.append(RuleHit(rule_id=decided.spec.id, shadow=False, decided=True, **of))
        for rule, decides in shadows:
            if rule.spec.audit_rate is None or _drawn(rule, facts):
                self._rules.append(RuleHit(rule_id=rule.spec.id, shadow=True, decided=decides, **of))
        self._banks += [BankHit(entry=entry, **of) for entry in facts.bank_hits]

    def write(self) -> None:
        """Append what is new."""
        RuleHit.objects.bulk_create(self._rules, ignore_conflicts=True)
        BankHit.objects.bulk_create(self._banks, ignore_conflicts=True)


def _asked(facts: Facts) -> asked.Facts:
    """The facts as conditions ask for them."""
    content = facts.content
    author = content.author
    complaints = facts.complaints
    age = timezone.now() - author.created_at if author is not None and author.created_at is not None else None
    return asked.Facts(
        scores={slug: prediction.score for slug, prediction in facts.predictions.items()},
        flagged=frozenset(slug for slug, prediction in facts.predictions.items() if prediction.flagged),
        reports=len(complaints),
        reasons=Counter(report.policy.slug for report in complaints if report.policy is not None),
        sources=frozenset(report.source for report in facts.reports),
        language=content.language,
        content_type=content.type,
        account_age_days=max(age / timedelta(days=1), 0.0) if age is not None else None,
        strikes=facts.strikes,
        banks=frozenset(hit.bank.slug for hit in facts.bank_hits),
        bank_policies=frozenset(hit.bank.policy.slug for hit in facts.bank_hits),
        content_attributes=content.attributes,
        author_attributes=author.attributes if author is not None else {},
        text=content.current_revision.text if content.current_revision is not None else "",
    )


def place(case: Case, queue: Queue) -> None:
    """Put the case into the queue, due and sorted as if it had opened there: each queue ages at its own rate.

    The caller saves queue, due time and priority, and gives the priority to the reviews that wait.
    """
    case.queue = queue
    case.due_at = case.opened_at + timedelta(minutes=queue.sla_minutes)
    case.priority = index_key(case.priority_parts, queue=queue, opened_at=case.opened_at)


@transaction.atomic
def reorder(queue: Queue) -> int:
    """Sort and date the queue's open cases anew, after its SLA has changed; how many."""
    cases = list(
        Case.objects.select_for_update(no_key=True, of=("self",))
        .filter(queue=queue, status=CaseStatus.OPEN)
        .order_by("pk")
    )
    for case in cases:
        place(case, queue)
        case.save(update_fields=["due_at", "priority"])
        case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).update(priority=case.priority)
    return len(cases)


def current_priority(case: Case, *, at: datetime | None = None) -> float:
    """The case's points now, waiting included."""
    parts = sum(part["points"] for part in case.priority_parts)
    return float(parts) + waiting_points(case, at=at)


def waiting_points(case: Case, *, at: datetime | None = None) -> float:
    """The points the case has earned by waiting."""
    hours = ((at or timezone.now()) - case.opened_at) / timedelta(hours=1)
    return max(hours, 0.0) * _points_an_hour(case.queue)


def _gather(contents: Sequence[Content], predictions: Mapping[int, Mapping[str, PolicyPrediction]]) -> Iterator[Facts]:
    """The facts of each content, in a handful of queries for all of them."""
    reports = defaultdict(list)
    pending = Report.objects.filter(content__in=contents, outcome=ReportOutcome.PENDING)
    for report in pending.select_related("policy", "reporter").order_by("pk"):
        reports[report.content_id].append(report)
    authors = [content.author_id for content in contents if content.author_id]
    strikes: Counter[int] = Counter(
        Strike.objects.filter(account__in=authors, lifted_by__isnull=True).values_list("account_id", flat=True)
    )
    hits = bank_matching.matches(
        {content.pk: content.current_revision.text if content.current_revision else "" for content in contents}
    )
    settled = settled_revisions([content.current_revision_id for content in contents if content.current_revision_id])
    for content in contents:
        yield Facts(
            content,
            predictions.get(content.pk, {}),
            reports[content.pk],
            hits[content.pk],
            strikes[content.author_id or 0],
            content.current_revision_id in settled,
        )


def _open_case(facts: Facts, rule: Rule | None, rules: RuleSet, *, seen: bool) -> Case:
    queue = rules.queues[rule.spec.queue] if rule else _default_queue()
    now = timezone.now()
    parts = _priority_parts(facts, rule)
    case = Case.objects.create(
        content=facts.content,
        queue=queue,
        why_shown=_why_shown(facts),
        sampling_probability=(rule.spec.audit_rate if rule and not seen else None) or 1.0,
        rule_hits=_rule_hits(facts, rule),
        priority_parts=parts,
        priority=index_key(parts, queue=queue, opened_at=now),
        opened_at=now,
        due_at=now + timedelta(minutes=queue.sla_minutes),
    )
    Review.objects.create(
        case=case, kind=ReviewKind.FIRST, state=ReviewState.WAITING, queue=queue, priority=case.priority
    )
    return case


def _refresh_case(case: Case, facts: Facts, rule: Rule | None) -> None:
    """New reports or scores change the priority and the hits; the version stays (nothing shown was revoked)."""
    case.priority_parts = _priority_parts(facts, rule)
    case.rule_hits = _rule_hits(facts, rule)
    case.priority = index_key(case.priority_parts, queue=case.queue, opened_at=case.opened_at)
    case.save(update_fields=["priority_parts", "rule_hits", "priority"])
    case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).update(priority=case.priority)


def _default_queue() -> Queue:
    queue = Queue.objects.filter(is_active=True).order_by("-is_default", "position", "pk").first()
    if queue is None:
        raise ModerationError("No queue exists to route to; an administrator must add one.")
    return queue


def _why_shown(facts: Facts) -> WhyShown:
    if facts.reports:
        return WhyShown.REPORTED
    return WhyShown.FLAGGED if facts.flagged else WhyShown.RULE


def _rule_hits(facts: Facts, rule: Rule | None) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = []
    if rule is not None:
        hits.append({"kind": "rule", "id": rule.spec.id, "name": rule.spec.name})
    hits += [
        {"kind": "bank", "id": hit.pk, "name": hit.bank.name, "policy": hit.bank.policy.slug} for hit in facts.bank_hits
    ]
    return hits


def _priority_parts(facts: Facts, rule: Rule | None) -> list[dict[str, Any]]:
    """The named points: each with a name, the points, and words for people."""
    parts: list[dict[str, Any]] = []
    if facts.predictions:
        top = max(facts.predictions.values(), key=_urgency)
        if top.score >= WORTH_NAMING:
            words = f"{top.policy.name} (severity {top.policy.severity}) at {top.score:.2f}"
            parts.append(_part("severity", _urgency(top) * 10, words))
    if facts.reports:
        parts += _report_parts(facts)
    if facts.strikes:
        points = 2.0 * min(facts.strikes, 5)
        parts.append(_part("author", points, f"author has {facts.strikes} upheld violation(s)"))
    if facts.bank_hits:
        parts.append(_part("bank", BANK_POINTS, f"matches the bank “{facts.bank_hits[0].bank.name}”"))
    if rule is not None and rule.spec.priority_boost:
        parts.append(_part("rule", rule.spec.priority_boost, f"rule “{rule.spec.name}”"))
    return parts


def _report_parts(facts: Facts) -> list[dict[str, Any]]:
    reports = facts.complaints
    reliability = reporter_reliability([report.reporter for report in reports if report.reporter])
    weight = sum(
        reliability.get(report.reporter_id, 0.5) if report.reporter_id is not None else 0.5 for report in reports
    )
    noun = "report" if len(reports) == 1 else "reports"
    words = f"{len(reports)} {noun}, weighing {weight:.1f} by their reporters’ record"
    parts = [_part("reports", 6 * math.log2(1 + weight), words)]
    for source, (points, meaning) in SOURCE_POINTS.items():
        if any(report.source == source for report in facts.reports):
            parts.append(_part("source", points, meaning))
    return parts


def reporter_reliability(reporters: Sequence[Account]) -> dict[int | None, float]:
    """Posterior mean of each reporter's share of upheld reports under a Beta(2, 2) prior, by account key."""
    rows = (
        Report.objects.filter(reporter__in=reporters)
        .values("reporter_id")
        .annotate(
            upheld=Count("pk", filter=Q(outcome=ReportOutcome.UPHELD)),
            settled=Count("pk", filter=Q(outcome__in=[ReportOutcome.UPHELD, ReportOutcome.NOT_UPHELD])),
        )
    )
    return {
        row["reporter_id"]: (REPORTER_PRIOR_UPHELD + row["upheld"]) / (REPORTER_PRIOR_ALL + row["settled"])
        for row in rows
    }


def _part(name: str, points: float, words: str) -> dict[str, Any]:
    return {"name": name, "points": round(points, 2), "words": words}


def _urgency(prediction: PolicyPrediction) -> float:
    return prediction.policy.severity * prediction.score


def _points_an_hour(queue: Queue) -> float:
    return AGEING_POINTS * 60 / queue.sla_minutes


def index_key(parts: Sequence[Mapping[str, Any]], *, queue: Queue, opened_at: datetime) -> float:
    """The priority a case is sorted by: its points, less what it would have earned by waiting since the epoch."""
    hours = (opened_at - EPOCH) / timedelta(hours=1)
    return float(sum(part["points"] for part in parts)) - hours * _points_an_hour(queue)
