"""What is held on an account, for the one it is about."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch

from moderation.errors import NotFound
from moderation.models import Account, Appeal, Case, Content, Decision, Report, Strike

_CHUNK = 500


def account_named(external_id: str) -> Account:
    """The account under the platform's id; raises ``NotFound``."""
    account = Account.objects.filter(external_id=external_id).first()
    if account is None:
        raise NotFound("There is no account with this id.")
    return account


def held_on(account: Account) -> Iterator[dict[str, Any]]:
    """One row a thing, each with its ``kind``: account, content, report, strike, appeal; in constant memory.

    Nothing of others: neither who reported nor who decided, nor the messages around a content.
    """
    yield {
        "kind": "account",
        "id": account.external_id,
        "created_at": _time(account.created_at),
        "first_seen_at": _time(account.first_seen_at),
        "attributes": account.attributes,
    }
    for content in _contents(account).iterator(chunk_size=_CHUNK):
        yield _content(content)
    for report in Report.objects.filter(reporter=account).select_related("content", "policy").iterator(_CHUNK):
        yield _report(report)
    for strike in Strike.objects.filter(account=account).select_related("policy").iterator(_CHUNK):
        yield {
            "kind": "strike",
            "decision": strike.decision_id,
            "policy": strike.policy.slug,
            "created_at": _time(strike.created_at),
            "lifted": strike.lifted_by_id is not None,
        }
    for appeal in Appeal.objects.filter(appellant=account).iterator(_CHUNK):
        yield {
            "kind": "appeal",
            "decision": appeal.decision_id,
            "statement": appeal.statement,
            "state": appeal.state,
            "created_at": _time(appeal.created_at),
            "resolved_at": _time(appeal.resolved_at),
        }


def _contents(account: Account) -> Any:
    cases = Case.objects.prefetch_related(Prefetch("decisions", Decision.objects.order_by("pk")))
    return (
        Content.objects.filter(author=account)
        .order_by("pk")
        .prefetch_related("revisions", Prefetch("cases", cases, to_attr="ordinary_cases"))
    )


def _content(content: Content) -> dict[str, Any]:
    cases: list[Case] = content.ordinary_cases  # type: ignore[attr-defined]  # by the prefetch above
    return {
        "kind": "content",
        "id": content.external_id,
        "type": content.type,
        "url": content.url,
        "language": content.language,
        "attributes": content.attributes,
        "created_at": _time(content.created_at),
        "received_at": _time(content.received_at),
        "withdrawn_at": _time(content.withdrawn_at),
        "revisions": [
            {"number": row.number, "text": row.text, "received_at": _time(row.received_at)}
            for row in sorted(content.revisions.all(), key=lambda row: row.number)
        ],
        "decisions": [
            {
                "id": row.pk,
                "kind": row.kind,
                "verdict": row.verdict,
                "policies": row.policies,
                "actions": row.actions,
                "supersedes": row.supersedes_id,
                "created_at": _time(row.created_at),
            }
            for case in cases
            for row in case.decisions.all()
        ],
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "kind": "report",
        "id": report.pk,
        "content": report.content.external_id,
        "source": report.source,
        "policy": report.policy.slug if report.policy else None,
        "note": report.note,
        "outcome": report.outcome,
        "received_at": _time(report.received_at),
    }


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
