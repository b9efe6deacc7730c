"""Rules, backtests and banks as the API shows them."""

from typing import Any

from moderation.conditions.vocabulary import FACTS, OPERATORS
from moderation.models import Backtest, Bank, BankEntry, RoutingRule
from moderation.selectors import backtests, rules
from moderation.selectors.banks import Preview
from moderation.selectors.rule_records import Record


def rule(row: RoutingRule) -> dict[str, Any]:
    """One rule with its record and what is wrong with it."""
    return rule_list([row])[0]


def rule_list(rows: list[RoutingRule]) -> list[dict[str, Any]]:
    """Rules of a list; what belongs to them is read once for all."""
    names, records, findings = rules.names_of_things(), rules.recent_records(rows), rules.findings()
    return [
        {
            "id": row.pk,
            "position": row.position,
            "name": row.name,
            "state": row.state,
            "version": row.version,
            "condition": row.condition,
            "words": rules.words(row, names),
            "queue": row.queue.slug,
            "opens_cases": row.opens_cases,
            "priority_boost": row.priority_boost,
            "holds_for_senior": row.holds_for_senior,
            "automates": row.automates.slug if row.automates else None,
            "automatic_actions": row.automatic_actions,
            "audit_rate": row.audit_rate,
            "replaces": row.replaces_id,
            "created_at": row.created_at,
            "record": _record(records[row.pk]),
            "findings": [
                {"kind": finding.kind, "other_rule": finding.other_id, "sentence": finding.sentence}
                for finding in findings
                if finding.rule_id == row.pk
            ],
        }
        for row in rows
    ]


def _record(record: Record) -> dict[str, Any]:
    return {
        "hits": record.hits,
        "judged": record.judged,
        "upheld": record.upheld,
        "precision": record.precision,
    }


def backtest(row: Backtest) -> dict[str, Any]:
    """A backtest with what it has found so far."""
    report = backtests.report(row)
    return {
        "id": row.pk,
        "rule": row.rule_id,
        "rule_version": row.rule_version,
        "state": row.state,
        "days": row.days,
        "available": row.available,
        "total": row.total,
        "looked_at": row.looked_at,
        "counts": report.counts,
        "moves": [{"from": move.before, "to": move.after, "count": move.count} for move in report.moves],
        "overlaps": [
            {"rule": one.rule_id, "name": one.name, "decides": one.decides, "count": one.count}
            for one in report.overlaps
        ],
        "examples": {
            kind: [content.external_id for content in found if content.external_id]
            for kind, found in report.examples.items()
        },
        "error": row.error,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


def vocabulary() -> list[dict[str, Any]]:
    """Every fact with what can be asked of it."""
    return [
        {
            "name": fact.name,
            "label": fact.label,
            "of": fact.of,
            "names": fact.names,
            "operators": [
                {"name": operator.name, "takes": operator.takes} for operator in OPERATORS[fact.kind].values()
            ],
        }
        for fact in FACTS.values()
    ]


def bank(row: Bank) -> dict[str, Any]:
    """A bank as ``selectors.banks.banks`` reads it."""
    return {
        "slug": row.slug,
        "name": row.name,
        "kind": row.kind,
        "policy": row.policy.slug,
        "is_active": row.is_active,
        "entries": vars(row)["in_force"],
    }


def entry(row: BankEntry) -> dict[str, Any]:
    """An entry as ``selectors.banks.entries`` reads it."""
    return {
        "id": row.pk,
        "bank": row.bank.slug,
        "value": row.value,
        "note": row.note,
        "owner": row.owner.username if row.owner else None,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "hits": vars(row)["hit_count"],
        "last_hit_at": vars(row)["last_hit"],
    }


def preview(seen: Preview) -> dict[str, Any]:
    """What an entry would have caught."""
    return {
        "days": seen.days,
        "available": seen.available,
        "looked_at": seen.looked_at,
        "caught": seen.caught,
        "examples": [content.external_id for content in seen.examples if content.external_id],
    }
