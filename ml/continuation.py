"""Going on from a champion: new labels move its weights, what it knows firmly stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.artifacts import compact, compact_precision
from ml.context import contributions, learn_context
from ml.corpus import Bools, Rows, label_matrix, rows_of
from ml.errors import TrainingError
from ml.features import Floats
from ml.model import ContextFeature, Model
from ml.probes import BENIGN
from ml.provenance import libraries
from ml.recipes import curvature
from ml.schemas import Example
from ml.solver import solve
from ml.thresholds import excess_over

PULL = 2.0
_SHIFT_PENALTY = 0.1


@dataclass(frozen=True, slots=True)
class Moved:
    """One policy's weights and their precision after new labels, (n_features,)."""

    weights: Floats
    precision: Floats


def continue_from(
    champion: Model,
    examples: Sequence[Example],
    *,
    seed: int = 0,
    pull: float = PULL,
    benign: Sequence[str] = BENIGN,
) -> Model:
    """Train on new labels of split `train`, every weight pulled towards the champion's.

    The pull is `pull/2 * precision * (weight - champion's weight)²` with the precision frozen in the
    champion: the diagonal Laplace approximation of what it has learnt (Ritter, Botev & Barber 2018); it is
    weaker than the truth along features that occur together, hence a default above one. Only
    features that the examples hold can move. How often the new labels are positive depends on what was put
    before people, so a shift of each policy's log odds is fitted beside the weights and left out of the model:
    the declared prevalence stays. Context features get weight (`ml.context`) once labels suffice, the champion's
    stay until then. An intercept is lowered, by at most 0.5, where one of the `benign` texts would
    come to cross the champion's threshold. A policy without labels stays as it is. The result does not depend
    on chance; `seed` is recorded only. Raises `TrainingError` where no example has labels.
    """
    chosen = [row for row in examples if row.split == "train" and row.weight > 0.0]
    labels = label_matrix(chosen, champion.policies)
    importance = np.array([row.weight for row in chosen])
    rows = rows_of([row.text for row in chosen], champion.space.vocabulary, champion.space.idf)
    context = learn_context(chosen, labels, rows.times(champion.weights) + champion.intercept) or champion.context
    offset = champion.intercept + contributions(context, chosen, len(champion.policies))
    weights, precision = champion.weights.copy(), champion.precision.copy()
    training: dict[str, dict[str, int]] = {}
    for column, policy in enumerate(champion.policies):
        known = np.flatnonzero(labels[:, column] >= 0)
        if known.size == 0:
            continue
        truth = labels[known, column] == 1
        moved = move(
            rows.take(known),
            truth,
            importance[known],
            weights=weights[:, column],
            precision=precision[:, column],
            offset=offset[known, column],
            pull=pull,
        )
        weights[:, column], precision[:, column] = moved.weights, moved.precision
        training[policy] = {"n": int(truth.size), "positives": int(truth.sum())}
    if not training:
        raise TrainingError("no training example has a label for any policy of the champion")
    said = {"seed": seed, "pull": pull, "continued_on": training}
    model = _successor(champion, weights, precision, context, said)
    model.lower_intercepts(excess_over(model, benign))
    return model


def _successor(
    champion: Model,
    weights: Floats,
    precision: Floats,
    context: tuple[ContextFeature, ...],
    said: Mapping[str, object],
) -> Model:
    """Return the champion with other weights, and a manifest that says where they come from."""
    return Model(
        policies=champion.policies,
        space=champion.space,
        weights=compact(weights),
        intercept=champion.intercept.copy(),
        precision=compact_precision(precision),
        thresholds=dict(champion.thresholds),
        context=context,
        manifest={
            **champion.manifest,
            "kind": "continuation",
            "champion": champion.sha256,
            "libraries": libraries(),
            **said,
        },
    )


def move(
    rows: Rows,
    labels: Bools,
    importance: Floats,
    *,
    weights: Floats,
    precision: Floats,
    offset: Floats,
    pull: float,
) -> Moved:
    """Return where new labels (n,) take one policy's `weights`, held where they are by `pull` times `precision`.

    Weights and precision are (n_features,), `offset` (n,) is what intercept and context say; only features
    that `rows` hold move.
    """
    local, present = rows.local()
    before = local.times(weights[present, None])[:, 0] + offset
    free = 1.0 / np.sqrt(precision[present])
    solved = solve(
        local,
        labels,
        importance[:, None] / pull,
        free[:, None],
        offset=before,
        bias=float(np.sqrt(pull / _SHIFT_PENALTY)),
    )
    after = before + local.times(solved.weights)[:, 0] + solved.bias[0]
    moved, firmer = weights.copy(), precision.copy()
    moved[present] += solved.weights[:, 0]
    firmer[present] += curvature(local, after, importance)
    return Moved(moved, firmer)
