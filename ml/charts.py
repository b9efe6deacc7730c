"""Small SVG charts, readable on light and dark pages: lines in panels, and bars with intervals.

Plain strings out, no library in. Every chart has a title and a description for those who do not see it; colours are
of Okabe and Ito (2008), told apart under colour blindness, and a chart brings its own background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """\
<style>
:root { --back: #ffffff; --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #a8487f; }
@media (prefers-color-scheme: dark) {
:root { --back: #0d1117; --ink: #e6edf3; --soft: #9198a1; --grid: #30363d;
  --c0: #56b4e9; --c1: #e69f00; --c2: #3fc79a; --c3: #d99bc2; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.soft { fill: var(--soft); } .small { font-size: 10px; } .head { font-weight: 600; }
.back { fill: var(--back); } .grid { stroke: var(--grid); fill: none; }
.line { fill: none; stroke-width: 2; } .whisker { stroke: var(--ink); stroke-width: 1; }
</style>"""
_SERIES = 4
_PANEL = 180
_GAP = 60
_TOP = 64
_ROW = 13
_LABEL = 150
_BAR_WIDTH = 420


@dataclass(frozen=True, slots=True)
class Panel:
    """One square panel with both axes from 0 to 1; `diagonal` draws where y equals x."""

    title: str
    points: Sequence[tuple[float, float]]
    diagonal: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar from 0; `low` and `high` are the ends of its interval. A value of `None` leaves its place empty."""

    value: float | None
    low: float | None = None
    high: float | None = None


def line_panels(title: str, panels: Sequence[Panel], *, x_label: str, y_label: str, columns: int = 3) -> str:
    """Return an SVG of panels, left to right and down, each with its line and dots at up to 20 points."""
    rows = -(-len(panels) // columns)
    width, height = columns * (_PANEL + _GAP) + 30, _TOP + rows * (_PANEL + _GAP + 10)
    parts = []
    for number, panel in enumerate(panels):
        left = _GAP + (number % columns) * (_PANEL + _GAP)
        top = _TOP + (number // columns) * (_PANEL + _GAP + 10)
        parts.append(_panel(panel, left, top, x_label, y_label))
    return _svg(title, f"{y_label} against {x_label}, a panel a policy.", width, height, parts)


def bars(title: str, series: Sequence[str], groups: Sequence[tuple[str, Sequence[Bar]]], *, low: float = 0.0) -> str:
    """Return an SVG of horizontal bars on an axis from `low` to 1: a group a label, in it a bar a series.

    At most four series. Raises `ValueError` for more, or where a group has not a bar for each.
    """
    if len(series) > _SERIES or any(len(group) != len(series) for _, group in groups):
        raise ValueError("a chart takes one bar a series in every group, and four series at most")
    block = len(series) * _ROW + 10
    height = _TOP + len(groups) * block + 30
    parts = [_legend(series), *(_tick(low, share, height - 30) for share in (0.0, 0.25, 0.5, 0.75, 1.0))]
    for number, (label, group) in enumerate(groups):
        top = _TOP + number * block
        middle = top + len(series) * _ROW / 2 + 4
        parts.append(f'<text x="{_LABEL - 8}" y="{middle:.1f}" text-anchor="end">{escape(label)}</text>')
        parts += [_bar(bar, place, top + place * _ROW, low) for place, bar in enumerate(group)]
    return _svg(title, f"{', '.join(series)} by group.", _LABEL + _BAR_WIDTH + 30, height, parts)


def _svg(title: str, description: str, width: float, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-labelledby="title description">\n'
        f'<title id="title">{escape(title)}</title>\n<desc id="description">{escape(description)}</desc>\n{_STYLE}\n'
        f'<rect class="back" width="100%" height="100%" rx="6"/>\n'
        f'<text class="head" x="16" y="26">{escape(title)}</text>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def _panel(panel: Panel, left: float, top: float, x_label: str, y_label: str) -> str:
    def place(point: tuple[float, float]) -> str:
        return f"{left + point[0] * _PANEL:.1f},{top + (1.0 - point[1]) * _PANEL:.1f}"

    bottom, middle = top + _PANEL, left + _PANEL / 2
    parts = [
        f'<text x="{middle:.1f}" y="{top - 8}" text-anchor="middle">{escape(panel.title)}</text>',
        f'<rect class="grid" x="{left}" y="{top}" width="{_PANEL}" height="{_PANEL}"/>',
        f'<path class="grid" d="M{place((0, 0.5))} L{place((1, 0.5))} M{place((0.5, 0))} L{place((0.5, 1))}"/>',
        f'<text class="soft small" x="{left}" y="{bottom + 13}">0</text>',
        f'<text class="soft small" x="{left + _PANEL}" y="{bottom + 13}" text-anchor="end">1</text>',
        f'<text class="soft small" x="{middle}" y="{bottom + 13}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text class="soft small" text-anchor="middle" transform="translate({left - 8} {top + _PANEL / 2}) '
        f'rotate(-90)">{escape(y_label)}</text>',
    ]
    if panel.diagonal:
        parts.append(f'<path class="grid" stroke-dasharray="4 3" d="M{place((0, 0))} L{place((1, 1))}"/>')
    if panel.points:
        path = " ".join(map(place, panel.points))
        parts.append(f'<polyline class="line" stroke="var(--c0)" points="{path}"/>')
    if len(panel.points) <= 20:
        for point in panel.points:
            x, y = place(point).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="var(--c0)"/>')
    return "\n".join(parts)


def _across(value: float, low: float) -> float:
    return _LABEL + _BAR_WIDTH * (min(max(value, low), 1.0) - low) / (1.0 - low)


def _tick(low: float, share: float, bottom: float) -> str:
    value = low + share * (1.0 - low)
    x = _across(value, low)
    return (
        f'<path class="grid" d="M{x:.1f} {_TOP - 4} V{bottom:.1f}"/>'
        f'<text class="soft small" x="{x:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{value:.2f}</text>'
    )


def _bar(bar: Bar, place: int, top: float, low: float) -> str:
    if bar.value is None:
        return ""
    end, middle = _across(bar.value, low), top + (_ROW - 3) / 2
    drawn = f'<rect x="{_LABEL}" y="{top}" width="{end - _LABEL:.1f}" height="{_ROW - 3}" fill="var(--c{place})"/>'
    if bar.low is None or bar.high is None:
        return drawn
    return f'{drawn}<path class="whisker" d="M{_across(bar.low, low):.1f} {middle} H{_across(bar.high, low):.1f}"/>'


def _legend(series: Sequence[str]) -> str:
    parts, x = [], 16.0
    for place, name in enumerate(series):
        parts.append(f'<rect x="{x:.0f}" y="38" width="10" height="10" fill="var(--c{place})"/>')
        parts.append(f'<text class="small" x="{x + 14:.0f}" y="47">{escape(name)}</text>')
        x += 30 + 6.2 * len(name)
    return "".join(parts)
