"""The audit trail: one function an event kind. Events hold references and figures, never a text.

Call them inside the transaction of what they record: then either both happened or neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from moderation.enums import AuditKind
from moderation.models import (
    Account,
    ApiKey,
    Appeal,
    AuditDraw,
    AuditEvent,
    AutomationThreshold,
    Backtest,
    Bank,
    BankEntry,
    Batch,
    Case,
    Content,
    Decision,
    Delivery,
    Escalation,
    Hold,
    Judgement,
    ModelVersion,
    QualityReport,
    Report,
    Review,
    RoutingRule,
    User,
    WebhookEndpoint,
)


def _event(
    kind: AuditKind,
    *,
    actor: User | None = None,
    content_id: int | None = None,
    case_id: int | None = None,
    **data: Any,
) -> AuditEvent:
    return AuditEvent(kind=kind, actor=actor, content_id=content_id, case_id=case_id, data=data)


def _record(kind: AuditKind, **fields: Any) -> None:
    _event(kind, **fields).save(force_insert=True)


def content_received(content: Content, *, actor: User) -> None:
    """A content was seen for the first time."""
    _record(AuditKind.CONTENT_RECEIVED, actor=actor, content_id=content.pk)


def content_revised(content: Content, *, actor: User, revision: int) -> None:
    """A known content came with another text."""
    _record(AuditKind.CONTENT_REVISED, actor=actor, content_id=content.pk, revision=revision)


def content_withdrawn(content: Content, *, actor: User) -> None:
    """The platform deleted a content."""
    _record(AuditKind.CONTENT_WITHDRAWN, actor=actor, content_id=content.pk)


def contents_erased(contents: Sequence[Content], *, actor: User) -> None:
    """Wordings and identifiers of contents are gone; one event a content, one statement."""
    AuditEvent.objects.bulk_create(
        [_event(AuditKind.CONTENT_ERASED, actor=actor, content_id=content.pk) for content in contents]
    )


def account_erased(account: Account, *, actor: User, contents: int) -> None:
    """What was held on an account is gone."""
    _record(AuditKind.ACCOUNT_ERASED, actor=actor, account=account.pk, contents=contents)


def account_exported(account: Account, *, actor: User) -> None:
    """Someone took away what is held on an account."""
    _record(AuditKind.ACCOUNT_EXPORTED, actor=actor, account=account.pk)


def report_received(report: Report, *, actor: User) -> None:
    """A complaint was accepted."""
    _record(
        AuditKind.REPORT_RECEIVED,
        actor=actor,
        content_id=report.content_id,
        case_id=report.case_id,
        report=report.pk,
        source=report.source,
    )


def contents_scored(contents: Sequence[Content], *, model_version: ModelVersion) -> None:
    """A batch was scored by a model version; one event a content, one statement."""
    AuditEvent.objects.bulk_create(
        _event(AuditKind.CONTENT_SCORED, content_id=content.pk, model=model_version.number) for content in contents
    )


def scoring_failed(content: Content, *, error: str, attempts: int) -> None:
    """A content could not be scored; ``error`` is the exception's class name."""
    _record(AuditKind.SCORING_FAILED, content_id=content.pk, error=error, attempts=attempts)


def case_opened(case: Case) -> None:
    """A case was routed to a queue."""
    _record(
        AuditKind.CASE_OPENED,
        content_id=case.content_id,
        case_id=case.pk,
        queue=case.queue.slug,
        why_shown=case.why_shown,
        priority=case.priority,
    )


def case_withdrawn(case: Case, *, actor: User) -> None:
    """A case ended because its content was deleted upstream."""
    _record(AuditKind.CASE_WITHDRAWN, actor=actor, content_id=case.content_id, case_id=case.pk)


def review_claimed(review: Review, *, actor: User, evidence: int) -> None:
    """Someone took the lease of a review; from here they were shown the evidence."""
    _record(
        AuditKind.REVIEW_CLAIMED,
        actor=actor,
        case_id=review.case_id,
        review=review.pk,
        evidence=evidence,
        token=review.lease_token,
    )


def review_released(review: Review, *, actor: User) -> None:
    """Someone gave a lease back."""
    _record(AuditKind.REVIEW_RELEASED, actor=actor, case_id=review.case_id, review=review.pk)


def review_skipped(review: Review, *, actor: User, reason: str) -> None:
    """Someone passed a case over; ``reason`` is one of the fixed codes."""
    _record(AuditKind.REVIEW_SKIPPED, actor=actor, case_id=review.case_id, review=review.pk, reason=reason)


def review_escalated(review: Review, *, actor: User, queue: str) -> None:
    """Someone handed a case to the escalation queue."""
    _record(AuditKind.REVIEW_ESCALATED, actor=actor, case_id=review.case_id, review=review.pk, queue=queue)


def review_reserved(review: Review, *, actor: User) -> None:
    """Someone's next case was leased to them ahead; they have been shown nothing of it."""
    _record(AuditKind.REVIEW_RESERVED, actor=actor, case_id=review.case_id, review=review.pk)


def review_taken_over(review: Review, *, actor: User, holder: User | None) -> None:
    """A lead took a case from its holder."""
    _record(
        AuditKind.REVIEW_TAKEN_OVER,
        actor=actor,
        case_id=review.case_id,
        review=review.pk,
        holder=holder.pk if holder else None,
    )


def batch_decided(batch: Batch, *, actor: User, cases: int) -> None:
    """Someone decided many cases as one; each case's own event follows as it is decided."""
    _record(AuditKind.BATCH_DECIDED, actor=actor, cases=cases, sampled=batch.sample_count, **_of_batch(batch))


def batch_stopped(batch: Batch, *, actor: User) -> None:
    """Someone stopped a batch halfway; what was decided stays so."""
    _record(AuditKind.BATCH_STOPPED, actor=actor, **_of_batch(batch))


def batch_undone(batch: Batch, *, actor: User) -> None:
    """Someone took a batch back as a whole."""
    _record(AuditKind.BATCH_UNDONE, actor=actor, **_of_batch(batch))


def batch_ended(batch: Batch, *, counts: Mapping[str, int]) -> None:
    """All cases of a batch have been gone through; how many came to what."""
    _record(AuditKind.BATCH_ENDED, actor=batch.made_by, counts=dict(counts), **_of_batch(batch))


def lease_expired(*, review: int, case: int, holder: User | None) -> None:
    """A lease ran out and the review waits again."""
    _record(AuditKind.LEASE_EXPIRED, actor=holder, case_id=case, review=review)


def review_judged(judgement: Judgement, *, standing: str) -> None:
    """A judgement was given that does not bind by itself; what it says is not told, since others still judge."""
    review = judgement.review
    _record(
        AuditKind.REVIEW_JUDGED,
        actor=judgement.reviewer,
        case_id=review.case_id,
        review=review.pk,
        judgement=judgement.pk,
        standing=standing,
    )


def judgement_withdrawn(judgement: Judgement, *, actor: User) -> None:
    """Someone took back a judgement that nobody had built on."""
    _record(
        AuditKind.JUDGEMENT_WITHDRAWN,
        actor=actor,
        case_id=judgement.review.case_id,
        review=judgement.review_id,
        judgement=judgement.pk,
    )


def escalation_undone(escalation: Escalation, *, actor: User) -> None:
    """Someone took back an escalation."""
    _record(
        AuditKind.ESCALATION_UNDONE,
        actor=actor,
        case_id=escalation.review.case_id,
        review=escalation.review_id,
        queue=escalation.from_queue.slug,
    )


def decision_held(hold: Hold, *, actor: User) -> None:
    """A judgement waits for a second person."""
    _record(AuditKind.DECISION_HELD, actor=actor, **_of_hold(hold), reason=hold.reason)


def hold_approved(hold: Hold, *, actor: User) -> None:
    """A second person let a held judgement bind."""
    _record(AuditKind.HOLD_APPROVED, actor=actor, **_of_hold(hold))


def hold_rejected(hold: Hold, *, actor: User) -> None:
    """A second person sent a held judgement back."""
    _record(AuditKind.HOLD_REJECTED, actor=actor, **_of_hold(hold))


def audit_drawn(drawn: AuditDraw, *, content_id: int, case: Case | None) -> None:
    """A wording was drawn for a random audit, with a known probability."""
    _record(
        AuditKind.AUDIT_DRAWN,
        content_id=content_id,
        revision=drawn.revision_id,
        probability=drawn.probability,
        case=case.pk if case else None,
    )


def quality_measured(report: QualityReport) -> None:
    """Agreement, or what is missed, was measured."""
    _record(AuditKind.QUALITY_MEASURED, report=report.pk, measured=report.kind)


def case_decided(decision: Decision, *, actor: User | None) -> None:
    """A judgement became binding."""
    _record(AuditKind.CASE_DECIDED, actor=actor, **_of_decision(decision))


def decision_undone(decision: Decision, *, actor: User) -> None:
    """The decider took their decision back."""
    _record(AuditKind.DECISION_UNDONE, actor=actor, **_of_decision(decision))


def decision_overridden(decision: Decision, *, actor: User) -> None:
    """A senior replaced a decision."""
    _record(AuditKind.DECISION_OVERRIDDEN, actor=actor, **_of_decision(decision))


def appeal_opened(appeal: Appeal, *, actor: User | None) -> None:
    """A decision was contested: by the platform, or (no actor) through the signed link."""
    _record(AuditKind.APPEAL_OPENED, actor=actor, case_id=appeal.decision.case_id, appeal=appeal.pk)


def appeal_resolved(appeal: Appeal, *, actor: User) -> None:
    """An appeal was decided."""
    _record(
        AuditKind.APPEAL_RESOLVED,
        actor=actor,
        case_id=appeal.decision.case_id,
        appeal=appeal.pk,
        state=appeal.state,
    )


def model_registered(version: ModelVersion, *, actor: User | None) -> None:
    """A model file was taken into the store."""
    _record(AuditKind.MODEL_REGISTERED, actor=actor, model=version.number, sha256=version.sha256)


def model_trained(version: ModelVersion, *, actor: User | None) -> None:
    """A candidate was trained from a frozen training set."""
    _record(
        AuditKind.MODEL_TRAINED,
        actor=actor,
        model=version.number,
        parent=version.parent.number if version.parent else None,
        training_set=version.training_set_id,
    )


def model_shadowed(version: ModelVersion, *, actor: User) -> None:
    """A version began to score live traffic without a say in it."""
    _record(AuditKind.MODEL_SHADOWED, actor=actor, model=version.number)


def model_refused(version: ModelVersion, *, actor: User | None, gates: Sequence[str]) -> None:
    """A candidate failed its gates, which are named, or a person refused it after its shadow (no gates)."""
    _record(AuditKind.MODEL_REFUSED, actor=actor, model=version.number, gates=list(gates))


def model_promoted(version: ModelVersion, *, actor: User | None, previous: int | None) -> None:
    """A version became champion."""
    _record(AuditKind.MODEL_PROMOTED, actor=actor, model=version.number, previous=previous)


def model_rolled_back(version: ModelVersion, *, actor: User | None, previous: int) -> None:
    """An earlier version became champion again."""
    _record(AuditKind.MODEL_ROLLED_BACK, actor=actor, model=version.number, previous=previous)


def automation_calibrated(calibration: AutomationThreshold, *, actor: User) -> None:
    """The score from which a policy's precision is guaranteed was looked for."""
    _record(
        AuditKind.AUTOMATION_CALIBRATED,
        actor=actor,
        policy=calibration.policy.slug,
        model=calibration.model_version.number,
        recalibration=calibration.recalibration,
        precision=calibration.precision,
        threshold=calibration.threshold,
        delta_spent=calibration.delta_spent,
    )


def key_issued(key: ApiKey, *, actor: User | None) -> None:
    """An API key was made."""
    _record(AuditKind.KEY_ISSUED, actor=actor, key=key.pk, user=key.user_id, scopes=list(key.scopes))


def key_revoked(key: ApiKey, *, actor: User | None) -> None:
    """An API key was revoked."""
    _record(AuditKind.KEY_REVOKED, actor=actor, key=key.pk)


def admin_changed(
    *, actor: User, model: str, pk: object, change: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """An administrator added, changed or deleted a row; old and new values of what changed."""
    _record(
        AuditKind.ADMIN_CHANGED,
        actor=actor,
        model=model,
        pk=str(pk),
        change=change,
        old=dict(old),
        new=dict(new),
    )


def rule_created(rule: RoutingRule, *, actor: User) -> None:
    """A routing rule was drafted."""
    _record(AuditKind.RULE_CREATED, actor=actor, rule=rule.pk, replaces=rule.replaces_id)


def rule_changed(rule: RoutingRule, *, actor: User, fields: Sequence[str], before: str) -> None:
    """A draft was edited, or a rule's state changed; the rule itself keeps what it asks."""
    _record(
        AuditKind.RULE_CHANGED,
        actor=actor,
        rule=rule.pk,
        version=rule.version,
        fields=list(fields),
        before=before,
        state=rule.state,
    )


def rule_moved(rule: RoutingRule, *, actor: User, before: int, after: int) -> None:
    """A rule got another place in the order."""
    _record(AuditKind.RULE_MOVED, actor=actor, rule=rule.pk, before=before, after=after)


def rule_deleted(rule: RoutingRule, *, actor: User) -> None:
    """A draft was thrown away."""
    _record(AuditKind.RULE_DELETED, actor=actor, rule=rule.pk, version=rule.version)


def backtest_requested(backtest: Backtest, *, actor: User) -> None:
    """Someone asked what a rule would have done."""
    _record(
        AuditKind.BACKTEST_REQUESTED,
        actor=actor,
        backtest=backtest.pk,
        rule=backtest.rule_id,
        version=backtest.rule_version,
        days=backtest.days,
    )


def backtest_ended(backtest: Backtest, *, actor: User | None) -> None:
    """A backtest is done, was cancelled or failed."""
    _record(
        AuditKind.BACKTEST_ENDED,
        actor=actor,
        backtest=backtest.pk,
        rule=backtest.rule_id,
        state=backtest.state,
        looked_at=backtest.looked_at,
    )


def bank_changed(bank: Bank, *, actor: User, change: str) -> None:
    """A bank was added, or something about it changed."""
    _record(AuditKind.BANK_CHANGED, actor=actor, bank=bank.slug, change=change, active=bank.is_active)


def bank_entry_changed(entry: BankEntry, *, actor: User, change: str) -> None:
    """An entry was added, changed or removed; its text stays out of the record."""
    _record(
        AuditKind.BANK_ENTRY_CHANGED,
        actor=actor,
        bank=entry.bank.slug,
        entry=entry.pk,
        change=change,
        owner=entry.owner_id,
        expires_at=entry.expires_at.isoformat() if entry.expires_at else None,
    )


def deliveries_dead(deliveries: Sequence[Delivery]) -> None:
    """Deliveries were given up."""
    AuditEvent.objects.bulk_create(
        _event(
            AuditKind.DELIVERY_DEAD,
            content_id=delivery.message.content_id,
            message=delivery.message_id,
            endpoint=delivery.endpoint_id,
            attempts=delivery.attempts,
        )
        for delivery in deliveries
    )


def deliveries_replayed(deliveries: Sequence[Delivery], *, actor: User) -> None:
    """Dead letters were queued again, or cancelled because they were superseded."""
    AuditEvent.objects.bulk_create(
        _event(
            AuditKind.DELIVERY_REPLAYED,
            actor=actor,
            content_id=delivery.message.content_id,
            message=delivery.message_id,
            endpoint=delivery.endpoint_id,
            state=delivery.state,
        )
        for delivery in deliveries
    )


def webhook_changed(endpoint: WebhookEndpoint, *, actor: User | None, change: str) -> None:
    """An endpoint was added, changed, pinged or switched off, or its secret rotated; its address stays out."""
    _record(
        AuditKind.WEBHOOK_CHANGED,
        actor=actor,
        endpoint=endpoint.pk,
        change=change,
        active=endpoint.is_active,
        concurrency=endpoint.concurrency,
    )


def _of_hold(hold: Hold) -> dict[str, Any]:
    return {"case_id": hold.case_id, "hold": hold.pk, "judgement": hold.judgement_id}


def _of_batch(batch: Batch) -> dict[str, Any]:
    return {
        "batch": batch.pk,
        "mode": batch.mode,
        "state": batch.state,
        "verdict": batch.verdict,
        "policies": list(batch.policies),
        "actions": list(batch.actions),
        "group": batch.group_id,
        "account": batch.account_id,
    }


def _of_decision(decision: Decision) -> dict[str, Any]:
    return {
        "case_id": decision.case_id,
        "content_id": decision.case.content_id,
        "decision": decision.pk,
        "supersedes": decision.supersedes_id,
        "verdict": decision.verdict,
        "policies": list(decision.policies),
        "actions": list(decision.actions),
    }
