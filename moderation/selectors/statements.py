"""Statements of reasons (Digital Services Act, Art. 17 and 24(5)), as the transparency database takes them.

They are made from the rows of a decision: fixed sentences and the names of policies, no text of anyone's. What could
still name a person is scrubbed.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from moderation.enums import ActionKind, DecisionKind, ReportSource, Verdict, WhyShown
from moderation.models import Action, Decision, PolicyVersion, Report
from moderation.scrubbing import scrub

VISIBILITY = {
    ActionKind.REMOVE: "DECISION_VISIBILITY_CONTENT_REMOVED",
    ActionKind.RESTRICT: "DECISION_VISIBILITY_CONTENT_DEMOTED",
}
ACCOUNT = {
    ActionKind.SUSPEND: "DECISION_ACCOUNT_SUSPENDED",
    ActionKind.TERMINATE: "DECISION_ACCOUNT_TERMINATED",
}
SOURCES = (
    (ReportSource.LEGAL_NOTICE, "SOURCE_ARTICLE_16", "after a legal notice"),
    (ReportSource.TRUSTED_FLAGGER, "SOURCE_TRUSTED_FLAGGER", "after a notice of a trusted flagger"),
    (ReportSource.USER, "SOURCE_TYPE_OTHER_NOTIFICATION", "after a report of a user"),
)
UNSPECIFIED = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
_CATEGORY = re.compile(r"STATEMENT_CATEGORY_[A-Z_]+")
_GROUND_LIMIT, _EXPLANATION_LIMIT = 500, 2000
_CHUNK = 200


def stated() -> QuerySet[Decision]:
    """Decisions that owe a statement, the newest first: in force, past their undo window, with a restriction.

    A warning restricts nothing. A person who confirms an automated decision changes nothing of its statement.
    """
    restrictions = [*VISIBILITY, *ACCOUNT]
    confirmed = Q(
        kind=DecisionKind.AUTOMATED,
        superseded_by__kind=DecisionKind.REVIEW,
        superseded_by__superseded_by__isnull=True,
    )
    asked = Action.objects.filter(decision=OuterRef("pk"), kind__in=restrictions, reverses__isnull=True)
    return (
        Decision.objects.filter(Q(superseded_by__isnull=True) | confirmed, Exists(asked))
        .filter(verdict=Verdict.VIOLATES, undo_until__lte=timezone.now())
        .select_related("case__content__author", "decided_by")
        .prefetch_related(Prefetch("case__reports", Report.objects.select_related("reporter").order_by("pk")))
        .order_by("-pk")
    )


def between(since: datetime | None, until: datetime | None) -> QuerySet[Decision]:
    """The stated decisions made at ``since`` or later and before ``until``."""
    rows = stated()
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    return rows


def each(decisions: QuerySet[Decision]) -> Iterator[dict[str, Any]]:
    """Their statements, the oldest first, in constant memory."""
    rows = decisions.order_by("pk").iterator(chunk_size=_CHUNK)
    while chunk := [row for _, row in zip(range(_CHUNK), rows, strict=False)]:
        yield from statements(chunk)


def statements(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """A statement a decision, in the order given."""
    wordings = _wordings({slug for decision in decisions for slug in decision.policies})
    return [_statement(decision, wordings) for decision in decisions]


def _statement(decision: Decision, wordings: dict[str, list[PolicyVersion]]) -> dict[str, Any]:
    policies = _in_force(decision, wordings)
    names = _people(decision)
    case, content = decision.case, decision.case.content
    sources = {report.source for report in case.reports.all()}
    source, circumstance = _source(sources)
    detected = case.why_shown in {WhyShown.FLAGGED, WhyShown.RULE} or sources == {ReportSource.AUTOMATED}
    automated = decision.kind == DecisionKind.AUTOMATED
    categories = list(dict.fromkeys(_category(version) for version in policies)) or [UNSPECIFIED]
    called = " and ".join(f"“{version.policy.name}”" for version in policies) or "the community's rules"
    kinds = set(decision.actions)
    statement: dict[str, Any] = {
        "puid": f"evenhand-{decision.pk}",
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": scrub(f"Policy {called}", names=names)[:_GROUND_LIMIT],
        "incompatible_content_explanation": scrub(
            f"The text was found to violate the policy {called} of the service's terms.", names=names
        )[:_EXPLANATION_LIMIT],
        "content_type": ["CONTENT_TYPE_TEXT"],
        "category": categories[0],
        "content_date": _date(content.created_at),
        "application_date": _date(decision.created_at),
        "decision_facts": " ".join(
            [
                f"A text published on the service was examined {circumstance}.",
                "It was detected by automated means." if detected else "It was not detected by automated means.",
                "It was decided without a person." if automated else "It was decided by a person.",
            ]
        ),
        "source_type": source,
        "automated_detection": "Yes" if detected else "No",
        "automated_decision": "AUTOMATED_DECISION_FULLY" if automated else "AUTOMATED_DECISION_NOT_AUTOMATED",
    }
    if categories[1:]:
        statement["category_addition"] = categories[1:]
    visibility = [VISIBILITY[kind] for kind in VISIBILITY if kind in kinds]
    if visibility:
        statement["decision_visibility"] = visibility
    account = [ACCOUNT[kind] for kind in ACCOUNT if kind in kinds]
    if account:
        statement["decision_account"] = account[-1]  # termination outweighs suspension
    language = content.language.split("-")[0].upper()
    if len(language) == 2 and language.isascii() and language.isalpha():
        statement["content_language"] = language
    return statement


def _wordings(slugs: set[str]) -> dict[str, list[PolicyVersion]]:
    """All versions of the policies by slug, the newest first."""
    found: dict[str, list[PolicyVersion]] = {}
    versions = PolicyVersion.objects.filter(policy__slug__in=slugs).select_related("policy")
    for version in versions.order_by("policy", F("number").desc()):
        found.setdefault(version.policy.slug, []).append(version)
    return found


def _in_force(decision: Decision, wordings: dict[str, list[PolicyVersion]]) -> list[PolicyVersion]:
    """The wording of each violated policy when it was decided, the gravest first."""
    versions = [
        next((one for one in of_policy if one.created_at <= decision.created_at), of_policy[-1])
        for of_policy in (wordings.get(slug) for slug in decision.policies)
        if of_policy
    ]
    return sorted(versions, key=lambda version: (-version.policy.severity, version.policy.slug))


def _category(version: PolicyVersion) -> str:
    return version.legal_category if _CATEGORY.fullmatch(version.legal_category) else UNSPECIFIED


def _source(sources: set[str]) -> tuple[str, str]:
    """The weightiest notice there was, and in words."""
    for source, stated_as, words in SOURCES:
        if source in sources:
            return stated_as, words
    return "SOURCE_VOLUNTARY", "on the service's own initiative"


def _people(decision: Decision) -> set[str]:
    """What names the people concerned: none of it may be said."""
    content = decision.case.content
    names = {content.external_id, content.author.external_id if content.author else None}
    names |= {report.reporter.external_id for report in decision.case.reports.all() if report.reporter}
    if decision.decided_by is not None:
        names.add(decision.decided_by.username)
    return {name for name in names if name}


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
