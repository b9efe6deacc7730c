"""The learner as a scikit-learn estimator, for notebooks, pipelines and searches; serving never imports this module.

`TextClassifier` takes texts as X. Its y is one yes-or-no label a text, or a column a policy with NaN or None where
nobody judged: each policy learns from the texts that label it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from ml import artifacts
from ml.errors import TrainingError
from ml.features import Floats
from ml.model import Model
from ml.schemas import Example
from ml.stream import Stream
from ml.train import fit

_SINGLE = "positive"


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An additive, calibrated classifier of texts, one policy or several.

    Parameters are those of `ml.train.fit`: `policies` names the columns of y (default `policy_0` …); `prevalence` is
    the share of texts expected to be positive where the model will be used, one number or one a policy (default: as in
    training); `min_document_frequency` leaves rarer features out; `seed` decides the inner folds. `partial_fit` learns
    in bounded memory (`ml.stream`), at most `max_features` features.

    Attributes: `model_` is the fitted `ml.model.Model`, with `thresholds` for flagging; `classes_` (2,) the labels;
    `policies_` the names of the columns. `n_features_in_` is not set: a text has no columns.
    """

    def __init__(
        self,
        *,
        policies: Sequence[str] | None = None,
        prevalence: float | Mapping[str, float] | None = None,
        min_document_frequency: int = 3,
        max_features: int = 400_000,
        seed: int = 0,
    ) -> None:
        self.policies = policies
        self.prevalence = prevalence
        self.min_document_frequency = min_document_frequency
        self.max_features = max_features
        self.seed = seed

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from texts X (n,) and labels y, (n,) of two classes or (n, n_policies) of 0, 1 and NaN or None.

        `sample_weight` (n,) is at least 0: how sure a label is, times the inverse of the probability that the text was
        chosen for labelling. Raises `ValueError` for another shape and where a policy has too few labels.
        """
        self.__dict__.pop("stream_", None)
        examples = self._examples(X, y, sample_weight, self._start(y))
        prevalence = self._prevalence(examples)
        try:
            self._fitted: Model | None = fit(
                examples,
                policies=self.policies_,
                seed=self.seed,
                prevalence=prevalence,
                min_document_frequency=self.min_document_frequency,
                benign=(),
            )
        except TrainingError as error:
            raise ValueError(str(error)) from error
        return self

    def partial_fit(
        self, X: ArrayLike, y: Any, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from one more batch; memory does not grow with the number of batches.

        `classes` are the two labels of a one-dimensional y, needed where the first batch lacks one. A batch too small
        to learn from alone waits for the next (`ml.stream`); until then the estimator is not fitted.
        """
        if not hasattr(self, "stream_"):
            names = self._start(y, classes)
            self.stream_ = Stream(
                names,
                prevalence=None if self.prevalence is None else self._declared(self.prevalence),
                as_seen=self.prevalence is None,
                min_document_frequency=self.min_document_frequency,
                max_features=self.max_features,
                seed=self.seed,
                benign=(),
            )
        self.stream_.add(self._examples(X, y, sample_weight, self.policies_))
        self._fitted = None
        return self

    @property
    def model_(self) -> Model:
        """The fitted model; after `partial_fit` it is made when it is first asked for."""
        if self.__dict__.get("_fitted") is None:
            if not hasattr(self, "stream_") or not self.stream_.ready:
                raise AttributeError("not fitted: fewer than ten labels of a class")
            self._fitted = self.stream_.model()
        fitted: Model = self.__dict__["_fitted"]
        return fitted

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return the logits, (n,) or (n, n_policies)."""
        check_is_fitted(self, "model_")
        logits = self.model_.decision_function(_texts(X))
        return logits[:, 0] if self._single else logits

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return probabilities: (n, 2), in the order of `classes_`, or (n, n_policies) of being positive."""
        logits = self.decision_function(X)
        positive = np.exp(-np.logaddexp(0.0, -logits))
        return np.column_stack([1.0 - positive, positive]) if self._single else positive

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likelier label, of `classes_` (n,) or 0 and 1 a policy (n, n_policies)."""
        flags = (self.decision_function(X) > 0.0).astype(np.int64)
        return self.classes_[flags] if self._single else flags

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle and joblib copy: the model as its files. Raises `TypeError` in the midst of a stream."""
        if hasattr(self, "stream_"):
            raise TypeError("an estimator that learns from a stream cannot be copied; its model_ can be saved")
        state = dict(super().__getstate__())
        if state.get("_fitted") is not None:
            state["_fitted"] = _packed(state["_fitted"])
        return state

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take a copied state."""
        packed = state.get("_fitted")
        super().__setstate__({**state, **({"_fitted": _unpacked(packed)} if packed is not None else {})})

    def __sklearn_tags__(self) -> Tags:
        """Say what X and y may be: texts; two classes, or several labels."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.two_d_labels = True
        tags.target_tags.required = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags

    def _start(self, y: Any, classes: ArrayLike | None = None) -> tuple[str, ...]:
        """Set what the shape of y decides; return the names of the policies."""
        if y is None:
            raise ValueError("This TextClassifier estimator requires y to be passed, but the target y is None.")
        shape = np.asarray(y, dtype=object).shape
        self._single = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1 and self.policies is None)
        width = 1 if self._single else shape[1]
        default = (_SINGLE,) if self._single else tuple(f"policy_{column}" for column in range(width))
        self.policies_ = default if self.policies is None else tuple(self.policies)
        if len(self.policies_) != width:
            raise ValueError(f"y has {width} columns for {len(self.policies_)} policies")
        self.classes_ = _classes(y if classes is None else classes) if self._single else np.array([0, 1])
        return self.policies_

    def _examples(
        self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None, policies: Sequence[str]
    ) -> list[Example]:
        texts = _texts(X)
        weights = np.ones(len(texts)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        check_consistent_length(texts, y, weights)
        if weights.ndim != 1 or not np.all((weights >= 0.0) & np.isfinite(weights)):
            raise ValueError("sample_weight must be one finite number of at least 0 a text")
        if weights.size and not weights.any():
            raise ValueError("every sample_weight is zero: there is nothing to learn from")
        labels = self._labels(y)
        return [
            Example(
                text,
                {policy: bool(value) for policy, value in zip(policies, row, strict=True) if value >= 0.0},
                weight=float(weight),
            )
            for text, row, weight in zip(texts, labels, weights, strict=True)
        ]

    def _labels(self, y: Any) -> Floats:
        """Return y as (n, n_policies) of 0, 1 and -1 for unknown."""
        if self._single:
            given = column_or_1d(y, warn=True)
            if not np.isin(given, self.classes_).all():
                raise ValueError("y has a label that classes did not name")
            return np.asarray(given == self.classes_[1], dtype=np.float64)[:, None]
        found = np.array([[np.nan if value is None else value for value in row] for row in np.asarray(y, dtype=object)])
        labels = np.where(np.isnan(found.astype(np.float64)), -1.0, found.astype(np.float64))
        if labels.ndim != 2 or labels.shape[1] != len(self.policies_) or not np.isin(labels, (-1.0, 0.0, 1.0)).all():
            raise ValueError("y must have a column a policy, of 0, 1 and NaN or None where nobody judged")
        return labels

    def _prevalence(self, examples: Sequence[Example]) -> dict[str, float]:
        if self.prevalence is not None:
            return self._declared(self.prevalence)
        found = {}
        for policy in self.policies_:
            known = [(row.weight, row.labels[policy]) for row in examples if policy in row.labels]
            total = sum(weight for weight, _ in known)
            share = sum(weight for weight, label in known if label) / total if total else 0.5
            found[policy] = min(max(share, 1e-6), 1.0 - 1e-6)
        return found

    def _declared(self, prevalence: float | Mapping[str, float]) -> dict[str, float]:
        if isinstance(prevalence, Mapping):
            return dict(prevalence)
        return dict.fromkeys(self.policies_, float(prevalence))


def _packed(model: Model) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        artifacts.save(model, Path(folder) / "model")
        return {path.name: path.read_bytes() for path in (Path(folder) / "model").iterdir()}


def _unpacked(files: Mapping[str, bytes]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return artifacts.load(Path(folder))


def _texts(X: ArrayLike) -> list[str]:
    if isinstance(X, str):
        raise ValueError("X must be a sequence of texts, not one text")  # noqa: TRY004 (as scikit-learn does)
    texts = np.asarray(X, dtype=object)
    if texts.ndim != 1:
        raise ValueError(f"Expected 1D array of texts, got an array of shape {texts.shape}. Reshape your data.")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("every text of X must be a string")
    found: list[str] = texts.tolist()
    return found


def _classes(y: ArrayLike) -> NDArray[Any]:
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind != "binary":
        raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
    classes = np.unique(np.asarray(y))
    if classes.size < 2:
        raise ValueError("This classifier needs two classes; y contains one class only")
    return classes
