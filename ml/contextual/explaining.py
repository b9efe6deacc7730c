"""Owen values of the words of a text, by `shap.Explainer` with a text masker, on spans of the original text.

Words are the players, grouped by the balanced tree of neighbours that shap builds over a text; a coalition is the text
with the other words masked. Values are sums of differences of logits, so with the logit of the text all masked
they add up to the logit exactly (to 1e-5 in the encoder's float32). Lundberg & Lee 2017; Owen 1977.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.contextual.reading import Reading
from ml.features import Floats
from ml.schemas import Attribution

MOST_CALLS = 256
"""Texts the encoder reads at most for one explanation, a few of the last batch more; what is not parted by then is
shared evenly within its group."""

MOST_WORDS = 110
"""Words that are players: the encoder reads no more pieces than that."""

_MASK = "[MASK]"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`logit = base_value + sum(values of attributions)` to 1e-5; `calls` texts were read for it."""

    logit: float
    base_value: float
    attributions: tuple[Attribution, ...]
    calls: int


def explain(reading: Reading, logits: Callable[[Sequence[str]], Floats]) -> Explanation:
    """Return the explanation of `reading`, given the function from normalised texts (n) to logits (n,)."""
    words = reading.words[:MOST_WORDS]
    rest = reading.words[MOST_WORDS:]
    calls = 0

    def of_coalitions(kept: Any) -> Floats:
        nonlocal calls
        calls += len(kept)
        return logits([" ".join([*_masked(words, row), *rest]) for row in np.asarray(kept, dtype=bool)])

    if not words:
        [logit] = logits([""])
        return Explanation(float(logit), float(logit), (), 1)
    if len(words) == 1:
        base, logit = of_coalitions([[False], [True]])
        return _explanation(reading, [logit - base], float(base), calls)
    values, base = _owen(len(words), of_coalitions)
    return _explanation(reading, values, base, calls)


def _owen(count: int, of_coalitions: Callable[[Any], Floats]) -> tuple[Floats, float]:
    import shap
    from scipy.cluster.hierarchy import linkage

    # Neighbours join first: a balanced tree over the places of the words, as shap's text masker has it.
    tree = linkage(np.arange(count, dtype=float)[:, None], method="average")
    tree[:, 2] = tree[:, 3] / count
    background = np.zeros((1, count))

    def masker(kept: Any, _: Any) -> tuple[Any]:
        return (np.asarray(kept, dtype=float)[None, :],)

    masker.clustering = tree  # type: ignore[attr-defined]
    masker.shape = background.shape  # type: ignore[attr-defined]
    explainer = shap.explainers.PartitionExplainer(of_coalitions, masker)
    found = explainer(np.ones((1, count)), max_evals=MOST_CALLS, silent=True)
    return np.asarray(found.values[0], dtype=np.float64), float(np.ravel(found.base_values)[0])


def _masked(words: Sequence[str], kept: Any) -> list[str]:
    return [word if keeps else _MASK for word, keeps in zip(words, kept, strict=True)]


def _explanation(reading: Reading, values: Sequence[float] | Floats, base: float, calls: int) -> Explanation:
    """Put the values on spans: words of overlapping or equal spans share one attribution."""
    merged: list[Attribution] = []
    for (start, end), value in zip(reading.spans, values, strict=False):
        if merged and start < merged[-1].end:
            last = merged.pop()
            merged.append(Attribution(last.start, max(end, last.end), last.value + float(value)))
        else:
            merged.append(Attribution(start, end, float(value)))
    return Explanation(base + math.fsum(item.value for item in merged), base, tuple(merged), calls)
