"""Rows as the API shows them; the shapes are those of ``serializers``."""

from datetime import timedelta
from typing import Any

from django.urls import reverse

from moderation.enums import AppealState, CaseStatus, DecisionKind, ReportOutcome, ReviewState, WhyShown
from moderation.models import (
    Appeal,
    Case,
    Content,
    Decision,
    Escalation,
    Evidence,
    Hold,
    Judgement,
    PolicyPrediction,
    Prediction,
    Report,
    Review,
    User,
)
from moderation.selectors import blindness, cases, golden, precedents, queues
from moderation.selectors.adjudications import Disagreement
from moderation.selectors.precedents import Like, Practice
from moderation.selectors.quality import Missed, Quality
from moderation.selectors.workspace import escalation_before, judgements_before
from moderation.services import priority
from moderation.services.decisions import Outcome

_NO_TIME = timedelta()


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


def content(row: Content, *, viewer: User) -> dict[str, Any]:
    """A content with its current wording, and its case as far as the viewer may know of it."""
    masked = blindness.masked_contents(viewer).filter(content=row).select_related("content").first()
    if masked is not None:
        return {**_content(row, shift=golden.shift_of(masked)), "case_id": masked.pk}
    open_case = row.cases.filter(status=CaseStatus.OPEN).first() or row.cases.order_by("-pk").first()
    return {**_content(row), "case_id": open_case.pk if open_case else None}


def _content(row: Content, *, shift: timedelta = _NO_TIME) -> dict[str, Any]:
    revision = row.current_revision
    return {
        "id": row.external_id,
        "type": row.type,
        "author": row.author.external_id if row.author else None,
        "text": revision.text if revision and revision.erased_at is None else None,
        "revision": revision.number if revision else None,
        "url": row.url,
        "language": row.language,
        "context": golden.thread_at(revision.thread, shift) if revision else [],
        "created_at": row.created_at + shift,
        "received_at": row.received_at + shift,
        "withdrawn_at": row.withdrawn_at,
        "scoring_state": row.scoring_state,
    }


def case_summary(case: Case, *, viewer: User, blind: bool) -> dict[str, Any]:
    """A case in a list; ``blind``: the model's opinion is hidden from the viewer."""
    parts = [*blindness.open_parts(case.priority_parts, blind=blind), priority.waiting_part(case)]
    return {
        "id": case.pk,
        "status": case.status,
        "queue": case.queue.slug,
        "priority": sum(part["points"] for part in parts),
        "priority_reasons": parts,
        "why_shown": blindness.why_shown(case, viewer, blind=blind),
        "content_id": case.content.external_id,
        "version": case.version,
        "opened_at": case.opened_at,
        "due_at": case.due_at,
    }


def case_detail(case: Case, *, viewer: User, shown: Evidence | None = None) -> dict[str, Any]:
    """A case with its content, reports, newest prediction, decisions and lease, as far as the viewer may know.

    ``shown``: the evidence frozen for them, whose prediction stands instead of the newest.
    """
    blind = shown.blind if shown is not None else blindness.hides_model(case, viewer)
    newest = shown.prediction if shown is not None else cases.prediction_of(case.content.current_revision)
    prediction = None if blind else newest
    reports = cases.reports_of(case).select_related("reporter", "policy")
    shift = golden.shift_of(case)
    decisions = case.decisions.select_related("judgement").order_by("pk")
    return {
        **case_summary(case, viewer=viewer, blind=blind),
        "blind": blind,
        "content": {**_content(case.content, shift=shift), "case_id": case.pk},
        "reports": [_report(report, case, shift=shift) for report in reports],
        "model": str(prediction.model_version) if prediction else None,
        "predictions": policy_predictions(prediction) if prediction else [],
        "decisions": [decision(row) for row in decisions],
        "lease": _lease(cases.leased_review(case), viewer=viewer),
        "skips": [{"reason": reason.value, "count": count} for reason, count in queues.skips_of(case)],
    }


def claimed(review: Review, evidence: Evidence, *, viewer: User) -> dict[str, Any]:
    """A case someone has just been given: what they see is the frozen evidence's prediction."""
    body = case_detail(cases.get(review.case_id), viewer=viewer, shown=evidence)
    found = precedents.precedents_of(evidence)
    return {
        **body,
        # As it was given, even if it has ended by now.
        "lease": _lease(review, viewer=viewer),
        "review_id": review.pk,
        "evidence_id": evidence.pk,
        "precedents": [_like(like) for like in found.nearest],
        "practice": _practice(found.practice),
        "judgements": [judgement(row) for row in judgements_before(review)],
        "escalation": _escalation(escalation_before(review)),
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


def receipt(outcome: Outcome) -> dict[str, Any]:
    """What became of a judgement, as references: what a replay must answer, whatever comes after."""
    feedback = outcome.feedback
    return {
        "judgement": outcome.judgement.pk,
        "decision": outcome.decision.pk if outcome.decision else None,
        "standing": outcome.standing,
        "against_practice": _practice(outcome.against),
        "golden": {"correct": feedback.correct, "policies": list(feedback.policies)} if feedback else None,
    }


def judged(receipt: dict[str, Any]) -> dict[str, Any]:
    """The decision, or what it waits for with the decision's fields as they were judged."""
    told = {name: receipt[name] for name in ("standing", "against_practice", "golden")}
    if receipt["decision"] is not None:
        return {**decision(Decision.objects.select_related("judgement").get(pk=receipt["decision"])), **told}
    given = Judgement.objects.select_related("review").get(pk=receipt["judgement"])
    return {
        "id": None,
        "case_id": given.review.case_id,
        "kind": DecisionKind.REVIEW,
        "verdict": given.verdict,
        "policies": given.policies,
        "actions": given.actions,
        "supersedes": None,
        "evidence_id": given.evidence_id,
        "undo_until": None,
        "created_at": given.created_at,
        **told,
    }


def judgement(row: Judgement) -> dict[str, Any]:
    """What one reviewer concluded, with their words."""
    note = getattr(row, "note", None)
    return {
        "id": row.pk,
        "reviewer": row.reviewer.username,
        "verdict": row.verdict,
        "policies": row.policies,
        "actions": row.actions,
        "rationale": note.text if note else "",
        "created_at": row.created_at,
    }


def hold(row: Hold) -> dict[str, Any]:
    """A decision that waits for a second person, or waited."""
    return {
        "id": row.pk,
        "case_id": row.case_id,
        "reason": row.reason,
        "state": row.state,
        "judgement": judgement(row.judgement),
        "settled_by": row.settled_by.username if row.settled_by else None,
        "settled_at": row.settled_at,
        "note": row.note,
        "created_at": row.created_at,
    }


def disagreement(row: Disagreement) -> dict[str, Any]:
    """A case on which two reviewers disagree."""
    return {
        "case_id": row.review.case_id,
        "review_id": row.review.pk,
        "queue": row.review.queue.slug,
        "judgements": [judgement(one) for one in row.judgements],
        "barred": row.barred,
    }


def quality(row: Quality) -> dict[str, Any]:
    """Agreement figures as far as the viewer may see them; ``people`` holds user names."""
    return {
        "measured_at": row.measured_at,
        **{key: value for key, value in row.figures.items() if key != "people"},
        "people": [{**person.figures, "user": person.user.username} for person in row.people],
    }


def missed(row: Missed) -> dict[str, Any]:
    """What is missed, over the whole time and week by week."""
    return {"measured_at": row.measured_at, **row.figures}


def _like(like: Like) -> dict[str, Any]:
    return {
        "case_id": like.decision.case_id,
        "likeness": round(like.likeness, 3),
        "verdict": like.decision.verdict,
        "policies": like.decision.policies,
        "actions": like.decision.actions,
        "decided_at": like.decision.created_at,
    }


def _practice(practice: Practice | None) -> dict[str, Any] | None:
    if practice is None:
        return None
    return {"verdict": practice.verdict, "policies": list(practice.policies), "count": practice.count}


def _escalation(row: Escalation | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "by": row.escalated_by.username,
        "from_queue": row.from_queue.slug,
        "note": row.note,
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


def _report(row: Report, case: Case, *, shift: timedelta) -> dict[str, Any]:
    return {
        "id": row.pk,
        "reporter": row.reporter.external_id if row.reporter else None,
        "source": row.source,
        "policy": row.policy.slug if row.policy else None,
        "note": row.note,
        # What became of a golden case's reports would give it away.
        "outcome": ReportOutcome.PENDING if case.why_shown == WhyShown.GOLDEN else row.outcome,
        "received_at": row.received_at + shift,
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
    if review.reviewer_id == viewer.pk and not review.reserved:
        lease["token"] = review.lease_token
    return lease
