"""What was measured, for people and for programs."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value; a ratio names the floor it is taken ``against``."""

    bench: str
    metric: str
    value: float
    unit: str
    n: int
    against: str | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def latencies(bench: str, metric: str, seconds: Sequence[float]) -> list[Figure]:
    """Median and 95th percentile in milliseconds."""
    name = f"{metric} " if metric else ""
    return [
        Figure(bench, f"{name}p50", statistics.median(seconds) * 1000, "ms", len(seconds)),
        Figure(bench, f"{name}p95", percentile(seconds, 0.95) * 1000, "ms", len(seconds)),
    ]


def ratio(figure: Figure, floor: Figure, against: str) -> Figure:
    """How many times the floor the figure is."""
    return Figure(figure.bench, f"{figure.metric} ratio", figure.value / floor.value, "x", figure.n, against)


def as_json(figure: Figure) -> str:
    """One JSON object on one line."""
    return json.dumps({**asdict(figure), "value": round(figure.value, 4)})


def as_table(figures: Sequence[Figure]) -> str:
    """A table for people."""
    rows = [("bench", "metric", "value", "unit", "n", "against")]
    rows += [(f.bench, f.metric, _rounded(f.value), f.unit, f"{f.n:,}", f.against or "") for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numeric = {2, 4}
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
