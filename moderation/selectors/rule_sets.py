"""The rules in force, compiled once a change: a content's facts in, the rule that decides out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from moderation.conditions.evaluation import compiled
from moderation.conditions.facts import Facts
from moderation.conditions.parsing import Condition, parse
from moderation.digests import keyed_digest
from moderation.enums import RuleState
from moderation.models import ChangeStamp, Queue, RoutingRule

_HEX = 13  # digits of a digest that a float holds exactly


@dataclass(frozen=True, slots=True)
class Spec:
    """A rule as plain values: what a backtest freezes. ``queue`` is where its cases go, a hold taken into account."""

    id: int
    name: str
    condition: Mapping[str, Any]
    queue: str
    opens_cases: bool
    priority_boost: float
    holds_for_senior: bool
    automates: str | None
    automatic_actions: Sequence[str]
    audit_rate: float | None

    @classmethod
    def of(cls, rule: RoutingRule) -> "Spec":
        """The rule's values; reads its queue and policy."""
        return cls(
            id=rule.pk,
            name=rule.name,
            condition=rule.condition,
            queue=target(rule).slug,
            opens_cases=rule.opens_cases,
            priority_boost=rule.priority_boost,
            holds_for_senior=rule.holds_for_senior,
            automates=rule.automates.slug if rule.automates else None,
            automatic_actions=tuple(rule.automatic_actions),
            audit_rate=rule.audit_rate,
        )

    def as_json(self) -> dict[str, Any]:
        """For a column."""
        return asdict(self) | {"automatic_actions": list(self.automatic_actions)}

    @property
    def outcome(self) -> tuple[object, ...]:
        """What follows a match: two rules with the same outcome do not contradict each other."""
        return (
            self.queue,
            self.priority_boost,
            self.holds_for_senior,
            self.automates,
            tuple(sorted(self.automatic_actions)),
            self.audit_rate,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule."""

    spec: Spec
    condition: Condition
    matches: Callable[[Facts], bool]

    @classmethod
    def of(cls, spec: Spec) -> "Rule":
        """Compile the specification."""
        condition = parse(spec.condition)
        return cls(spec, condition, compiled(condition))

    def concerns(self, *, seen: bool) -> bool:
        """Whether the rule looks at such contents. ``seen``: people will look at it with or without the rule.

        An audit sample is drawn from what nobody would see; any other rule that opens no cases looks at the rest.
        """
        return self.spec.audit_rate is None if seen else self.spec.opens_cases


class RuleSet:
    """Rules in their order, some live, some in shadow."""

    def __init__(self, rules: Iterable[tuple[Rule, bool]], queues: Mapping[str, Queue]) -> None:
        """``rules``: each with whether it is live; ``queues``: what the slugs of their queues stand for."""
        ordered = list(rules)
        self.queues = queues
        self.live = tuple(rule for rule, is_live in ordered if is_live)
        self._shadow = tuple(rule for rule, is_live in ordered if not is_live)
        self._places = {rule.spec.id: place for place, (rule, _) in enumerate(ordered)}
        self._of = {seen: tuple(rule for rule in self.live if rule.concerns(seen=seen)) for seen in (True, False)}

    def first(self, facts: Facts, *, seen: bool) -> Rule | None:
        """The live rule that decides: the first that matches. ``seen``: see ``Rule.concerns``."""
        for rule in self._of[seen]:
            if rule.matches(facts):
                return rule
        return None

    def in_shadow(self, facts: Facts, *, seen: bool, decided: Rule | None) -> list[tuple[Rule, bool]]:
        """The rules in shadow that match, each with whether it would have decided instead."""
        hits = [rule for rule in self._shadow if rule.concerns(seen=seen) and rule.matches(facts)]
        place = self._places[decided.spec.id] if decided else len(self._places)
        return [(rule, self._places[rule.spec.id] < place) for rule in hits]

    @property
    def looks_beyond(self) -> bool:
        """Whether any rule looks at what nobody reported and nothing flagged."""
        return bool(self._of[False]) or any(rule.spec.opens_cases for rule in self._shadow)


def in_force() -> RuleSet:
    """The rules in force now; compiled anew only after a change of rules, queues or policies."""
    stamp = ChangeStamp.objects.filter(pk="rules").values_list("value", flat=True).first()
    return _load() if stamp is None else _loaded(stamp)


def rows() -> list[RoutingRule]:
    """The rules that are live or in shadow and whose queue is open, in order."""
    return list(
        RoutingRule.objects.filter(state__in=[RuleState.LIVE, RuleState.SHADOW], queue__is_active=True).select_related(
            "queue__escalates_to", "automates"
        )
    )


def target(rule: RoutingRule) -> Queue:
    """Where the rule's cases go: a hold for a senior is a queue that only seniors may claim from."""
    if not rule.holds_for_senior or rule.queue.seniors_only:
        return rule.queue
    escalation = rule.queue.escalates_to
    if escalation is not None and escalation.is_active and escalation.seniors_only:
        return escalation
    seniors = Queue.objects.filter(is_active=True, seniors_only=True).first()
    return seniors or rule.queue


def drawn(spec: Spec, *, revision_id: int) -> bool:
    """Whether the rule's audit sample takes the wording: a keyed draw, the same however often it is asked for."""
    if spec.audit_rate is None:
        return True
    digest = keyed_digest(f"audit sample of rule {spec.id}: revision {revision_id}")
    return int(digest[:_HEX], 16) / 16.0**_HEX < spec.audit_rate


@lru_cache(maxsize=4)
def _loaded(stamp: UUID) -> RuleSet:
    return _load()


def _load() -> RuleSet:
    found = rows()
    rules = [(Rule.of(Spec.of(row)), row.state == RuleState.LIVE) for row in found]
    queues = {queue.slug: queue for row in found for queue in (row.queue, target(row))}
    return RuleSet(rules, queues)
