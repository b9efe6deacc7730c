"""Where the bars of a chart lie: figures in, positions in per cent of the width out. Templates draw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moderation.selectors.explanations import Step
from moderation.selectors.workspace import Explanation

_SCORE_TICKS = (0.01, 0.1, 0.5, 0.9, 0.99)
_MARGIN = 0.25  # logits on either side
_THINNEST = 0.4  # per cent: a bar that is there can be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of the waterfall with its bar from ``x`` on, ``width`` wide; ``score`` is where the sum then stands."""

    step: Step
    x: str
    width: str
    score: float
    rises: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    x: str
    label: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A waterfall chart: bars, axis, and the line of the threshold (``None`` if it lies outside)."""

    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    threshold_x: str | None
    score: float
    logit: float


def waterfall(explanation: Explanation) -> Waterfall:
    """The chart of an explanation, on a log-odds axis labelled with scores."""
    steps = explanation.steps
    logit = explanation.reading.logit if explanation.reading.logit is not None else steps[-1].end
    threshold = _logit(explanation.reading.threshold)
    points = [step.end for step in steps] + ([threshold] if threshold is not None else [])
    low, high = min(points) - _MARGIN, max(points) + _MARGIN

    def place(value: float) -> float:
        return 100.0 * (value - low) / (high - low)

    bars = []
    for step in steps:
        begin = low if step.kind == "base" else step.begin
        left, right = sorted((place(begin), place(step.end)))
        width = max(right - left, _THINNEST)
        bars.append(Bar(step, _number(left), _number(width), _sigmoid(step.end), step.contribution > 0))
    ticks = [
        Tick(_number(place(math.log(score / (1 - score)))), f"{score:g}")
        for score in _SCORE_TICKS
        if low < math.log(score / (1 - score)) < high
    ]
    return Waterfall(bars, ticks, _number(place(threshold)) if threshold is not None else None, _sigmoid(logit), logit)


@dataclass(frozen=True, slots=True)
class Whisker:
    """An estimate in a row of them: its middle and the ends of its interval, in per cent of width and height."""

    x: str
    y: str
    top: str
    height: str


@dataclass(frozen=True, slots=True)
class Whiskers:
    """Estimates side by side on one scale, from nothing to ``highest``."""

    whiskers: Sequence[Whisker]
    highest: float


def intervals(estimates: Sequence[Mapping[str, Any]]) -> Whiskers:
    """The chart of estimates in a row; those without a figure leave a gap."""
    highest = max((one["high"] or 0.0 for one in estimates), default=0.0) or 1.0
    step = 100.0 / max(len(estimates), 1)
    whiskers = [
        Whisker(
            x=_number(step * (place + 0.5)),
            y=_number(100 - 100 * one["value"] / highest),
            top=_number(100 - 100 * one["high"] / highest),
            height=_number(max(100 * (one["high"] - one["low"]) / highest, _THINNEST)),
        )
        for place, one in enumerate(estimates)
        if one["value"] is not None and one["low"] is not None
    ]
    return Whiskers(whiskers, highest)


def _logit(score: float | None) -> float | None:
    return math.log(score / (1 - score)) if score is not None and 0 < score < 1 else None


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _number(value: float) -> str:
    """For an attribute, whatever language the page speaks."""
    return f"{value:.2f}"
