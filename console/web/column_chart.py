"""A small chart of a rule's weeks: a column of hits, and in it what people judged and upheld."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from moderation.selectors.rule_records import Week

HEIGHT = 60
_WIDTH, _GAP = 18.0, 4.0
_LEAST = 1.0  # what is there can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column: ``kind`` is hits, judged or upheld."""

    kind: str
    y: str
    height: str


@dataclass(frozen=True, slots=True)
class Column:
    """One week: where it stands, its parts from the back to the front, and its figures."""

    x: str
    bars: Sequence[Bar]
    week: Week


@dataclass(frozen=True, slots=True)
class Chart:
    """The columns, the width of the drawing, and the figures of its scale."""

    columns: Sequence[Column]
    width: str
    highest: int
    first: date | None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was hit."""
        return self.highest == 0


def chart(weeks: Sequence[Week]) -> Chart:
    """The chart of the weeks, the oldest first."""
    highest = max((week.record.hits for week in weeks), default=0)
    columns = [_column(place, week, highest) for place, week in enumerate(weeks)]
    width = len(weeks) * (_WIDTH + _GAP)
    return Chart(columns, f"{width:.0f}", highest, weeks[0].begins if weeks else None)


def _column(place: int, week: Week, highest: int) -> Column:
    def height(count: int) -> float:
        return max(HEIGHT * count / highest, _LEAST) if count else 0.0

    record = week.record
    parts = {"hits": record.hits, "judged": record.judged, "upheld": record.upheld}
    bars = [Bar(kind, f"{HEIGHT - height(count):.1f}", f"{height(count):.1f}") for kind, count in parts.items()]
    return Column(f"{place * (_WIDTH + _GAP) + _GAP / 2:.1f}", bars, week)
