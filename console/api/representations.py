"""Rows as the API shows them; the shapes are those of ``serializers``."""

from typing import Any

from django.urls import reverse

from moderation.enums import AppealState, CaseStatus, ReviewState
from moderation.models import (
    Appeal,
    Case,
    Content,
    Decision,
    Evidence,
    PolicyPrediction,
    Prediction,
    Report,
    Review,
    User,
)
from moderation.selectors import cases
from moderation.services import routing


def report_answer(report: Report, *, case_id: int | None) -> dict[str, Any]:
    """What an accepted report is told; ``case_id`` is the case it joined when it was taken in."""
    return {
        "report_id": report.pk,
        "content_id": report.content.external_id,
        "case_id": case_id,
        "status_url": status_url(report.content),
    }


def content_answer(content: Content, revision: int) -> dict[str, Any]:
    """What accepted content is told."""
    return {"content_id": content.external_id, "revision": revision, "status_url": status_url(content)}


def status_url(content: Content) -> str:
    """Where the content's state can be read."""
    return reverse("api:content", kwargs={"external_id": content.external_id}) if content.external_id else ""


def content(row: Content) -> dict[str, Any]:
    """A content with its current wording."""
    revision = row.current_revision
    open_case = row.cases.filter(status=CaseStatus.OPEN).first() or row.cases.order_by("-pk").first()
    return {
        "id": row.external_id,
        "type": row.type,
        "author": row.author.external_id if row.author else None,
        "text": revision.text if revision and revision.erased_at is None else None,
        "revision": revision.number if revision else None,
        "url": row.url,
        "language": row.language,
        "context": revision.thread if revision else [],
        "created_at": row.created_at,
        "received_at": row.received_at,
        "withdrawn_at": row.withdrawn_at,
        "scoring_state": row.scoring_state,
        "case_id": open_case.pk if open_case else None,
    }


def case_summary(case: Case) -> dict[str, Any]:
    """A case in a list."""
    return {
        "id": case.pk,
        "status": case.status,
        "queue": case.queue.slug,
        "priority": routing.current_priority(case),
        "priority_reasons": case.priority_parts,
        "why_shown": case.why_shown,
        "content_id": case.content.external_id,
        "version": case.version,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
    }


def case_detail(case: Case, *, viewer: User) -> dict[str, Any]:
    """A case with its content, reports, newest prediction, decisions and lease, for ``viewer``."""
    prediction = cases.prediction_of(case.content.current_revision)
    reports = case.reports.select_related("reporter", "policy").order_by("pk")
    decisions = case.decisions.select_related("judgement").order_by("pk")
    return {
        **case_summary(case),
        "content": content(case.content),
        "reports": [_report(report) for report in reports],
        "model": str(prediction.model_version) if prediction else None,
        "predictions": policy_predictions(prediction) if prediction else [],
        "decisions": [decision(row) for row in decisions],
        "lease": _lease(cases.leased_review(case), viewer=viewer),
    }


def claimed(review: Review, evidence: Evidence, *, viewer: User) -> dict[str, Any]:
    """A case someone has just been given: what they see is the frozen evidence's prediction."""
    body = case_detail(cases.get(review.case_id), viewer=viewer)
    prediction = evidence.prediction
    return {
        **body,
        "model": str(prediction.model_version) if prediction else None,
        "predictions": policy_predictions(prediction) if prediction else [],
        "review_id": review.pk,
        "evidence_id": evidence.pk,
    }


def policy_predictions(prediction: Prediction) -> list[dict[str, Any]]:
    """A row a policy, in the order of the policies."""
    rows = prediction.policies.select_related("policy").order_by("policy__position", "policy__slug")
    return [_policy_prediction(row) for row in rows]


def decision(row: Decision) -> dict[str, Any]:
    """A binding decision."""
    return {
        "id": row.pk,
        "case_id": row.case_id,
        "kind": row.kind,
        "verdict": row.verdict,
        "policies": row.policies,
        "actions": row.actions,
        "supersedes": row.supersedes_id,
        "evidence_id": row.judgement.evidence_id if row.judgement else None,
        "undo_until": row.undo_until,
        "created_at": row.created_at,
    }


def appeal(row: Appeal) -> dict[str, Any]:
    """An appeal and what became of it."""
    return {
        "id": row.pk,
        "decision_id": row.decision_id,
        "state": row.state,
        "resolution_id": row.resolution_id,
        "created_at": row.created_at,
        "resolved_at": row.resolved_at,
    }


def opened_appeal(row: Appeal) -> dict[str, Any]:
    """An appeal as it was when it was opened, for a replay to repeat."""
    return {**appeal(row), "state": AppealState.OPEN, "resolution_id": None, "resolved_at": None}


def _report(row: Report) -> dict[str, Any]:
    return {
        "id": row.pk,
        "reporter": row.reporter.external_id if row.reporter else None,
        "source": row.source,
        "policy": row.policy.slug if row.policy else None,
        "note": row.note,
        "outcome": row.outcome,
        "received_at": row.received_at,
    }


def _policy_prediction(row: PolicyPrediction) -> dict[str, Any]:
    return {
        "policy": row.policy.slug,
        "score": row.score,
        "logit": row.logit,
        "threshold": row.threshold,
        "flagged": row.flagged,
        "base_value": row.base_value,
        "absent": row.absent,
        "attributions": [{"start": start, "end": end, "value": value} for start, end, value in row.attributions],
        "context_attributions": [
            {"feature": feature, "value": value, "contribution": contribution}
            for feature, value, contribution in row.context_attributions
        ],
    }


def _lease(review: Review | None, *, viewer: User) -> dict[str, Any] | None:
    if review is None or review.state != ReviewState.LEASED or review.reviewer is None:
        return None
    lease: dict[str, Any] = {"holder": review.reviewer.username, "expires_at": review.lease_expires_at}
    if review.reviewer_id == viewer.pk:
        lease["token"] = review.lease_token
    return lease
