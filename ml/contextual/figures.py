"""What both readers and their stack reach on the held-out parts, and what the cascade keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import datasets
from ml.contextual.cascade import Band, Bands
from ml.contextual.corpus import Row, heads
from ml.contextual.fitting import judged
from ml.contextual.heads import Heads
from ml.contextual.stack import Stack, fit_stack
from ml.features import Floats
from ml.metrics import average_precision, bootstrap, recall_at_precision, roc_auc
from ml.release import PREVALENCE

Vectors = NDArray[np.float32]
_PRECISION = 0.9
"""At this precision the cascade's recall is set beside that of asking about everything."""


def all_figures(
    shown: Sequence[Row],
    arrays: Mapping[str, NDArray[Any]],
    exact: Vectors,
    served: Vectors,
    first: Floats,
    made: Heads,
    stacks: Mapping[str, Stack],
    bands: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Return the figures that the manifest and the card hold.

    All arrays have a row for each of `shown`: `exact` and `served` the embeddings of the float and of the int8 encoder,
    `first` the first reader's logits (n, n_policies).
    """
    second = made.logits(served)
    stacked = np.column_stack(
        [stacks[policy].logits(first[:, i], second[:, i]) for i, policy in enumerate(made.policies)]
    )
    names = list(heads())
    sets = []
    for item in datasets.SETS:
        for policy in item.columns:
            column, name = made.policies.index(policy), f"{item.name}/{policy}"
            own = names.index(name) if name in names else None
            sets.append(
                _set(shown, name, own, arrays, exact, served, first[:, column], second[:, column], stacked[:, column])
            )
    return {"sets": sets, "cascade": [_cascade(shown, made, policy, first, stacked, bands) for policy in made.policies]}


def _set(
    shown: Sequence[Row],
    name: str,
    own: int | None,
    arrays: Mapping[str, NDArray[Any]],
    exact: Vectors,
    served: Vectors,
    first: Floats,
    second: Floats,
    stacked: Floats,
) -> dict[str, Any]:
    test, labels = _labelled(shown, name, {"test"})
    found: dict[str, Any] = {"set": name, "n": len(test), "positives": int(labels.sum())}
    scores = {"first": first[test], "policy_head": second[test], "policy_stack": stacked[test]}
    if own is not None:
        weight, bias = arrays["head.weight"][own], arrays["head.bias"][own]
        of_set, of_set_exact = served @ weight + bias, exact @ weight + bias
        kept, kept_labels = _labelled(shown, name, {"kept", "validation"})
        scores["encoder"] = of_set[test]
        if kept_labels.any() and not kept_labels.all():
            stack = fit_stack(first[kept], of_set[kept], kept_labels.astype(float))
            scores["stack"] = stack.logits(first[test], of_set[test])
        found["auc_float"] = roc_auc(labels, of_set_exact[test])
        found["auc_int8"] = roc_auc(labels, of_set[test])
    for key, values in scores.items():
        found[key] = asdict(bootstrap(average_precision, labels, values))
    return found


def _labelled(shown: Sequence[Row], name: str, parts: set[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    places = [place for place, row in enumerate(shown) if row.part in parts and name in row.labels]
    return np.array(places, dtype=np.int64), np.array([shown[place].labels[name] for place in places], dtype=bool)


def _cascade(
    shown: Sequence[Row],
    made: Heads,
    policy: str,
    first: Floats,
    stacked: Floats,
    bands: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    """Return, on test rows drawn at the declared prevalence, the share asked about for this policy and the recall at
    `_PRECISION` of the cascade over that of asking about all."""
    column = made.policies.index(policy)
    tested = [place for place, row in enumerate(shown) if row.part == "test"]
    given = judged([shown[place] for place in tested], policy)
    random = np.random.default_rng(0)
    violating, fine = (np.flatnonzero(given.labels == side) for side in (1.0, 0.0))
    share = PREVALENCE[policy]
    wanted = min(len(violating), max(20, int(len(fine) * share / (1.0 - share))))
    chosen = np.concatenate([random.choice(violating, min(wanted, len(violating)), replace=False), fine])
    places, labels = np.array(tested)[given.places[chosen]], given.labels[chosen] == 1.0
    low, high = bands[policy]
    asked = Bands({policy: Band(low, high)}).needs_second([policy], first[places][:, [column]])
    mixed = np.where(asked, stacked[places, column], first[places, column])
    everything = recall_at_precision(labels, stacked[places, column], _PRECISION)
    cascade = recall_at_precision(labels, mixed, _PRECISION)
    alone = recall_at_precision(labels, first[places, column], _PRECISION)
    kept = None if not everything or cascade is None else cascade / everything
    return {
        "policy": policy,
        "asked": float(asked.mean()),
        "recall_of_all": everything,
        "recall_of_cascade": cascade,
        "recall_of_first": alone,
        "kept": kept,
    }
