"""What a champion forgets while it learns a community's own labels, with and without the pull towards its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.continuation import PULL, continue_from
from ml.evaluate import labelled, logits_of
from ml.metrics import Estimate, average_precision, bootstrap
from ml.model import Model
from ml.schemas import Example

SIZES = (0, 250, 500, 1000, 2000, 4000, 8000)
LOOSE = PULL / 1000.0
"""The pull of a continuation that is next to free to forget."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Average precision on the test part of `source` after `size` new labels of `new`, continued with `pull`."""

    policy: str
    new: str
    source: str
    pull: float
    size: int
    average_precision: Estimate


def forgetting_curve(
    champion: Model,
    policy: str,
    new: Sequence[Example],
    old: Mapping[str, Sequence[Example]],
    *,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
) -> list[Forgetting]:
    """Continue from `champion` on ever more of `new`'s train part, on nothing else; measure `new` and each of `old`.

    A point a pull (the default and next to none), a size as far as labels go, and a set; each sample of labels holds
    the smaller ones.
    """
    name = new[0].source
    rows = [row for row in new if row.split == "train" and policy in row.labels]
    order = np.random.default_rng(seed).permutation(len(rows))
    drawn = [replace(rows[place], labels={policy: rows[place].labels[policy]}) for place in order]
    tests = {source: [row for row in given if row.split == "test"] for source, given in {name: new, **old}.items()}
    wanted = sorted({size for size in sizes if size <= len(drawn)})
    points = []
    for pull in (PULL, LOOSE):
        for size in wanted:
            model = continue_from(champion, drawn[:size], pull=pull, benign=(), seed=seed) if size else champion
            points += [
                Forgetting(policy, name, source, pull, size, _precision(model, policy, test, seed))
                for source, test in tests.items()
            ]
    return points


def _precision(model: Model, policy: str, test: Sequence[Example], seed: int) -> Estimate:
    places, labels = labelled(test, policy)
    logits = logits_of(model, [test[place] for place in places])[:, model.column(policy)]
    return bootstrap(average_precision, labels, logits, seed=seed)
