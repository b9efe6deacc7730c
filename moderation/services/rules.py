"""Drafting rules, putting them into force and into order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from moderation import audit
from moderation.conditions.parsing import parse
from moderation.enums import ActionKind, RuleState
from moderation.errors import Conflict, InvalidInput, NotFound
from moderation.models import Policy, Queue, RoutingRule, User
from moderation.permissions import Permission, require
from moderation.selectors import rule_sets, rules

NAME_LENGTH = 80
BOOST_LIMIT = 100.0
_NEXT = {
    RuleState.DRAFT: {RuleState.SHADOW, RuleState.LIVE},
    RuleState.SHADOW: {RuleState.LIVE, RuleState.RETIRED},
    RuleState.LIVE: {RuleState.SHADOW, RuleState.RETIRED},
    RuleState.RETIRED: set(),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a rule asks and what follows, as someone wrote it; queue and policy by slug."""

    name: str
    condition: Any
    queue: str
    opens_cases: bool = False
    priority_boost: float = 0.0
    holds_for_senior: bool = False
    automates: str | None = None
    automatic_actions: Sequence[str] = ()
    audit_rate: float | None = None


@transaction.atomic
def create(*, draft: Draft, acting_user: User) -> RoutingRule:
    """Keep a new draft at the end of the order. Raises ``NotPermitted``, ``InvalidInput``."""
    require(acting_user, Permission.MANAGE)
    values = _checked(draft)
    rule = RoutingRule(**values, position=len(_locked_order()) + 1, created_by=acting_user)
    rule.save(force_insert=True)
    audit.rule_created(rule, actor=acting_user)
    return rule


@transaction.atomic
def change(*, rule_id: int, version: int, draft: Draft, acting_user: User) -> RoutingRule:
    """Write a draft anew. Raises ``Conflict`` if it has left its draft or changed since ``version``."""
    require(acting_user, Permission.MANAGE)
    rule = _locked(rule_id, version)
    if rule.state != RuleState.DRAFT:
        raise Conflict("Only a draft can be edited; make a draft of this rule first.")
    values = _checked(draft)
    changed = [name for name, value in values.items() if getattr(rule, name) != value]
    if not changed:
        return rule
    for name in changed:
        setattr(rule, name, values[name])
    rule.version += 1
    rule.save(update_fields=[*changed, "version"])
    audit.rule_changed(rule, actor=acting_user, fields=changed, before=rule.state)
    return rule


@transaction.atomic
def copy(*, rule_id: int, acting_user: User) -> RoutingRule:
    """A draft of the rule, right behind it; going live it takes the rule's place. One at a time.

    Raises ``NotFound``, ``NotPermitted``.
    """
    require(acting_user, Permission.MANAGE)
    order = _locked_order()
    rule = rules.get(rule_id)
    present = rule.drafts.filter(state=RuleState.DRAFT).first()
    if present is not None:
        return present
    copied = RoutingRule(
        name=rule.name,
        condition=rule.condition,
        opens_cases=rule.opens_cases,
        queue=rule.queue,
        priority_boost=rule.priority_boost,
        holds_for_senior=rule.holds_for_senior,
        automates=rule.automates,
        automatic_actions=rule.automatic_actions,
        audit_rate=rule.audit_rate,
        replaces=rule if rule.state != RuleState.RETIRED else None,
        created_by=acting_user,
        position=len(order) + 1,
    )
    copied.save(force_insert=True)
    audit.rule_created(copied, actor=acting_user)
    if rule in order:
        order.insert(order.index(rule) + 1, copied)
        _number(order)
    return copied


@transaction.atomic
def set_state(*, rule_id: int, version: int, state: str, acting_user: User) -> RoutingRule:
    """Put the rule into shadow or live, or retire it. Going live retires the rule it replaces and takes its place.

    Raises ``Conflict`` where there is no such step or the rule changed since ``version``; ``InvalidInput`` if it names
    what there no longer is.
    """
    require(acting_user, Permission.MANAGE)
    order = _locked_order()
    rule = _locked(rule_id, version)
    if state not in _NEXT[RuleState(rule.state)]:
        raise Conflict(f"A rule that is {rule.get_state_display().lower()} cannot become {_label(state)}.")
    if state != RuleState.RETIRED:
        _check_still(rule)
    _step(rule, state, acting_user=acting_user)
    replaced = rule.replaces
    if state == RuleState.LIVE and replaced is not None and replaced.state != RuleState.RETIRED:
        order = [one for one in order if one.pk != rule.pk]
        order[order.index(replaced)] = rule
        _step(RoutingRule.objects.get(pk=replaced.pk), RuleState.RETIRED, acting_user=acting_user)
    elif state == RuleState.RETIRED:
        order = [one for one in order if one.pk != rule.pk]
    _number(order)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def move(*, rule_id: int, to: int, acting_user: User, seen_at: int | None = None) -> RoutingRule:
    """Give the rule the place ``to`` (from 1) in the order.

    ``seen_at``: the place it was shown at; raises ``Conflict`` if it has moved since. Raises ``NotFound``.
    """
    require(acting_user, Permission.MANAGE)
    order = _locked_order()
    rule = next((one for one in order if one.pk == rule_id), None)
    if rule is None:
        raise NotFound("There is no such rule in the order.")
    before = order.index(rule) + 1
    if seen_at is not None and before != seen_at:
        raise Conflict("The order has changed since; look at it again.")
    after = min(max(to, 1), len(order))
    if after != before:
        order.insert(after - 1, order.pop(before - 1))
        _number(order)
        audit.rule_moved(rule, actor=acting_user, before=before, after=after)
    return rule


@transaction.atomic
def delete(*, rule_id: int, version: int, acting_user: User) -> None:
    """Throw a draft away. Raises ``Conflict`` for any other rule: what it hit refers to it."""
    require(acting_user, Permission.MANAGE)
    order = _locked_order()
    rule = _locked(rule_id, version)
    if rule.state != RuleState.DRAFT:
        raise Conflict("Only a draft can be deleted; retire the rule instead.")
    audit.rule_deleted(rule, actor=acting_user)
    rule.delete()
    _number([one for one in order if one.pk != rule_id])


def _step(rule: RoutingRule, state: str, *, acting_user: User) -> None:
    before, rule.state = rule.state, state
    rule.version += 1
    rule.state_changed_at = timezone.now()
    rule.save(update_fields=["state", "version", "state_changed_at"])
    audit.rule_changed(rule, actor=acting_user, fields=["state"], before=before)


def _locked_order() -> list[RoutingRule]:
    """The rules in order; locked, so that two changes of the order follow each other."""
    list(RoutingRule.objects.select_for_update(no_key=True).exclude(state=RuleState.RETIRED).order_by("pk"))
    return list(rules.ordered())


def _locked(rule_id: int, version: int) -> RoutingRule:
    rule = (
        RoutingRule.objects.select_for_update(no_key=True, of=("self",))
        .select_related("queue__escalates_to", "automates", "replaces")
        .filter(pk=rule_id)
        .first()
    )
    if rule is None:
        raise NotFound("There is no such rule.")
    if rule.version != version:
        raise Conflict("The rule was changed by someone else, or in another tab; look at it again.")
    return rule


def _number(order: Sequence[RoutingRule]) -> None:
    """Write down the order: positions from 1 on, without gaps."""
    moved = []
    for position, rule in enumerate(order, start=1):
        if rule.position != position:
            rule.position = position
            moved.append(rule)
    RoutingRule.objects.bulk_update(moved, ["position"])


def _label(state: str) -> str:
    return RuleState(state).label.lower() if state in RuleState.values else f"“{state}”"


def _check_still(rule: RoutingRule) -> None:
    """What was there when the draft was written may be gone."""
    parse(rule.condition, known=rules.known(), at="/condition")
    if not rule.queue.is_active:
        raise InvalidInput(f"The queue {rule.queue} is closed.", pointer="/queue")
    _check_hold(rule)


def _checked(draft: Draft) -> Mapping[str, Any]:
    """The columns of the draft. Raises ``InvalidInput`` with the pointer of what is wrong."""
    parse(draft.condition, known=rules.known(), at="/condition")
    name = draft.name.strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise InvalidInput(f"A rule has a name of 1 to {NAME_LENGTH} characters.", pointer="/name")
    queue = Queue.objects.select_related("escalates_to").filter(slug=draft.queue, is_active=True).first()
    if queue is None:
        raise InvalidInput("There is no open queue with this slug.", pointer="/queue")
    if not -BOOST_LIMIT <= draft.priority_boost <= BOOST_LIMIT:
        raise InvalidInput(
            f"The boost lies between −{BOOST_LIMIT:g} and {BOOST_LIMIT:g} points.", pointer="/priority_boost"
        )
    values = {
        "name": name,
        "condition": draft.condition,
        "queue": queue,
        "opens_cases": draft.opens_cases,
        "priority_boost": float(draft.priority_boost),
        "holds_for_senior": draft.holds_for_senior,
        "audit_rate": _audit_rate(draft),
        **_automation(draft),
    }
    _check_hold(RoutingRule(**values))
    return values


def _audit_rate(draft: Draft) -> float | None:
    rate = draft.audit_rate
    if rate is None:
        return None
    if not 0 < rate <= 1:
        raise InvalidInput("The share of an audit sample is above 0 and at most 1.", pointer="/audit_rate")
    if not draft.opens_cases:
        raise InvalidInput(
            "An audit sample is drawn from what nobody would see, so the rule must open cases.", pointer="/opens_cases"
        )
    if draft.automates:
        raise InvalidInput("A sample is for people to look at: it decides nothing by itself.", pointer="/automates")
    return float(rate)


def _automation(draft: Draft) -> dict[str, Any]:
    if draft.automates is None:
        if draft.automatic_actions:
            raise InvalidInput("Actions need the policy they are taken under.", pointer="/automates")
        return {"automates": None, "automatic_actions": []}
    policy = Policy.objects.filter(slug=draft.automates, is_active=True).first()
    if policy is None:
        raise InvalidInput("There is no active policy with this slug.", pointer="/automates")
    for index, kind in enumerate(draft.automatic_actions):
        if kind not in ActionKind.values:
            raise InvalidInput(
                f"An action is one of {', '.join(ActionKind.values)}.", pointer=f"/automatic_actions/{index}"
            )
    if not draft.automatic_actions:
        raise InvalidInput("Name at least one action.", pointer="/automatic_actions")
    return {"automates": policy, "automatic_actions": sorted(set(draft.automatic_actions))}


def _check_hold(rule: RoutingRule) -> None:
    if rule.holds_for_senior and not rule_sets.target(rule).seniors_only:
        raise InvalidInput(
            "No open queue is for seniors only; without one nothing can be held.", pointer="/holds_for_senior"
        )
    if rule.holds_for_senior and rule.automates is not None:
        raise InvalidInput("What is held for a senior is not decided by itself.", pointer="/holds_for_senior")
