"""Which texts the second reader is asked about: what the first finds neither clearly fine nor clearly violating."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.features import Floats


@dataclass(frozen=True, slots=True)
class Band:
    """Logits of the first reader, `low` inclusive to `high` exclusive, that are asked about."""

    low: float
    high: float


class Bands:
    """A band a policy."""

    def __init__(self, bands: Mapping[str, Band]) -> None:
        self.bands = dict(bands)

    def needs_second(self, policies: Sequence[str], logits: Floats) -> NDArray[np.bool_]:
        """Return (n,) whether any policy's logit, a column of `logits` (n, n_policies), lies in its band."""
        asked = np.zeros(len(logits), dtype=bool)
        for column, policy in enumerate(policies):
            if policy in self.bands:
                band = self.bands[policy]
                asked |= (logits[:, column] >= band.low) & (logits[:, column] < band.high)
        return asked


def choose_band(first: Floats, stacked: Floats, *, share: float, threshold: float) -> Band:
    """Return the band that asks about at most `share` of texts and leaves fewest of those to be flagged unasked.

    `first` and `stacked` are (n,) logits of held-out texts as they come. Without a second reading a text keeps its
    first logit, so what is lost are texts whose stacked logit is at least `threshold` and whose first is below it,
    outside of the band.
    """
    order = np.sort(first)
    count = len(order)
    room = int(share * count)
    if room <= 0:
        return Band(0.0, 0.0)
    starts = np.unique(np.linspace(0, count - room, num=min(200, count - room + 1)).astype(int))
    best = Band(float(order[count - room]), float("inf"))
    fewest = count + 1
    for start in starts[::-1]:
        band = Band(float(order[start]), float(order[start + room]) if start + room < count else float("inf"))
        asked = (first >= band.low) & (first < band.high)
        missed = int(((stacked >= threshold) & (np.where(asked, stacked, first) < threshold)).sum())
        if missed < fewest and asked.mean() <= share:
            best, fewest = band, missed
    return best
