"""The values that cross this package's border: frozen, plain, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the characters `[start, end)` of the text add to the logit.

    Offsets are Unicode code points of the text as it was given, half open. Attributions of one score are in
    text order and never overlap. `value` is in logit units (natural log odds).
    """

    start: int
    end: int
    value: float


@dataclass(frozen=True, slots=True)
class ContextAttribution:
    """What one context feature adds to the logit; `value` is the feature as given, `None` where unknown."""

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """One policy's score of one text with its exact explanation.

    `score = sigmoid(logit)` and `logit = base_value + absent + sum(attributions) + sum(context)` to 1e-9.
    `base_value` is the logit at the expected features; `absent` is what the text's missing features add.
    """

    policy: str
    score: float
    logit: float
    threshold: float
    flagged: bool
    base_value: float
    absent: float
    attributions: tuple[Attribution, ...]
    context_attributions: tuple[ContextAttribution, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text. A policy that `labels` does not name is unknown for this text, not negative.

    `weight` is the label's weight (at least 0), `group` a near-duplicate group (kept on one side of every
    inner split), `split` one of train, validation, test, and `source` where the text comes from.
    """

    text: str
    labels: Mapping[str, bool]
    weight: float = 1.0
    context: Mapping[str, float] | None = None
    group: str = ""
    split: str = "train"
    source: str = ""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's verdict. `insufficient` means too little evidence: neither passed nor failed."""

    name: str
    passed: bool
    insufficient: bool
    figures: Mapping[str, float | int | str | None]
    reason: str
