"""Rules as administrators see them: their order, what is wrong with it, and each rule's record."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from moderation.conditions import wording
from moderation.conditions.implication import implies
from moderation.conditions.parsing import Known, parse
from moderation.enums import ReportSource, RuleState
from moderation.errors import NotFound
from moderation.models import Bank, ChangeStamp, Policy, Queue, RoutingRule
from moderation.selectors import rule_records
from moderation.selectors.rule_records import Record
from moderation.selectors.rule_sets import Rule, Spec

RECORD_DAYS = 90


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with two rules: ``unreachable`` (the other, earlier one takes all that it asks for),
    ``contradiction`` (besides, both ask for the same with another outcome) or ``repetition`` (with the same outcome).
    """

    kind: str
    rule_id: int
    other_id: int
    other_name: str

    @property
    def sentence(self) -> str:
        """The finding in words."""
        if self.kind == "contradiction":
            return f"Asks for the same as “{self.other_name}”, which stands before it and does something else."
        if self.kind == "repetition":
            return f"Adds nothing to “{self.other_name}”, which stands before it and does the same."
        return f"Is never reached: “{self.other_name}”, which stands before it, takes all that it asks for."


@dataclass(frozen=True, slots=True)
class Row:
    """A rule in the list, with its place, its condition in words, its record and what is wrong with it."""

    place: int
    rule: RoutingRule
    words: str
    record: Record
    findings: Sequence[Finding]


def ordered() -> QuerySet[RoutingRule]:
    """The rules that are in the order: all but the retired."""
    return RoutingRule.objects.exclude(state=RuleState.RETIRED).select_related(
        "queue__escalates_to", "automates", "replaces"
    )


def in_state(state: str) -> QuerySet[RoutingRule]:
    """The rules in one state."""
    return RoutingRule.objects.filter(state=state).select_related("queue__escalates_to", "automates", "replaces")


def recent_records(rules: Sequence[RoutingRule]) -> dict[int, Record]:
    """What each rule hit in the last ``RECORD_DAYS`` days."""
    since = timezone.now() - timedelta(days=RECORD_DAYS)
    found = rule_records.records([rule.pk for rule in rules], since=since)
    return {rule.pk: found.get(rule.pk, Record(0, 0, 0)) for rule in rules}


def get(rule_id: int) -> RoutingRule:
    """The rule; raises ``NotFound``."""
    rule = (
        RoutingRule.objects.select_related("queue__escalates_to", "automates", "replaces", "created_by")
        .filter(pk=rule_id)
        .first()
    )
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


def listed() -> list[Row]:
    """The rules in order, each with its record of the last ``RECORD_DAYS`` days."""
    rules = list(ordered())
    records = recent_records(rules)
    found = findings()
    names = names_of_things()
    return [
        Row(
            place,
            rule,
            words(rule, names),
            records[rule.pk],
            [finding for finding in found if finding.rule_id == rule.pk],
        )
        for place, rule in enumerate(rules, start=1)
    ]


def words(rule: RoutingRule, names: dict[str, str] | None = None) -> str:
    """The rule's condition as a phrase."""
    return wording.words(parse(rule.condition), names_of_things() if names is None else names)


def names_of_things() -> dict[str, str]:
    """Slug to name of every policy and bank, and what the sources of reports are called."""
    return {
        **{value: label.lower() for value, label in ReportSource.choices},
        **dict(Bank.objects.values_list("slug", "name")),
        **dict(Policy.objects.values_list("slug", "name")),
    }


def known() -> Known:
    """What a condition may name."""
    return Known(
        frozenset(Policy.objects.values_list("slug", flat=True)),
        frozenset(Bank.objects.values_list("slug", flat=True)),
    )


def open_queues() -> list[Queue]:
    """Where a rule may send a case."""
    return list(Queue.objects.filter(is_active=True))


def findings() -> tuple[Finding, ...]:
    """What the form of the rules alone shows to be wrong, for each rule that is not retired."""
    stamp = ChangeStamp.objects.filter(pk="rules").values_list("value", flat=True).first()
    return tuple(_findings()) if stamp is None else _kept_findings(stamp)


@lru_cache(maxsize=4)
def _kept_findings(stamp: UUID) -> tuple[Finding, ...]:
    return tuple(_findings())


def _findings() -> Iterator[Finding]:
    earlier: list[Rule] = []
    for row in ordered():
        rule = Rule.of(Spec.of(row))
        before = [other for other in earlier if other.spec.id != row.replaces_id]
        covering = next((other for other in before if covers(other, rule)), None)
        if covering is not None:
            yield Finding(_kind(covering, rule), row.pk, covering.spec.id, covering.spec.name)
        if row.state == RuleState.LIVE and row.queue.is_active:
            earlier.append(rule)


def covers(earlier: Rule, later: Rule) -> bool:
    """Whether all that the later rule could decide is seen to be decided by the earlier one."""
    kinds = [seen for seen in (True, False) if later.concerns(seen=seen)]
    return all(earlier.concerns(seen=seen) for seen in kinds) and implies(later.condition, earlier.condition)


def _kind(earlier: Rule, later: Rule) -> str:
    if earlier.spec.outcome == later.spec.outcome:
        return "repetition"
    return "contradiction" if implies(earlier.condition, later.condition) else "unreachable"
