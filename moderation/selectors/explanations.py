"""Reading an explanation: the text cut into its attributed spans, the rows of the waterfall, the reason in words.

Everything here is arithmetic over what was stored at scoring; nothing is computed anew.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from moderation.models import PolicyPrediction

LEVELS = 4
FAINT = 0.12  # of the strongest span: weaker ones are left without a mark
TOP_TOKENS = 8
TOP_QUOTES = 3
QUOTE_LENGTH = 60

Span = Sequence[Any]  # [start, end, value] as stored


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch ``[start, end)`` of the text, in code points, with what it adds to the logit (``None``: nothing).

    ``level`` is 0 (no mark) to ``LEVELS``, by its share of the strongest span's size; ``raises`` is its direction.
    """

    start: int
    end: int
    text: str
    value: float | None = None
    level: int = 0

    @property
    def raises(self) -> bool:
        """Whether the span pushes the score up."""
        return self.value is not None and self.value > 0


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the waterfall, in logits: from where the sum stood to where it stands after this part."""

    kind: str
    label: str
    contribution: float
    begin: float
    end: float


def segments_of(text: str, attributions: Sequence[Span]) -> list[Segment]:
    """Cut the text at its attributed spans; joined, the segments are the text again.

    Raises ``ValueError`` if the spans overlap or leave the text: then they are not this text's.
    """
    strongest = max((abs(value) for _, _, value in attributions), default=0.0)
    segments: list[Segment] = []
    position = 0
    for start, end, value in sorted(attributions, key=lambda span: span[0]):
        if not position <= start < end <= len(text):
            raise ValueError("The attributed spans do not belong to this text.")
        if position < start:
            segments.append(Segment(position, start, text[position:start]))
        segments.append(Segment(start, end, text[start:end], float(value), _level(value, strongest)))
        position = end
    if position < len(text):
        segments.append(Segment(position, len(text), text[position:]))
    return segments


def quotes_of(text: str, attributions: Sequence[Span]) -> list[str]:
    """What the model reacted to: the strongest rising spans, neighbours joined, the strongest first."""
    rising = [span for span in sorted(attributions, key=lambda span: span[0]) if span[2] > 0]
    strongest = max((span[2] for span in rising), default=0.0)
    marked = [span for span in rising if _level(span[2], strongest) > 1]
    phrases = sorted(_phrases(text, marked), key=lambda phrase: phrase[2], reverse=True)
    words = [text[start:end].strip(_EDGES) for start, end, _ in phrases]
    return [_shortened(phrase) for phrase in words if phrase][:TOP_QUOTES]


def steps_of(prediction: PolicyPrediction, text: str) -> list[Step]:
    """The waterfall from base value to logit: absent, the largest spans, the other spans, context features."""
    ranked = sorted(prediction.attributions, key=lambda span: abs(span[2]), reverse=True)
    parts = [("absent", "words that are not there", prediction.absent)]
    parts += [("token", _shortened(text[start:end]), value) for start, end, value in ranked[:TOP_TOKENS]]
    if rest := ranked[TOP_TOKENS:]:
        parts.append(("rest", f"{len(rest)} other words", sum(value for _, _, value in rest)))
    parts += [
        ("context", context_words(feature, value), contribution)
        for feature, value, contribution in prediction.context_attributions
        if contribution
    ]
    steps = [Step("base", "expected before reading", prediction.base_value, 0.0, prediction.base_value)]
    for kind, label, value in parts:
        begin = steps[-1].end
        steps.append(Step(kind, label, value, begin, begin + value))
    return steps


def context_words(feature: str, value: float | None) -> str:
    """A context feature with its value, for people."""
    name = _CONTEXT_NAMES.get(feature, feature.replace("_", " "))
    return f"{name}: unknown" if value is None else f"{name}: {value:g}"


_EDGES = " \t\n.,:;!?\"'()[]{}"
_CONTEXT_NAMES = {
    "account_age_days": "age of the account in days",
    "author_strikes": "author’s strikes",
    "reports": "reports on this content",
    "reports_upheld_before": "author’s earlier upheld reports",
    "links": "links in the text",
}


def _level(value: float, strongest: float) -> int:
    share = abs(value) / strongest if strongest else 0.0
    if share < FAINT:
        return 0
    return min(int(share * LEVELS) + 1, LEVELS)


def _phrases(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, int, float]]:
    """Spans with nothing but white space between them, as one phrase with the sum of their values."""
    current: tuple[int, int, float] | None = None
    for start, end, value in spans:
        if current is not None and not text[current[1] : start].strip():
            current = (current[0], end, current[2] + value)
            continue
        if current is not None:
            yield current
        current = (start, end, value)
    if current is not None:
        yield current


def _shortened(quote: str) -> str:
    flat = " ".join(quote.split())
    return flat if len(flat) <= QUOTE_LENGTH else f"{flat[: QUOTE_LENGTH - 1]}…"
