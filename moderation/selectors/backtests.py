"""Backtests as people see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from moderation.enums import BacktestState
from moderation.errors import NotFound
from moderation.models import Backtest, Content, Queue, RoutingRule
from moderation.selectors.rule_sets import Spec

_COUNTS = (
    "matched",
    "decided",
    "changed",
    "opened",
    "not_opened",
    "moved",
    "raised",
    "lowered",
    "held",
    "released",
    "automated",
    "manual",
    "not_automated",
    "judged",
    "upheld",
)


@dataclass(frozen=True, slots=True)
class Move:
    """How many contents would have gone from one queue (by slug) to another; the names are for people."""

    before: str
    after: str
    count: int
    before_name: str
    after_name: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """A live rule that matches contents the tested rule matches too, and does something else."""

    rule_id: int
    name: str
    decides: bool
    count: int
    examples: Sequence[Content]


@dataclass(frozen=True, slots=True)
class Report:
    """A backtest's figures in readable form; ``examples`` holds contents by kind of change, in its order;
    ``is_current`` says that the rule asks and does today what was tested.
    """

    backtest: Backtest
    counts: Mapping[str, int]
    moves: Sequence[Move]
    overlaps: Sequence[Overlap]
    examples: Mapping[str, Sequence[Content]]
    is_current: bool

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        return self.backtest.state in {BacktestState.WAITING, BacktestState.RUNNING}

    @property
    def percent(self) -> int:
        """How much of it is done, in whole per cent."""
        backtest = self.backtest
        return 100 * backtest.looked_at // backtest.total if backtest.total else 100

    @property
    def has_examples(self) -> bool:
        """Whether there is any content to show."""
        return bool(self.examples) or any(overlap.examples for overlap in self.overlaps)

    @property
    def is_unreachable(self) -> bool:
        """Whether the rule matched, but never first."""
        return self.counts["matched"] > 0 and self.counts["decided"] == 0


def of_rule(rule: RoutingRule) -> QuerySet[Backtest]:
    """The rule's backtests, newest first."""
    return rule.backtests.select_related("requested_by")


def get(backtest_id: int) -> Backtest:
    """The backtest with its rule; raises ``NotFound``."""
    related = ("rule__queue__escalates_to", "rule__automates", "requested_by")
    backtest = Backtest.objects.select_related(*related).filter(pk=backtest_id).first()
    if backtest is None:
        raise NotFound("There is no such backtest.")
    return backtest


def report(backtest: Backtest) -> Report:
    """What the backtest has found so far; contents and queues in three statements."""
    figures = backtest.figures
    queues = dict(Queue.objects.values_list("slug", "name"))
    wanted = {pk for keys in backtest.examples.values() for pk in keys}
    contents = {
        content.pk: content for content in Content.objects.filter(pk__in=wanted).select_related("current_revision")
    }
    kept = {name: [contents[pk] for pk in keys if pk in contents] for name, keys in backtest.examples.items()}
    moves = [
        Move(before, after, count, queues.get(before, before), queues.get(after, after))
        for (before, after), count in ((pair.split(" "), count) for pair, count in figures.get("moves", {}).items())
    ]
    return Report(
        backtest,
        {name: figures.get(name, 0) for name in _COUNTS},
        sorted(moves, key=lambda move: -move.count),
        _overlaps(backtest, kept),
        _each_once({name: kept[name] for name in _COUNTS if name in kept}),
        is_of(backtest, backtest.rule),
    )


def is_of(backtest: Backtest, rule: RoutingRule) -> bool:
    """Whether the rule asks and does what was tested: a step of its state or another name change nothing."""
    tested, now = backtest.rules["tested"], Spec.of(rule).as_json()
    return all(tested.get(name) == value for name, value in now.items() if name != "name")


def _each_once(examples: Mapping[str, Sequence[Content]]) -> dict[str, list[Content]]:
    """Each content under the first kind of change it is an example of."""
    shown: set[int] = set()
    once: dict[str, list[Content]] = {}
    for kind, contents in examples.items():
        fresh = [content for content in contents if content.pk not in shown]
        shown |= {content.pk for content in fresh}
        if fresh:
            once[kind] = fresh
    return once


def _overlaps(backtest: Backtest, kept: Mapping[str, Sequence[Content]]) -> list[Overlap]:
    """The names are those the rules had when the backtest began."""
    live = backtest.rules["live"]
    names = {spec["id"]: spec["name"] for spec in live}
    others = [spec["id"] for spec in live if spec["id"] != backtest.rule_id]
    before = set(others[: backtest.rules["place"]])
    rows = [
        Overlap(int(key), names[int(key)], int(key) in before, count, kept.get(f"overlap {key}", []))
        for key, count in backtest.figures.get("overlaps", {}).items()
    ]
    return sorted(rows, key=lambda row: -row.count)
