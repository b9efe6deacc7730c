"""Inner validation: which recipe suits a policy, and what its scores are worth on texts it did not see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.corpus import Bools
from ml.errors import TrainingError
from ml.features import Floats, Ints
from ml.metrics import average_precision
from ml.recipes import RECIPES, Part, PolicyData, Recipe, fit_parts, parts_for
from ml.schemas import Example

FOLDS = 5
_ENOUGH = 500  # held-out texts of the rarer class that are enough to choose and to calibrate by


@dataclass(frozen=True, slots=True)
class Validated:
    """The recipe that ranks unseen texts best, with the logits of those texts by models that did not see them.

    `logits` and `known`, which marks the texts that were held out, are (n,). `shares` (n, len(recipe)) is where a fit
    of the recipe to all texts may start.
    """

    recipe: Recipe
    logits: Floats
    known: Bools
    shares: Floats


def folds_of(rows: Sequence[Example], seed: int) -> Ints:
    """Return the fold (n,) of each example; near duplicates share one."""
    folds = np.random.default_rng(seed).integers(FOLDS, size=len(rows))
    grouped = {number: row.group for number, row in enumerate(rows) if row.group}
    folds[list(grouped)] = [_fold_of(group, seed) for group in grouped.values()]
    return folds


def validate(policy: str, data: PolicyData, folds: Ints) -> Validated:
    """Fit every part without one fold after another, until enough texts of the rarer class were held out, and choose.

    Raises `TrainingError` where a fold cannot be left out.
    """
    held = _held_out(data.labels, folds)
    parts = parts_for(data.labels.size)
    logits = np.zeros((data.labels.size, len(parts)))
    shares: Floats | None = None
    for fold in held:
        left_out = folds == fold
        if _classes(data.labels[~left_out]) < 2:
            raise TrainingError(f"{policy} has one class only outside one of its validation folds")
        solved, _ = fit_parts(parts, data, left_out=left_out, shares=shares)
        logits[left_out] = data.rows.times(solved.weights, left_out)[left_out] + solved.bias
        shares = solved.shares
    known = np.isin(folds, held)
    if shares is None or _classes(data.labels[known]) < 2:
        raise TrainingError(f"{policy} has one class only in its validation folds")
    recipes = [recipe for recipe in RECIPES if set(recipe) <= set(parts)]
    blends = {recipe: logits[:, _lanes(recipe, parts)].mean(axis=1) for recipe in recipes}
    recipe = max(
        recipes,
        key=lambda item: average_precision(data.labels[known], blends[item][known], data.importance[known]) or 0.0,
    )
    return Validated(recipe, blends[recipe], known, shares[:, _lanes(recipe, parts)])


def _fold_of(key: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big") % FOLDS


def _held_out(labels: Bools, folds: Ints) -> Ints:
    """Return the folds to leave out in turn: all, or the first that together hold enough of both classes."""
    for count in range(1, FOLDS):
        known = labels[folds < count]
        if min(int(known.sum()), int((~known).sum())) >= _ENOUGH:
            return np.arange(count)
    return np.arange(FOLDS)


def _classes(labels: Bools) -> int:
    return len(np.unique(labels))


def _lanes(recipe: Recipe, parts: Sequence[Part]) -> list[int]:
    return [parts.index(part) for part in recipe]
