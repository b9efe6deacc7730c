"""From the heads of sets to a head a policy, a stack and a band: all that is fitted to what the encoder did not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contextual.cascade import Band, choose_band
from ml.contextual.corpus import Row, heads_of
from ml.contextual.heads import Heads
from ml.contextual.logistic import fit_rising
from ml.contextual.stack import Stack, fit_stack
from ml.features import Floats
from ml.metrics import log_odds

SHARE_ASKED = 0.15
"""Share of scanned content that the second reader may be asked about, over all policies."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that have a label for one policy: their places, labels and weights, every set weighing the same."""

    places: NDArray[np.int64]
    labels: Floats
    weights: Floats


def judged(rows: Sequence[Row], policy: str) -> Judged:
    """Return the rows of which any head of `policy` has a label."""
    own = heads_of(policy)
    found = [(place, [row.labels[name] for name in own if name in row.labels]) for place, row in enumerate(rows)]
    known = [(place, any(values)) for place, values in found if values]
    counts = Counter(rows[place].source for place, _ in known)
    return Judged(
        np.array([place for place, _ in known], dtype=np.int64),
        np.array([value for _, value in known], dtype=np.float64),
        np.array([1.0 / counts[rows[place].source] for place, _ in known]),
    )


def policy_head(
    names: Sequence[str],
    weights: Floats,
    intercept: Floats,
    embeddings: Floats,
    given: Judged,
    policy: str,
    share: float,
) -> tuple[NDArray[np.float32], np.float32]:
    """Return weights (width,) and intercept of the policy's logit: the sets' heads, none counting against it.

    `weights` is (width, n_heads) and `intercept` (n_heads,) of the heads `names`; `embeddings` (n, width) are of all
    rows; `share` is the declared prevalence that the intercept stands for.
    """
    columns = [names.index(name) for name in heads_of(policy)]
    logits = embeddings[given.places] @ weights[:, columns] + intercept[columns]
    constant, slopes = fit_rising(logits, given.labels, given.weights)
    constant += _shift(given, share)
    folded = weights[:, columns] @ slopes
    return folded.astype(np.float32), np.float32(constant + intercept[columns] @ slopes)


def policy_stack(first: Floats, second: Floats, given: Judged, share: float) -> Stack:
    """Return the stack of both readers' logits (n,) of all rows at the declared prevalence `share`."""
    stack = fit_stack(first[given.places], second[given.places], given.labels, given.weights)
    return Stack(stack.intercept + _shift(given, share), stack.first, stack.second)


def policy_band(first: Floats, stacked: Floats, given: Judged, share: float, threshold: float, policies: int) -> Band:
    """Return the band on rows drawn so that `share` of them violate, with an even part of what may be asked."""
    random = np.random.default_rng(0)
    violating, fine = (np.flatnonzero(given.labels == side) for side in (1.0, 0.0))
    wanted = min(len(violating), int(len(fine) * share / (1.0 - share)))
    chosen = given.places[np.concatenate([random.choice(violating, wanted, replace=False), fine])]
    return choose_band(first[chosen], stacked[chosen], share=SHARE_ASKED / policies, threshold=threshold)


def heads(policies: Sequence[str], columns: Sequence[tuple[NDArray[np.float32], np.float32]]) -> Heads:
    """Return the heads of `policies` as one matrix."""
    return Heads(
        tuple(policies), np.column_stack([weight for weight, _ in columns]), np.array([bias for _, bias in columns])
    )


def _shift(given: Judged, share: float) -> float:
    """Return what takes a logit from the weighted share of positives to the declared one."""
    return log_odds(share) - log_odds(float(given.labels @ given.weights / given.weights.sum()))
