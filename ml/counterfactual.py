"""The smallest parts of a text without which it would not be flagged, each proven by scoring the text again.

An attribution says what a span adds where everything else stays. Cutting it out changes more: pairs of words
across the cut, the length both blocks of features are scaled by, what is absent. So every answer here has been
cut out of the text and the rest scored: "smallest sufficient removal" as in Martens & Provost 2014 (SEDC), with
an exhaustive search for sets of one and two spans put first and a proof of minimality put last.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.errors import InputError
from ml.model import Context, Model
from ml.schemas import Attribution, PolicyScore

Verdict = Literal["found", "not_flagged", "not_the_text_alone", "undecided"]

MAX_RESCORINGS = 512
"""Shortened texts that are scored at most, a policy: 16 singles, 120 pairs, the greedy search, the proof."""
SEARCHED_SPANS = 16  # spans of the largest attributions among which every single and every pair is tried
MAX_SETS = 5
_PROVEN_SIZE = 8  # a set of this many spans has 254 proper subsets: all of them are tried
_MARGIN = 1e-9  # `explain` and `decision_function` agree to this, in logit units

_Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SpanSet:
    """Spans, in text order, whose removal takes the score below the threshold.

    `score` is that of the text without them, rescored. `minimal` says that every proper subset was rescored
    and leaves the text flagged; a set of more than 8 spans is only known to need each of its spans.
    """

    spans: tuple[Attribution, ...]
    score: float
    minimal: bool


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What would have to go from a text for one policy not to flag it.

    `sets` has the smallest sets found, all of one size, lowest score first, at most 5; `smallest` says that no
    smaller set of attributed spans works. `verdict` is `found`, `not_flagged` (nothing to remove),
    `not_the_text_alone` (no removal tried suffices: context, or the expectation, carries the flag) or
    `undecided` (the rescorings ran out first). `score_without_text` is the score with every attributed span
    removed, `None` where that was not tried. `rescorings` counts the shortened texts that were scored.
    """

    policy: str
    score: float
    threshold: float
    verdict: Verdict
    sets: tuple[SpanSet, ...]
    smallest: bool
    score_without_text: float | None
    rescorings: int


def counterfactuals(
    model: Model,
    text: str,
    context: Context | None = None,
    *,
    policies: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    max_rescorings: int = MAX_RESCORINGS,
) -> tuple[Counterfactual, ...]:
    """Return what each policy's flag hangs on, in the order of `policies` (default: all of the model's).

    Singles, then pairs, of the 16 spans with the largest attributions are all tried. Where none suffices, ever
    more spans are removed in the order of their attributions (3, 4, 6, 8, 12, …, all that speak for the flag,
    all), and the first set that suffices is pruned until each of its spans is needed; its proper subsets are then
    tried by size. At most `max_rescorings` texts are scored a policy. `thresholds` and `context` mean what they
    mean to `Model.explain`. Raises `InputError` as that does, or where `max_rescorings` is below 1.
    """
    if max_rescorings < 1:
        raise InputError("max_rescorings must be at least 1")
    [scores] = model.explain([text], [context], policies=policies, thresholds=thresholds)
    return tuple(_of_score(_Search(model, text, context, score, max_rescorings)) for score in scores)


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return `text` without the half-open code-point ranges in `spans`, which must not overlap.

    What stood apart stays apart: the sides of a cut are joined by the white space they have, on one side where
    both have some, or by a space where they have none. Raises `InputError` for a range outside the text.
    """
    kept: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if not position <= start < end <= len(text):
            raise InputError("spans must lie in the text and must not overlap")
        kept.append(text[position:start])
        position = end
    kept.append(text[position:])
    joined = kept[0]
    for piece in kept[1:]:
        joined = _join(joined, piece)
    return joined


def _join(left: str, right: str) -> str:
    if not left or left[-1].isspace():
        return left + right.lstrip()
    if not right or right[0].isspace():
        return left + right if right.strip() else left
    return f"{left} {right}"


class _OutOfRescorings(Exception):
    """The next rescoring would be one too many."""


class _Search:
    """One policy's flag, and the scores of every shortened text so far; spans are numbered by attribution."""

    def __init__(self, model: Model, text: str, context: Context | None, flag: PolicyScore, limit: int) -> None:
        self.flag = flag
        self.spans = sorted(flag.attributions, key=lambda item: (-item.value, item.start))
        self.scores: dict[_Key, float] = {}
        self._model = model
        self._text = text
        self._context = context
        self._limit = limit
        self._column = model.policies.index(flag.policy)

    def frees(self, keys: Sequence[_Key]) -> list[_Key]:
        """Return those of `keys` (rising span numbers) whose removal takes the score below the threshold.

        Raises `_OutOfRescorings` before it would score more texts than allowed; nothing is scored twice.
        """
        new = [key for key in dict.fromkeys(keys) if key not in self.scores]
        room = self._limit - len(self.scores)
        texts = [without(self._text, ((self.spans[n].start, self.spans[n].end) for n in key)) for key in new[:room]]
        if texts:
            logits = self._model.decision_function(texts, [self._context] * len(texts))[:, self._column]
            self.scores.update(zip(new, np.exp(-np.logaddexp(0.0, -(logits + _MARGIN))).tolist(), strict=False))
        if len(new) > room:
            raise _OutOfRescorings
        return [key for key in keys if self.scores[key] < self.flag.threshold]

    def is_minimal(self, key: _Key) -> bool:
        """Whether every proper subset of `key` was scored and leaves the text flagged."""
        return all(self.scores.get(part, -1.0) >= self.flag.threshold for part in _proper_subsets(key))


def _of_score(search: _Search) -> Counterfactual:
    flag = search.flag
    if not flag.flagged:
        return _answer(search, "not_flagged", [])
    everything = tuple(range(len(search.spans)))
    try:
        if everything:
            search.frees([everything])
        found = _small_sets(search) or _greedy_set(search)
    except _OutOfRescorings:
        known = [key for key, score in search.scores.items() if score < flag.threshold]
        least = min(map(len, known), default=0)
        return _answer(search, "found" if known else "undecided", [key for key in known if len(key) == least])
    return _answer(search, "found" if found else "not_the_text_alone", found)


def _small_sets(search: _Search) -> list[_Key]:
    """Return every single span that suffices, or else every pair, among the spans of largest attribution."""
    top = range(min(SEARCHED_SPANS, len(search.spans)))
    for size in (1, 2):
        found = search.frees(list(itertools.combinations(top, size)))
        if found:
            return found
    return []


def _greedy_set(search: _Search) -> list[_Key]:
    for size in _ladder(search):
        [*reached] = search.frees([tuple(range(size))])
        if reached:
            return [_smallest_within(search, _pruned(search, reached[0]))]
    return []


def _ladder(search: _Search) -> list[int]:
    """Return how many spans of largest attribution to remove, rising by at most half; all is the last."""
    speaking = sum(span.value > 0.0 for span in search.spans)
    sizes = {speaking, len(search.spans)} - {0}
    step = 3
    while step < len(search.spans):
        sizes |= {step, step + step // 3}
        step *= 2
    return sorted(size for size in sizes if size <= len(search.spans))


def _pruned(search: _Search, key: _Key) -> _Key:
    """Return a part of `key` that suffices and none of whose spans can be spared, the weakest spared first."""
    spared = True
    while spared:
        spared = False
        for number in reversed(key):
            rest = tuple(other for other in key if other != number)
            if rest and search.frees([rest]):
                key, spared = rest, True
    return key


def _smallest_within(search: _Search, key: _Key) -> _Key:
    """Return the smallest part of `key` that suffices, by trying all of them unless they are too many."""
    if len(key) <= _PROVEN_SIZE:
        for size in range(1, len(key)):
            found = search.frees(list(itertools.combinations(key, size)))
            if found:
                return min(found, key=search.scores.__getitem__)
    return key


def _proper_subsets(key: _Key) -> Iterator[_Key]:
    if len(key) > _PROVEN_SIZE:
        yield ()  # too many to have been scored: the empty one stands for those that were not
    for size in range(1, len(key)):
        yield from itertools.combinations(key, size)


def _answer(search: _Search, verdict: Verdict, keys: Sequence[_Key]) -> Counterfactual:
    best = sorted(keys, key=lambda key: (search.scores[key], key))[:MAX_SETS]
    count = len(search.spans)
    smaller = [] if not best else [key for size in range(1, len(best[0])) for key in _few(count, size)]
    everything = tuple(range(count))
    return Counterfactual(
        policy=search.flag.policy,
        score=search.flag.score,
        threshold=search.flag.threshold,
        verdict=verdict,
        sets=tuple(_span_set(search, key) for key in best),
        smallest=bool(best) and None not in smaller and all(key in search.scores for key in smaller if key),
        score_without_text=search.scores.get(everything),
        rescorings=len(search.scores),
    )


def _span_set(search: _Search, key: _Key) -> SpanSet:
    spans = sorted((search.spans[number] for number in key), key=lambda item: item.start)
    return SpanSet(tuple(spans), search.scores[key], search.is_minimal(key))


def _few(count: int, size: int) -> Iterator[_Key | None]:
    """Yield every set of `size` out of `count` spans, or `None` where they are more than are ever scored."""
    if size > 2 and count > _PROVEN_SIZE:
        yield None
    else:
        yield from itertools.combinations(range(count), size)
