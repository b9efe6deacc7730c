"""Freezing what a person is shown."""

from typing import Any

from django.db.models import OuterRef, Subquery

from moderation.enums import ReportOutcome
from moderation.errors import NotFound
from moderation.models import Evidence, Policy, PolicyPrediction, PolicyVersion, Prediction, Review, User
from moderation.selectors import cases, second_readings


def freeze_evidence(review: Review, *, shown_to: User) -> Evidence:
    """Write down what the person sees of the case from here on: revision, prediction, policies, hits, reports.

    Call inside the transaction that gives them the lease. Raises ``NotFound`` if the content has no revision.
    """
    case = review.case
    revision = case.content.current_revision
    if revision is None:
        raise NotFound("The content has no text to review.")
    prediction = cases.prediction_of(revision)
    reports = list(cases.reports_of(case).exclude(outcome=ReportOutcome.WITHDRAWN).select_related("policy"))
    reported = {report.policy.slug for report in reports if report.policy}
    return Evidence.objects.create(
        review=review,
        case=case,
        case_version=case.version,
        revision=revision,
        prediction=prediction,
        second_reading=second_readings.latest_of(prediction),
        shown_to=shown_to,
        policies=_policy_rows(prediction, reported, blind=review.blind),
        rule_hits=case.rule_hits,
        report_ids=[report.pk for report in reports],
        priority_parts=case.priority_parts,
        why_shown=case.why_shown,
        sampling_probability=case.sampling_probability,
        blind=review.blind,
    )


def _policy_rows(prediction: Prediction | None, reported: set[str], *, blind: bool) -> list[dict[str, Any]]:
    """A row a policy. ``shown`` marks those put before the reviewer as a reason: flagged or reported ones, or all
    active ones if there is no such reason, or none is told because the review is blind. A decision labels what was
    shown.
    """
    predicted: dict[str, PolicyPrediction] = (
        {row.policy.slug: row for row in prediction.policies.select_related("policy")} if prediction else {}
    )
    newest = PolicyVersion.objects.filter(policy=OuterRef("pk")).order_by("-number").values("pk")[:1]
    rows = []
    for policy in Policy.objects.filter(is_active=True).annotate(version=Subquery(newest)):
        row = predicted.get(policy.slug)
        rows.append(
            {
                "policy": policy.slug,
                "policy_version": policy.version,
                "score": row.score if row else None,
                "logit": row.logit if row else None,
                "threshold": row.threshold if row else None,
                "flagged": bool(row and row.flagged),
                "reported": policy.slug in reported,
            }
        )
    named = not blind and any(row["flagged"] or row["reported"] for row in rows)
    for entry in rows:
        entry["shown"] = bool(entry["flagged"] or entry["reported"]) if named else True
    return rows
