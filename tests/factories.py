"""Rows for tests, made through the services wherever one exists."""

import itertools
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from rest_framework.test import APIClient

from moderation.enums import Role, RuleState, Scope
from moderation.models import (
    Bank,
    BankEntry,
    Case,
    Content,
    GoldenItem,
    Policy,
    QualityPlan,
    Queue,
    RoutingRule,
    User,
)
from moderation.services import access, banks, claims, decisions, scoring, seeding
from moderation.services.intake import (
    AccountInput,
    ContentInput,
    ReportInput,
    receive_content,
    receive_report,
)

_numbers = itertools.count(1)
ABUSIVE = "you are a worthless pathetic idiot and everyone here hates you, loser"
SPAM = "FREE gift card!!! claim your prize now, text WIN to 80086, call now to claim cash prize"
BENIGN = "does anyone have a good recipe for lentil soup?"


def installation() -> None:
    """Policies, queues, routing rules and the starter model."""
    seeding.seed_defaults()


def user(username: str, *, role: str = Role.MODERATOR, **fields: Any) -> User:
    """A person with the password ``password``."""
    return User.objects.create_user(username=username, password="password", role=role, **fields)


def api_client(person: User, *scopes: str) -> APIClient:
    """A client that sends a fresh key of the person, with all scopes unless some are named."""
    _, secret = access.issue_key(user=person, name="test", scopes=scopes or Scope.values, acting_user=None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def content_input(text: str = ABUSIVE, **fields: Any) -> ContentInput:
    """A content as a platform sends it, under a fresh id."""
    values: dict[str, Any] = {
        "id": f"c-{next(_numbers)}",
        "type": "message",
        "text": text,
        "created_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    }
    return ContentInput(**{**values, **fields})


def report_input(text: str = ABUSIVE, **fields: Any) -> ReportInput:
    """A user's report on a fresh content."""
    content = {key: fields.pop(key) for key in ("id", "language", "thread", "url") if key in fields}
    values: dict[str, Any] = {
        "content": content_input(text, **content),
        "author": AccountInput(id=fields.pop("author", "author-1")),
        "source": "user",
        "reporter_id": "reporter-1",
    }
    return ReportInput(**{**values, **fields})


def content(text: str = ABUSIVE, *, sent_by: User, **fields: Any) -> Content:
    """A content taken in, not scored."""
    return receive_content(
        submitted=content_input(text, **fields), author=AccountInput(id="author-1"), acting_user=sent_by
    )


def score_all() -> None:
    """Score and route everything pending."""
    while scoring.score_pending(limit=settings.SCORING_BATCH):
        pass


def case(text: str = ABUSIVE, *, sent_by: User, **fields: Any) -> Case:
    """An open case of a fresh reported content, scored and routed."""
    report = receive_report(submitted=report_input(text, **fields), acting_user=sent_by)
    score_all()
    report.refresh_from_db()
    assert report.case is not None
    return report.case


def claim(case: Case, person: User) -> claims.Claim:
    """The person's lease on this very case."""
    return claims.claim_case(case=case, acting_user=person)


def decide(claim: claims.Claim, person: User, verdict: str = "violates", **fields: Any) -> Any:
    """The person decides what they hold; a violation is of harassment unless ``policies`` says otherwise."""
    return decisions.decide(acting_user=person, **_judged(claim, verdict, fields))


def rule(condition: Any = None, *, queue: Queue, state: str = RuleState.LIVE, **fields: Any) -> RoutingRule:
    """A rule in front of all others, live unless said otherwise; without a condition it always matches."""
    values = {"position": 0, "name": f"rule {next(_numbers)}", "condition": condition or {"all": []}, **fields}
    return RoutingRule.objects.create(queue=queue, state=state, **values)


def bank_entry(kind: str, value: str, *, by: User, policy: str = "hate", **fields: Any) -> BankEntry:
    """An entry of the kind's bank, which is made if new."""
    bank = Bank.objects.filter(slug=kind).first() or banks.create(
        slug=kind, name=f"{kind} bank", kind=kind, policy=policy, acting_user=by
    )
    return banks.add_entry(bank=bank, value=value, acting_user=by, **fields)


def judge(claim: claims.Claim, person: User, verdict: str = "violates", **fields: Any) -> decisions.Outcome:
    """The person judges what they hold, whatever comes of it; as ``decide`` otherwise."""
    return decisions.judge(acting_user=person, **_judged(claim, verdict, fields))


def _judged(claim: claims.Claim, verdict: str, fields: dict[str, Any]) -> dict[str, Any]:
    if verdict == "violates":
        fields = {"policies": ["harassment"], "actions": ["remove"], **fields}
    return {
        "case_id": claim.review.case_id,
        "lease_token": claim.review.lease_token or 0,
        "version": claim.evidence.case_version,
        "evidence_id": claim.evidence.pk,
        "opinion": decisions.Opinion(verdict=verdict, **fields),
    }


def plan(**rates: Any) -> None:
    """Check the judgements of every queue by this plan."""
    for queue in Queue.objects.all():
        QualityPlan.objects.update_or_create(queue=queue, defaults=rates)


def golden_item(
    violated: list[str], *, sent_by: User, decided_by: User, text: str = ABUSIVE, **fields: Any
) -> GoldenItem:
    """A golden item whose text has had a case, decided by someone, in the queue it was routed to."""
    decided = case(text, sent_by=sent_by, **fields)
    decide(claim(decided, decided_by), decided_by, "violates" if violated else "ok")
    revision = decided.content.current_revision
    truth = {slug: slug in violated for slug in Policy.objects.values_list("slug", flat=True)}
    return GoldenItem.objects.create(revision=revision, truth=truth)


def report_body(text: str = ABUSIVE, **content: Any) -> dict[str, Any]:
    """A valid body of ``POST /reports`` on a fresh content."""
    return {
        "content": {
            "id": f"c-{next(_numbers)}",
            "type": "message",
            "text": text,
            "created_at": "2026-01-02T03:04:05Z",
            **content,
        },
        "author": {"id": "author-1", "created_at": "2025-01-01T00:00:00Z"},
        "reporter": {"id": "reporter-1"},
        "source": "user",
    }
