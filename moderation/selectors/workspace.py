"""What a reviewer sees of a case: all of it read from the evidence that was frozen for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from moderation.enums import ReportOutcome, ReportSource, ReviewKind, Verdict, WhyShown
from moderation.models import (
    Account,
    Case,
    Content,
    ContentRevision,
    Decision,
    Escalation,
    Evidence,
    Judgement,
    Policy,
    PolicyPrediction,
    PolicyVersion,
    Prediction,
    Report,
    Review,
    Strike,
    User,
)
from moderation.selectors import blindness, golden
from moderation.selectors.explanations import Segment, Step, quotes_of, segments_of, steps_of
from moderation.selectors.precedents import Precedents, precedents_of
from moderation.selectors.second_readings import SecondOpinion, opinion_in

RECENT_DECISIONS = 5


@dataclass(frozen=True, slots=True)
class PolicyReading:
    """A policy as the evidence holds it: score against threshold, reports that name it, the wording in force.

    ``key`` is the digit that picks it (``None`` from the tenth on); ``score`` is ``None`` if it was not scored.
    """

    policy: Policy
    key: int | None
    score: float | None
    logit: float | None
    threshold: float | None
    flagged: bool
    reports: int
    shown: bool
    version: PolicyVersion | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why the case is here: words, and for a flag the policy with the spans the model reacted to."""

    kind: str
    words: str
    reading: PolicyReading | None = None
    quotes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReportReading:
    """A report with its reporter's record: how many of their settled reports were upheld."""

    report: Report
    upheld: int
    settled: int


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """What is known of the author: standing strikes and the decisions on their other contents."""

    account: Account
    strikes: Sequence[Strike]
    decided: int
    violating: int
    recent: Sequence[Decision]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one policy's score is what it is: the cut text and the waterfall."""

    reading: PolicyReading
    model_number: int
    segments: Sequence[Segment]
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything on the review page that does not depend on the lease.

    ``segments`` is the text to show: cut by the selected policy's attributions, or whole. ``graphic`` names the
    graphic policies in play; their text stays masked until it is asked for. A blind review shows nothing of the
    model's, and its text is always masked: a mask that came and went would tell. ``judgements`` are those an
    adjudicator weighs.
    """

    case: Case
    content: Content
    revision: ContentRevision
    evidence: Evidence
    policies: Sequence[PolicyReading]
    reasons: Sequence[Reason]
    reports: Sequence[ReportReading]
    later_reports: int
    author: AuthorRecord | None
    explanation: Explanation | None
    segments: Sequence[Segment]
    graphic: Sequence[Policy]
    thread: Sequence[Mapping[str, str]]
    priority_parts: Sequence[Mapping[str, Any]]
    precedents: Precedents
    judgements: Sequence[Judgement]
    escalation: Escalation | None
    second: SecondOpinion | None

    @property
    def blind(self) -> bool:
        """Whether the model's opinion is hidden."""
        return self.evidence.blind

    @property
    def may_be_graphic(self) -> bool:
        """Whether the text is masked until it is asked for."""
        return bool(self.graphic) or self.blind

    @property
    def explained(self) -> Sequence[PolicyReading]:
        """Scored policies, the gravest flagged one first: what the explanation can be asked for."""
        scored = [reading for reading in self.policies if reading.score is not None]
        return sorted(scored, key=_gravity, reverse=True)


def workspace_of(evidence: Evidence, *, policy: str | None = None) -> Workspace:
    """The workspace on this evidence, explained for ``policy`` (by default the gravest one flagged).

    A fixed number of statements, whatever the case holds.
    """
    predictions = {} if evidence.blind else _predictions(evidence)
    reports = _reports(evidence)
    readings = _readings(evidence, reports)
    text = evidence.revision.text
    explanation = _explanation(evidence, readings, predictions, policy)
    content = evidence.case.content
    shift = golden.shift_of(evidence.case)
    return Workspace(
        case=evidence.case,
        content=golden.content_at(content, shift),
        revision=evidence.revision,
        evidence=evidence,
        policies=readings,
        reasons=_reasons(evidence, readings, predictions, reports),
        reports=reports,
        later_reports=max(_standing_reports(evidence.case) - len(reports), 0),
        author=author_record(content.author, without=[content.pk]) if content.author else None,
        explanation=explanation,
        segments=explanation.segments if explanation else segments_of(text, []),
        graphic=[r.policy for r in readings if r.policy.graphic and (r.flagged or r.reports)],
        thread=golden.thread_at(evidence.revision.thread, shift),
        priority_parts=blindness.open_parts(evidence.priority_parts, blind=evidence.blind),
        precedents=precedents_of(evidence),
        judgements=judgements_before(evidence.review),
        escalation=escalation_before(evidence.review),
        second=opinion_in(evidence),
    )


def judgements_before(review: Review) -> list[Judgement]:
    """What an adjudicator decides between: the judgements that disagree, the first one first. Empty for any other."""
    if review.kind != ReviewKind.ADJUDICATION or review.follows is None:
        return []
    pair = [review.follows.follows_id, review.follows_id]
    judged = Judgement.objects.filter(review__in=[pk for pk in pair if pk])
    return list(judged.select_related("reviewer", "note", "review").order_by("pk"))


def escalation_before(review: Review) -> Escalation | None:
    """The escalation that brought the review where it is."""
    standing = review.escalations.filter(undone_at__isnull=True).select_related("escalated_by", "from_queue")
    return standing.order_by("-pk").first()


def evidence_shown(*, case_id: int, user: User) -> Evidence | None:
    """The latest evidence of the case that was frozen for this person, with what the workspace reads of it."""
    return _evidence().filter(case_id=case_id, shown_to=user).order_by("-pk").first()


def evidence_by_key(pk: int) -> Evidence:
    """The evidence with what the workspace reads of it."""
    return _evidence().get(pk=pk)


def author_record(account: Account, *, without: Sequence[int]) -> AuthorRecord:
    """The author's record, everything about some contents left out."""
    binding = Decision.objects.filter(case__content__author=account, superseded_by__isnull=True, verdict__isnull=False)
    strikes = Strike.objects.filter(account=account, lifted_by__isnull=True)
    if without:
        binding = binding.exclude(case__content__in=without)
        strikes = strikes.exclude(decision__case__content__in=without)
    counted = binding.aggregate(decided=Count("pk"), violating=Count("pk", filter=Q(verdict=Verdict.VIOLATES)))
    recent = binding.select_related("case", "decided_by").order_by("-pk")[:RECENT_DECISIONS]
    return AuthorRecord(
        account=account,
        strikes=list(strikes.select_related("policy", "decision").order_by("-pk")),
        decided=counted["decided"],
        violating=counted["violating"],
        recent=list(recent),
    )


def graphic_policies(case: Case) -> list[Policy]:
    """The graphic policies the case's content was ever flagged or reported under, or found to violate."""
    served = Prediction.objects.served().filter(revision__content=case.content_id)
    flagged = PolicyPrediction.objects.filter(prediction__in=served, flagged=True)
    decided = {slug for policies in case.decisions.values_list("policies", flat=True) for slug in policies}
    in_play = Q(pk__in=flagged.values("policy")) | Q(slug__in=decided) | Q(reports__case=case)
    return list(Policy.objects.filter(in_play, graphic=True).distinct())


def policy_keys() -> list[tuple[int | None, Policy]]:
    """The active policies in order, each with the digit that picks it."""
    active = Policy.objects.filter(is_active=True)
    return [(place if place <= 9 else None, policy) for place, policy in enumerate(active, 1)]


def policy_names(slugs: Sequence[str]) -> list[str]:
    """What people call the policies."""
    return list(Policy.objects.filter(slug__in=slugs).values_list("name", flat=True))


def _evidence() -> QuerySet[Evidence]:
    return Evidence.objects.select_related(
        "case__content__author",
        "case__queue__escalates_to",
        "revision",
        "prediction__model_version",
        "second_reading",
        "review__follows",
        "review__queue__escalates_to",
    )


def _predictions(evidence: Evidence) -> Mapping[str, PolicyPrediction]:
    if evidence.prediction is None:
        return {}
    return {row.policy.slug: row for row in evidence.prediction.policies.select_related("policy")}


def _readings(evidence: Evidence, reports: Sequence[ReportReading]) -> list[PolicyReading]:
    frozen = {row["policy"]: row for row in evidence.policies}
    versions = PolicyVersion.objects.in_bulk([row["policy_version"] for row in evidence.policies])
    named: dict[int | None, int] = {}
    for reading in reports:
        named[reading.report.policy_id] = named.get(reading.report.policy_id, 0) + 1
    readings = []
    for key, policy in policy_keys():
        row = {} if evidence.blind else frozen.get(policy.slug, {})
        readings.append(
            PolicyReading(
                policy=policy,
                key=key,
                score=row.get("score"),
                logit=row.get("logit"),
                threshold=row.get("threshold"),
                flagged=row.get("flagged", False),
                reports=named.get(policy.pk, 0),
                shown=row.get("shown", False),
                version=versions.get(frozen.get(policy.slug, {}).get("policy_version", 0)),
            )
        )
    return readings


def _reports(evidence: Evidence) -> list[ReportReading]:
    """Legal notices, then trusted flaggers, then the rest; the newest first in each."""
    found = Report.objects.filter(pk__in=evidence.report_ids).select_related("reporter", "policy")
    newest_first = found.order_by("-received_at", "-pk")
    reports = sorted(newest_first, key=lambda report: _SOURCES_FIRST.get(report.source, len(_SOURCES_FIRST)))
    shift = golden.shift_of(evidence.case)
    for report in reports:
        report.received_at += shift  # to be shown, never saved
    record = _records({report.reporter_id for report in reports if report.reporter_id})
    return [ReportReading(report, *record.get(report.reporter_id or 0, (0, 0))) for report in reports]


def _records(reporters: set[int]) -> dict[int, tuple[int, int]]:
    rows = (
        Report.objects.filter(reporter__in=reporters)
        .values("reporter_id")
        .annotate(
            upheld=Count("pk", filter=Q(outcome=ReportOutcome.UPHELD)),
            settled=Count("pk", filter=Q(outcome__in=[ReportOutcome.UPHELD, ReportOutcome.NOT_UPHELD])),
        )
    )
    return {row["reporter_id"]: (row["upheld"], row["settled"]) for row in rows}


def _standing_reports(case: Case) -> int:
    return case.reports.exclude(outcome=ReportOutcome.WITHDRAWN).count()


def _explanation(
    evidence: Evidence,
    readings: Sequence[PolicyReading],
    predictions: Mapping[str, PolicyPrediction],
    policy: str | None,
) -> Explanation | None:
    scored = [reading for reading in readings if reading.policy.slug in predictions]
    if not scored or evidence.prediction is None or evidence.revision.erased_at is not None:
        return None
    asked = next((reading for reading in scored if reading.policy.slug == policy), None)
    reading = asked or max(scored, key=_gravity)
    row = predictions[reading.policy.slug]
    text = evidence.revision.text
    number = evidence.prediction.model_version.number
    return Explanation(reading, number, segments_of(text, row.attributions), steps_of(row, text))


def _gravity(reading: PolicyReading) -> tuple[bool, bool, float]:
    """What to lead with: flagged before reported before the rest, then severity times score."""
    return reading.flagged, reading.reports > 0, reading.policy.severity * (reading.score or 0.0)


def _reasons(
    evidence: Evidence,
    readings: Sequence[PolicyReading],
    predictions: Mapping[str, PolicyPrediction],
    reports: Sequence[ReportReading],
) -> list[Reason]:
    reasons = [
        _flag_reason(reading, predictions[reading.policy.slug], evidence.revision.text)
        for reading in sorted(readings, key=_gravity, reverse=True)
        if reading.flagged and reading.policy.slug in predictions
    ]
    if evidence.blind:
        reasons.append(Reason("blind", _BLIND))
    if reports:
        reasons.append(Reason("report", _report_words(reports)))
    if evidence.blind:
        return reasons
    reasons += [Reason(hit["kind"], _hit_words(hit)) for hit in evidence.rule_hits]
    if evidence.why_shown == WhyShown.RANDOM_AUDIT:
        words = f"Drawn at random for an audit, with a chance of {evidence.sampling_probability:.1%}."
        reasons.append(Reason("audit", words))
    if evidence.prediction is None:
        reasons.append(Reason("unscored", "No model was available, so the text has not been scored."))
    elif not any(reading.flagged for reading in readings):
        reasons.append(Reason("below", "The model finds no policy above its threshold."))
    return reasons


def _flag_reason(reading: PolicyReading, prediction: PolicyPrediction, text: str) -> Reason:
    quotes = quotes_of(text, prediction.attributions)
    around = sum(contribution for _, _, contribution in prediction.context_attributions)
    rising = sum(value for _, _, value in prediction.attributions if value > 0)
    if not quotes:
        words = "nothing in the text itself stands out."
    elif around > rising:
        words = "what is known around the text weighs more than its words:"
    else:
        words = "the model reacted to"
    return Reason("flag", words, reading, quotes)


def _report_words(reports: Sequence[ReportReading]) -> str:
    count = len(reports)
    by_source = {source: sum(r.report.source == source for r in reports) for source in ReportSource}
    sources = [_counted(number, _SOURCE_NOUNS[source]) for source, number in by_source.items() if number]
    words = f"{_counted(count, ('report', 'reports'))}: {_listed(sources)}"
    reliable = sum(1 for reading in reports if reading.settled >= 2 and reading.upheld * 2 > reading.settled)
    if reliable:
        words += f"; {reliable} from {'a reporter' if reliable == 1 else 'reporters'} mostly upheld before"
    return f"{words}."


def _hit_words(hit: Mapping[str, Any]) -> str:
    return f"Matches the bank “{hit['name']}”." if hit["kind"] == "bank" else f"Routed by the rule “{hit['name']}”."


_BLIND = "Judge it by itself: the model’s opinion stays hidden until you have judged."
# Who has a deadline or a record, before who has neither.
_SOURCES_FIRST: Mapping[str, int] = {ReportSource.LEGAL_NOTICE: 0, ReportSource.TRUSTED_FLAGGER: 1}
_SOURCE_NOUNS = {
    ReportSource.USER: ("user", "users"),
    ReportSource.TRUSTED_FLAGGER: ("trusted flagger", "trusted flaggers"),
    ReportSource.AUTOMATED: ("automated detector", "automated detectors"),
    ReportSource.LEGAL_NOTICE: ("legal notice", "legal notices"),
}


def _counted(number: int, nouns: tuple[str, str]) -> str:
    return f"{number} {nouns[0] if number == 1 else nouns[1]}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
