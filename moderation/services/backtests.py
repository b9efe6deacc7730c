"""What a rule would have done to the contents of the last days, found out by a worker, piece by piece.

Each piece is one transaction: the row is locked, the next contents are looked at, and the counts move on together with
the cursor. So any worker may go on where another one died, two never count a content twice, and a cancellation takes
hold between two pieces.
"""

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from moderation import audit, enqueue
from moderation.enums import BacktestState, RuleState
from moderation.errors import Conflict, InvalidInput, NotFound
from moderation.models import Backtest, Queue, RoutingRule, User
from moderation.permissions import Permission, require
from moderation.selectors import automation, past_facts, rule_sets, rules
from moderation.selectors.past_facts import Past
from moderation.selectors.rule_sets import Rule, RuleSet, Spec

logger = logging.getLogger(__name__)

MOST_DAYS = 365
EXAMPLES = 5  # a kind of change
FAILURES = 3  # from which a backtest is given up
_PIECE = 500
_UNFINISHED = [BacktestState.WAITING, BacktestState.RUNNING]
_OUTAGES = (OperationalError, InterfaceError)
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Course:
    """What would happen to a content: seen by people or not, where, how soon, by whom."""

    rule: Rule | None
    opens: bool
    queue: str
    boost: float
    held: bool
    automated: bool


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Two sets of rules, compiled: as they are, and with the tested one in its place."""

    tested: Rule
    before: RuleSet
    after: RuleSet
    default_queue: str
    automation: Mapping[str, float]


@transaction.atomic
def request(*, rule_id: int, days: int, acting_user: User, limit: int | None = None) -> Backtest:
    """Have a worker test the rule on the last days' contents, the newest ``limit`` of them at most.

    Raises ``NotPermitted``, ``NotFound``, ``InvalidInput``; ``Conflict`` while one of this rule is running.
    """
    require(acting_user, Permission.MANAGE)
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(f"A backtest looks at 1 to {MOST_DAYS} days.", pointer="/days")
    if not RoutingRule.objects.select_for_update(no_key=True).filter(pk=rule_id).exists():
        raise NotFound("There is no such rule.")
    rule = rules.get(rule_id)
    if rule.backtests.filter(state__in=_UNFINISHED).exists():
        raise Conflict("A backtest of this rule is running; cancel it first.")
    until = timezone.now()
    since = until - timedelta(days=days)
    available = past_facts.contents(since=since, until=until).count()
    backtest = Backtest.objects.create(
        rule=rule,
        rule_version=rule.version,
        days=days,
        rules=_frozen(rule),
        since=since,
        until=until,
        available=available,
        total=min(available, limit or settings.BACKTEST_LIMIT),
        requested_by=acting_user,
    )
    audit.backtest_requested(backtest, actor=acting_user)
    enqueue.nudge_backtests()
    return backtest


@transaction.atomic
def cancel(*, backtest_id: int, acting_user: User) -> Backtest:
    """End the backtest with what it has found so far. Raises ``Conflict`` if it has ended."""
    require(acting_user, Permission.MANAGE)
    backtest = Backtest.objects.select_for_update().filter(pk=backtest_id).first()
    if backtest is None:
        raise NotFound("There is no such backtest.")
    if backtest.state not in _UNFINISHED:
        raise Conflict(f"The backtest has ended already: {backtest.get_state_display().lower()}.")
    _end(backtest, BacktestState.CANCELLED, actor=acting_user)
    backtest.save()
    return backtest


def run(*, seconds: float) -> int:
    """Go on with unfinished backtests, the oldest first, for some seconds; how many contents were looked at.

    What is left is asked for again, so that a long backtest lets other work in between.
    """
    ends = time.monotonic() + seconds
    looked_at = 0
    while time.monotonic() < ends:
        done = _piece()
        if done < 0:
            return looked_at
        looked_at += done
    enqueue.nudge_backtests()
    return looked_at


def _piece() -> int:
    """One piece of one backtest; how many contents, or −1 if no backtest is free."""
    with transaction.atomic():
        backtest = (
            Backtest.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state__in=_UNFINISHED)
            .order_by("pk")
            .first()
        )
        return -1 if backtest is None else _go_on_or_note(backtest)


def _go_on_or_note(backtest: Backtest) -> int:
    """Go on under the lock; a failure leaves nothing of the piece but a note of it."""
    try:
        with transaction.atomic():
            return _go_on(backtest)
    except _OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a content did, the backtest must come to an end)
        # Never the exception's own words: they may quote a text.
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Backtest %s failed: %s\n%s", backtest.pk, type(error).__name__, frames)  # noqa: TRY400
        _note_failure(backtest.pk, error)
        return 0


def _go_on(backtest: Backtest) -> int:
    rows = past_facts.contents(since=backtest.since, until=backtest.until).order_by("-pk")
    if backtest.cursor is not None:
        rows = rows.filter(pk__lt=backtest.cursor)
    piece = min(_PIECE, backtest.total - backtest.looked_at)
    found = list(rows.select_related("author", "current_revision")[:piece])
    comparison = _compiled(backtest)
    for past in past_facts.past(found):
        _compare(past, comparison, backtest)
    backtest.state = BacktestState.RUNNING
    backtest.looked_at += len(found)
    if found:
        backtest.cursor = found[-1].pk
    if len(found) < piece or backtest.looked_at == backtest.total:
        _end(backtest, BacktestState.DONE, actor=None)
    backtest.save()
    return len(found)


def _note_failure(backtest_id: int, error: Exception) -> None:
    """Under the caller's lock; read anew, since the failed piece left its marks on the object."""
    backtest = Backtest.objects.get(pk=backtest_id)
    backtest.failures += 1
    if backtest.failures >= FAILURES:
        backtest.error = type(error).__name__
        _end(backtest, BacktestState.FAILED, actor=None)
    backtest.save()


def _end(backtest: Backtest, state: BacktestState, *, actor: User | None) -> None:
    backtest.state = state
    backtest.ended_at = timezone.now()
    audit.backtest_ended(backtest, actor=actor)


def _frozen(rule: RoutingRule) -> dict[str, Any]:
    """The live rules as they are, the tested one, and where it stands, or would stand, among the others."""
    order = [one for one in rules.ordered() if one.state == RuleState.LIVE and one.queue.is_active]
    live = [one for one in order if one.pk != rule.pk]
    default = Queue.objects.filter(is_active=True).order_by("-is_default", "position", "pk").first()
    return {
        "live": [Spec.of(one).as_json() for one in order],
        "tested": Spec.of(rule).as_json(),
        "replaces": rule.replaces_id,
        "place": sum((one.position, one.pk) < (rule.position, rule.pk) for one in live),
        "default_queue": default.slug if default else "",
    }


def _compiled(backtest: Backtest) -> _Comparison:
    """A live rule is compared with the rules without it; any other with the rules as they are."""
    frozen = backtest.rules
    tested = Rule.of(Spec(**frozen["tested"]))
    live = [Rule.of(Spec(**spec)) for spec in frozen["live"]]
    others = [rule for rule in live if rule.spec.id != tested.spec.id]
    with_it = [*others[: frozen["place"]], tested, *others[frozen["place"] :]]
    with_it = [rule for rule in with_it if rule.spec.id != frozen["replaces"]]
    asked = {rule.spec.automates for rule in with_it if rule.spec.automates}
    standings = automation.standings(asked)
    return _Comparison(
        tested,
        RuleSet([(rule, True) for rule in others], {}),
        RuleSet([(rule, True) for rule in with_it], {}),
        frozen["default_queue"],
        {slug: one.threshold for slug, one in standings.items() if one.threshold is not None},
    )


def _compare(past: Past, comparison: _Comparison, backtest: Backtest) -> None:
    figures: Figures = backtest.figures
    before = _course(past, comparison.before, comparison)
    after = _course(past, comparison.after, comparison)
    tested = comparison.tested
    if tested.concerns(seen=past.seen) and tested.matches(past.facts):
        _count(figures, "matched")
        _note_overlaps(past, comparison, backtest)
        if past.violated is not None:
            _count(figures, "judged")
            _count(figures, "upheld", past.violated)
    if after.rule is tested and after.opens:
        _count(figures, "decided")
        if tested.spec.automates and not after.automated:
            _count(figures, "not_automated")
    if not (before.opens or after.opens):
        return
    changes = _changes(before, after)
    if changes:
        _count(figures, "changed")
    for change in changes:
        _count(figures, change)
        _example(backtest, change, past)
    if before.opens and after.opens and before.queue != after.queue:
        moves: dict[str, int] = figures.setdefault("moves", {})
        _count(moves, f"{before.queue} {after.queue}")


def _course(past: Past, rules_then: RuleSet, comparison: _Comparison) -> _Course:
    rule = rules_then.first(past.facts, seen=past.seen)
    if rule is not None and not past.seen and not rule_sets.drawn(rule.spec, revision_id=past.revision_id):
        rule = None
    if rule is None:
        return _Course(None, past.seen, comparison.default_queue, 0.0, False, False)
    spec = rule.spec
    threshold = comparison.automation.get(spec.automates or "")
    automated = threshold is not None and automation.covers(
        threshold,
        score=past.facts.scores.get(spec.automates or "", 0.0),
        language=past.facts.language,
        sources=past.facts.sources,
    )
    return _Course(rule, True, spec.queue, spec.priority_boost, spec.holds_for_senior, automated)


def _changes(before: _Course, after: _Course) -> list[str]:
    """The kinds of change from one course to the other."""
    if before.opens != after.opens:
        return ["opened" if after.opens else "not_opened"]
    changes = {
        "moved": before.queue != after.queue,
        "raised": after.boost > before.boost,
        "lowered": after.boost < before.boost,
        "held": after.held and not before.held,
        "released": before.held and not after.held,
        "automated": after.automated and not before.automated,
        "manual": before.automated and not after.automated,
    }
    return [name for name, happened in changes.items() if happened]


def _note_overlaps(past: Past, comparison: _Comparison, backtest: Backtest) -> None:
    """Live rules that match the same content and do something else: the first of them decides."""
    tested = comparison.tested
    overlaps: dict[str, int] = backtest.figures.setdefault("overlaps", {})
    for other in comparison.after.live:
        if (
            other is not tested
            and other.spec.outcome != tested.spec.outcome
            and other.concerns(seen=past.seen)
            and other.matches(past.facts)
        ):
            _count(overlaps, str(other.spec.id))
            _example(backtest, f"overlap {other.spec.id}", past)


def _count(figures: dict[str, Any], name: str, number: int = 1) -> None:
    figures[name] = figures.get(name, 0) + int(number)


def _example(backtest: Backtest, name: str, past: Past) -> None:
    kept: list[int] = backtest.examples.setdefault(name, [])
    if len(kept) < EXAMPLES:
        kept.append(past.content_id)
