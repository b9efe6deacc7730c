"""The served model: one logistic regression a policy over shared features, scored and explained exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.errors import InputError
from ml.explain import explained_scores
from ml.features import FeatureSpace, Floats, Scorer
from ml.schemas import PolicyScore

Context = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class ContextFeature:
    """A binned context feature: bin 0 is "unknown", bin i (i >= 1) holds `edges[i-2] <= value < edges[i-1]`.

    `edges` rise; `weights` is (len(edges) + 2, n_policies) in logit units; `mean` (len(edges) + 2,) is the
    share of training texts in each bin and sums to one.
    """

    name: str
    edges: tuple[float, ...]
    weights: Floats
    mean: Floats

    def bin(self, value: float | None) -> int:
        """Return the bin of `value`; raises `InputError` where it is neither a finite number nor `None`."""
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"context feature {self.name} must be a finite number or null")
        return 1 + int(np.searchsorted(self.edges, value, side="right"))


class Model:
    """A fitted model; `ml.train` makes one, `ml.artifacts` stores and loads it.

    Parameters as attributes: `weights` (n_features, n_policies), `intercept` (n_policies,), `precision`
    (n_features, n_policies; how firmly each weight is known, in units of 1/weight², for continuation),
    `thresholds` on the score, a policy, and `manifest` with everything said about the model. `sha256` is
    empty until the model has been saved or loaded. Calibration and prevalence are folded into the weights.
    """

    def __init__(
        self,
        *,
        policies: tuple[str, ...],
        space: FeatureSpace,
        weights: Floats,
        intercept: Floats,
        precision: Floats,
        thresholds: Mapping[str, float],
        context: tuple[ContextFeature, ...] = (),
        manifest: Mapping[str, object],
        sha256: str = "",
    ) -> None:
        self.policies = policies
        self.space = space
        self.weights = weights
        self.intercept = intercept
        self.precision = precision
        self.thresholds = thresholds
        self.context = context
        self.manifest = manifest
        self.sha256 = sha256
        self._scorer: Scorer | None = None

    @property
    def scorer(self) -> Scorer:
        """The model as the compiled core takes it."""
        if self._scorer is None:
            self._scorer = Scorer(self.space, self.weights, self.intercept)
        return self._scorer

    def explain(
        self,
        texts: Sequence[str],
        contexts: Sequence[Context | None] | None = None,
        *,
        policies: Sequence[str] | None = None,
        thresholds: Mapping[str, float] | None = None,
    ) -> list[tuple[PolicyScore, ...]]:
        """Score and explain every text: one tuple a text, in the order of `policies` (default: all).

        `thresholds` overrides the model's own, a policy. A context feature that a text's context does not
        name is unknown; one that the model does not know is ignored. Raises `InputError` for an unknown
        policy, a threshold outside [0, 1], a text that is no string or a context value that is no number.
        """
        around = self._contexts(texts, contexts)
        chosen = self._columns(policies)
        limits = self._limits(thresholds)
        return explained_scores(self, self.scorer.explain(texts), around, columns=chosen, thresholds=limits)

    def decision_function(self, texts: Sequence[str], contexts: Sequence[Context | None] | None = None) -> Floats:
        """Return the logits (n_texts, n_policies), without explanation; errors as `explain`."""
        around = self._contexts(texts, contexts)
        logits = self.scorer.logits(texts)
        for feature in self.context:
            logits += feature.weights[[feature.bin((context or {}).get(feature.name)) for context in around]]
        return logits

    def lower_intercepts(self, by: Floats) -> None:
        """Take `by` (n_policies,) off every logit; only for a model that has not been saved yet."""
        self.intercept = self.intercept - by
        self._scorer = None

    def column(self, policy: str) -> int:
        """Return the column of `policy`; raises `InputError` where the model has none."""
        if policy not in self.policies:
            raise InputError(f"the model knows no policy {policy!r}; it knows {', '.join(self.policies)}")
        return self.policies.index(policy)

    def _columns(self, policies: Sequence[str] | None) -> list[int]:
        return [self.column(policy) for policy in (self.policies if policies is None else policies)]

    def _limits(self, thresholds: Mapping[str, float] | None) -> dict[str, float]:
        for policy, threshold in (thresholds or {}).items():
            self.column(policy)
            if not 0.0 <= threshold <= 1.0:
                raise InputError(f"the threshold of {policy} must lie between 0 and 1")
        return {**self.thresholds, **(thresholds or {})}

    def _contexts(self, texts: Sequence[str], contexts: Sequence[Context | None] | None) -> Sequence[Context | None]:
        if isinstance(texts, str):
            raise InputError("texts must be a sequence of strings, not one string")
        if contexts is not None and len(contexts) != len(texts):
            raise InputError(f"{len(texts)} texts came with {len(contexts)} contexts")
        return [None] * len(texts) if contexts is None else contexts
