"""Taking in content and reports. What was accepted is durable before the answer goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from moderation import audit, enqueue
from moderation.digests import keyed_digest
from moderation.enums import CaseStatus, ReportOutcome, ReportSource, ReviewState, ScoringState, Verdict, WhyShown
from moderation.errors import InvalidInput, NotFound
from moderation.models import Account, Case, Content, ContentRevision, Policy, Report, Review, User
from moderation.selectors import cases


@dataclass(frozen=True, slots=True)
class AccountInput:
    """An account as the platform tells of it."""

    id: str
    created_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContentInput:
    """A content as the platform sends it; ``thread`` holds author, text and created_at of what stands around it."""

    id: str
    type: str
    text: str
    created_at: datetime
    url: str = ""
    language: str = ""
    thread: Sequence[Mapping[str, str]] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportInput:
    """A complaint as the platform sends it."""

    content: ContentInput
    author: AccountInput
    source: str
    reporter_id: str | None = None
    policy: str | None = None
    note: str = ""


@transaction.atomic
def receive_report(*, submitted: ReportInput, acting_user: User) -> Report:
    """Take in a complaint with the content it is about; scoring and routing follow in a worker.

    A report on what people have already judged in the same wording takes that outcome, unless it comes from a
    trusted flagger or is a legal notice. Raises ``InvalidInput`` for an unknown policy.
    """
    policy = _policy(submitted.policy)
    accounts = _upsert_accounts([submitted.author, *_reporter(submitted.reporter_id)])
    content, revision = _upsert_content(
        submitted.content, author=accounts[submitted.author.id], acting_user=acting_user
    )
    report = Report(
        content=content,
        revision=revision,
        reporter=accounts[submitted.reporter_id] if submitted.reporter_id else None,
        source=submitted.source,
        policy=policy,
        note=submitted.note,
        sent_by=acting_user,
    )
    settled = cases.settled_decision(revision) if _may_be_settled(submitted.source) else None
    if settled is not None:
        report.case = settled.case
        report.outcome = ReportOutcome.UPHELD if settled.verdict == Verdict.VIOLATES else ReportOutcome.NOT_UPHELD
    else:
        report.case = Case.objects.filter(content=content, status=CaseStatus.OPEN).first()
        _mark_pending(content)
    report.save(force_insert=True)
    audit.report_received(report, actor=acting_user)
    return report


@transaction.atomic
def receive_content(*, submitted: ContentInput, author: AccountInput, acting_user: User) -> Content:
    """Take in a content without a complaint (proactive scanning); the same id with another text is a new revision."""
    accounts = _upsert_accounts([author])
    content, _ = _upsert_content(submitted, author=accounts[author.id], acting_user=acting_user)
    return content


@transaction.atomic
def withdraw_content(*, external_id: str, acting_user: User) -> Content:
    """The platform deleted the content: what is open is closed. Raises ``NotFound``."""
    content = Content.objects.select_for_update(no_key=True).filter(external_id=external_id).first()
    if content is None:
        raise NotFound("There is no content with this id.")
    if content.withdrawn_at is None:
        close_content(content, acting_user=acting_user)
    return content


def close_content(content: Content, *, acting_user: User) -> None:
    """Close what is open on a content that is locked: it waits for no score, no review and no outcome any more."""
    content.withdrawn_at = timezone.now()
    if content.scoring_state == ScoringState.PENDING:
        content.scoring_state = ScoringState.CLOSED
    content.save(update_fields=["withdrawn_at", "scoring_state"])
    audit.content_withdrawn(content, actor=acting_user)
    for case in Case.including_golden.select_for_update(no_key=True).filter(content=content, status=CaseStatus.OPEN):
        _withdraw_case(case, acting_user=acting_user)
    content.reports.filter(outcome=ReportOutcome.PENDING).update(outcome=ReportOutcome.WITHDRAWN)


def _withdraw_case(case: Case, *, acting_user: User) -> None:
    case.status = CaseStatus.WITHDRAWN
    case.closed_at = timezone.now()
    case.version += 1
    case.save(update_fields=["status", "closed_at", "version"])
    Review.objects.filter(case=case, state__in=[ReviewState.WAITING, ReviewState.LEASED]).update(
        state=ReviewState.CANCELLED
    )
    audit.case_withdrawn(case, actor=acting_user)


def _policy(slug: str | None) -> Policy | None:
    if slug is None:
        return None
    policy = Policy.objects.filter(slug=slug, is_active=True).first()
    if policy is None:
        raise InvalidInput("There is no active policy with this slug.", pointer="/policy")
    return policy


def _reporter(reporter_id: str | None) -> list[AccountInput]:
    return [AccountInput(id=reporter_id)] if reporter_id else []


def _upsert_accounts(submitted: Sequence[AccountInput]) -> dict[str, Account]:
    """The accounts by the platform's id. Rows are made in id order, so that two requests never wait in a ring."""
    ids = sorted({account.id for account in submitted})
    found = Account.objects.in_bulk(ids, field_name="external_id")
    missing = [external_id for external_id in ids if external_id not in found]
    if missing:
        Account.objects.bulk_create([Account(external_id=i) for i in missing], ignore_conflicts=True)
        found = Account.objects.in_bulk(ids, field_name="external_id")
    changed = []
    for told in sorted(submitted, key=lambda account: account.id):
        account = found[told.id]
        if _tell(account, told):
            changed.append(account)
    if changed:
        Account.objects.bulk_update(changed, ["created_at", "attributes"])
    return found


def _tell(account: Account, told: AccountInput) -> bool:
    """Take over what the platform told anew; whether anything changed."""
    before = (account.created_at, account.attributes)
    if told.created_at is not None:
        account.created_at = told.created_at
    if told.attributes:
        account.attributes = dict(told.attributes)
    return before != (account.created_at, account.attributes)


def _upsert_content(submitted: ContentInput, *, author: Account, acting_user: User) -> tuple[Content, ContentRevision]:
    """The content, locked, and the revision with the submitted text."""
    content = _lock_content(submitted.id)
    if content is None:
        inserted = Content(
            external_id=submitted.id,
            type=submitted.type,
            author=author,
            url=submitted.url,
            language=submitted.language,
            attributes=dict(submitted.attributes),
            created_at=submitted.created_at,
        )
        Content.objects.bulk_create([inserted], ignore_conflicts=True)
        content = _lock_content(submitted.id)
        if content is None:  # pragma: no cover - the insert above made it, or met it
            raise NotFound("The content vanished while it was received.")
    if submitted.attributes and content.attributes != submitted.attributes:
        content.attributes = dict(submitted.attributes)
        content.save(update_fields=["attributes"])
        if content.current_revision_id is not None:
            _mark_pending(content)  # rules may ask of them, and the reach they tell of counts
    revision = content.current_revision
    digest = keyed_digest(submitted.text)
    if revision is None or revision.digest != digest or revision.erased_at is not None:
        revision = _add_revision(content, submitted, digest=digest, acting_user=acting_user)
    if content.withdrawn_at is not None:
        content.withdrawn_at = None
        _mark_pending(content)
        content.save(update_fields=["withdrawn_at"])
    return content, revision


def _lock_content(external_id: str) -> Content | None:
    # Without a join: after waiting for the lock PostgreSQL reads the row anew, but not what was joined to it.
    return Content.objects.select_for_update(no_key=True).filter(external_id=external_id).first()


def _add_revision(content: Content, submitted: ContentInput, *, digest: str, acting_user: User) -> ContentRevision:
    before = content.current_revision
    revision = ContentRevision.objects.create(
        content=content,
        number=before.number + 1 if before else 1,
        text=submitted.text,
        digest=digest,
        thread=[dict(message) for message in submitted.thread],
    )
    content.current_revision = revision
    content.scoring_state = ScoringState.PENDING
    content.scoring_attempts = 0
    content.save(update_fields=["current_revision", "scoring_state", "scoring_attempts"])
    enqueue.nudge_scoring()
    if before is None:
        audit.content_received(content, actor=acting_user)
    else:
        audit.content_revised(content, actor=acting_user, revision=revision.number)
        _bump_open_case(content, acting_user=acting_user)
    return revision


def _bump_open_case(content: Content, *, acting_user: User) -> None:
    """What moderators see changes, so a judgement on the old wording must not go through unnoticed.

    Of a golden case the truth is that of the old wording: it ends.
    """
    for case in Case.including_golden.select_for_update(no_key=True).filter(content=content, status=CaseStatus.OPEN):
        if case.why_shown == WhyShown.GOLDEN:
            _withdraw_case(case, acting_user=acting_user)
            continue
        case.version += 1
        case.save(update_fields=["version"])


def _mark_pending(content: Content) -> None:
    """Have a worker score (unless the champion already has) and route the content."""
    if content.scoring_state != ScoringState.PENDING:
        content.scoring_state = ScoringState.PENDING
        content.scoring_attempts = 0
        content.save(update_fields=["scoring_state", "scoring_attempts"])
    enqueue.nudge_scoring()


def _may_be_settled(source: str) -> bool:
    return source in {ReportSource.USER, ReportSource.AUTOMATED}
