"""Explanations as `shap.Explanation` objects, for notebooks; shap is imported only here, and only when it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.features import Floats
from ml.model import Context, Model

if TYPE_CHECKING:
    import shap

ABSENT = "(absent)"
"""The name of what a text's missing features add."""


def shap_explanations(
    model: Model, texts: Sequence[str], policy: str, contexts: Sequence[Context | None] | None = None
) -> list[shap.Explanation]:
    """Return one `shap.Explanation` a text, in logits: its spans in order, then context features, then what is absent.

    `values` (n_parts,) and `base_values` sum to the logit to 1e-9; `data` holds the spans' characters and context
    values, `feature_names` what each part is called. `shap.plots` draws them. Raises `ImportError` where shap is not
    installed, errors as `Model.explain`.
    """
    import shap

    found = []
    for text, [score] in zip(texts, model.explain(texts, contexts, policies=[policy]), strict=True):
        spans = [(text[item.start : item.end], item.value) for item in score.attributions]
        around = [(item.feature, item.value, item.contribution) for item in score.context_attributions]
        names = [*(part for part, _ in spans), *(name for name, _, _ in around), ABSENT]
        data: list[Any] = [*(part for part, _ in spans), *(value for _, value, _ in around), ""]
        values = [*(value for _, value in spans), *(value for *_, value in around), score.absent]
        found.append(
            shap.Explanation(
                values=np.array(values),
                base_values=score.base_value,
                data=np.array(data, dtype=object),
                feature_names=names,
            )
        )
    return found


def feature_explanation(model: Model, texts: Sequence[str], policy: str) -> shap.Explanation:
    """Return the value of every feature, (n_texts, n_features), as `shap.LinearExplainer(model, (mean, None))` does.

    Dense: for a few texts or a small model. Features have no names but their keys.
    """
    import shap

    values = dense_values(model, texts)
    weights, mean = model.weights[:, model.column(policy)], model.space.mean
    base = float(model.intercept[model.column(policy)] + mean @ weights)
    names = [f"{key:016x}" for key in model.space.vocabulary.keys]
    return shap.Explanation(
        values=weights * (values - mean),
        base_values=np.full(len(texts), base),
        data=values,
        feature_names=names,
    )


def dense_values(model: Model, texts: Sequence[str]) -> Floats:
    """Return the feature values of the texts, (n_texts, n_features)."""
    found = model.space.vectorise(texts)
    values = np.zeros((len(texts), len(model.space.vocabulary)))
    values[np.repeat(np.arange(len(texts)), np.diff(found.indptr)), found.indices] = found.values
    return values
