"""From a scored content to a case in a queue; what it is worth there is ``priority``'s business."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from moderation import audit
from moderation.conditions import facts as asked
from moderation.enums import (
    CaseStatus,
    ReportOutcome,
    ReviewKind,
    ReviewState,
    WhyShown,
)
from moderation.errors import ModerationError
from moderation.models import (
    BankEntry,
    BankHit,
    Batch,
    Case,
    Content,
    PolicyPrediction,
    Queue,
    Report,
    Review,
    RuleHit,
    Strike,
)
from moderation.selectors import bank_matching, campaigns, rule_sets
from moderation.selectors.cases import settled_revisions
from moderation.selectors.rule_sets import Rule, RuleSet
from moderation.services import automatic, priority

BANK_POINTS = 15.0
CAMPAIGN_POINTS = 500.0  # above whatever the other parts add up to


@dataclass(frozen=True, slots=True)
class Facts:
    """What routing looks at: scores by policy slug, the pending reports, bank hits, the author's strikes,
    whether people have settled this wording, its reporters' records, and the campaign it belongs to if that is decided.
    """

    content: Content
    predictions: Mapping[str, PolicyPrediction]
    reports: Sequence[Report]
    bank_hits: Sequence[BankEntry]
    strikes: int
    settled: bool
    reliability: Mapping[int, priority.Reliability]
    campaign: Batch | None

    @property
    def needs_people(self) -> bool:
        """Someone complains; or it is suspicious, and no binding decision stands on this very wording."""
        return bool(self.reports or ((self.flagged or self.bank_hits) and not self.settled))

    @property
    def flagged(self) -> list[PolicyPrediction]:
        """Flagged policies, the most urgent first."""
        hits = [prediction for prediction in self.predictions.values() if prediction.flagged]
        return sorted(hits, key=priority.urgency, reverse=True)

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
    seen = case is not None or facts.needs_people
    if not seen and (facts.settled or not rules.looks_beyond):
        return None
    about = _asked(facts)
    rule = rules.first(about, seen=seen)
    if rule is not None and not seen and not _drawn(rule, facts):
        rule = None
    hits.add(facts, rule, rules.in_shadow(about, seen=seen, decided=rule))
    if case is None and not seen and rule is None:
        return None
    if case is not None:
        _refresh_case(case, facts, rule)
        return case
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
    reporters = {report.reporter_id for of_content in reports.values() for report in of_content if report.reporter_id}
    reliability = priority.reliability_of(reporters)
    groups = {content.pk: content.current_revision.group_id for content in contents if content.current_revision}
    decided = campaigns.decided({group for group in groups.values() if group})
    for content in contents:
        yield Facts(
            content,
            predictions.get(content.pk, {}),
            reports[content.pk],
            hits[content.pk],
            strikes[content.author_id or 0],
            content.current_revision_id in settled,
            reliability,
            decided.get(groups.get(content.pk) or 0),
        )


def _open_case(facts: Facts, rule: Rule | None, rules: RuleSet, *, seen: bool) -> Case:
    queue = rules.queues[rule.spec.queue] if rule else _default_queue()
    now = timezone.now()
    parts = _priority_parts(facts, rule)
    policy, score = _about(facts)
    case = Case.objects.create(
        content=facts.content,
        queue=queue,
        why_shown=_why_shown(facts),
        sampling_probability=(rule.spec.audit_rate if rule and not seen else None) or 1.0,
        rule_hits=_rule_hits(facts, rule),
        priority_parts=parts,
        priority=priority.index_key(parts, queue=queue, opened_at=now),
        policy=policy,
        score=score,
        opened_at=now,
        due_at=now + timedelta(minutes=queue.sla_minutes),
    )
    Review.objects.create(
        case=case, kind=ReviewKind.FIRST, state=ReviewState.WAITING, queue=queue, priority=case.priority
    )
    return case


def _refresh_case(case: Case, facts: Facts, rule: Rule | None) -> None:
    """New reports or scores change the priority and the hits; the version stays (nothing shown was revoked)."""
    case.content = facts.content
    case.priority_parts = _priority_parts(facts, rule)
    case.rule_hits = _rule_hits(facts, rule)
    case.policy, case.score = _about(facts)
    case.priority = priority.index_key(case.priority_parts, queue=case.queue, opened_at=case.opened_at)
    case.save(update_fields=["priority_parts", "rule_hits", "priority", "policy", "score"])
    for review in case.reviews.filter(state__in=[ReviewState.WAITING, ReviewState.LEASED]).order_by("pk"):
        review.case, review.priority = case, case.priority
        review.take_lane()
        review.save(update_fields=["priority", "language", "policy", "score", "group"])


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


def _priority_parts(facts: Facts, rule: Rule | None) -> list[priority.Part]:
    """The named points: what the record says, and what banks, rules and campaigns add."""
    parts = priority.parts_of(
        priority.Standing(
            predictions=list(facts.predictions.values()),
            complaints=facts.complaints,
            sources={report.source for report in facts.reports},
            reliability=facts.reliability,
            reach=priority.reach_of(facts.content),
            strikes=facts.strikes,
        )
    )
    if facts.bank_hits:
        parts.append(priority.part("bank", BANK_POINTS, f"matches the bank “{facts.bank_hits[0].bank.name}”"))
    if rule is not None and rule.spec.priority_boost:
        parts.append(priority.part("rule", rule.spec.priority_boost, f"rule “{rule.spec.name}”"))
    if facts.campaign is not None:
        parts.append(priority.part("campaign", CAMPAIGN_POINTS, campaigns.in_words(facts.campaign)))
    return parts


def _about(facts: Facts) -> tuple[str, float | None]:
    """The policy a case is about first of all, by the model or else by its reports, and its score."""
    top = priority.leading(facts.predictions.values())
    named = Counter(report.policy.slug for report in facts.complaints if report.policy is not None)
    if named and (top is None or not top.flagged):
        slug = min(named, key=lambda name: (-named[name], name))
        return slug, facts.predictions[slug].score if slug in facts.predictions else None
    return (top.policy.slug, top.score) if top is not None else ("", None)
