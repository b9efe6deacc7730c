"""Fitting a base model from labelled texts in memory (`ml.continuation` continues it, `ml.stream` trains on more).

A policy is a logistic regression on the shared features, optionally scaled by their naive-Bayes log-count ratio (Wang
& Manning 2012), which is folded into the weights. Penalty and scaling are chosen by inner validation. One source may
be named as what the model will serve: its texts weigh a fixed share, whatever the size of the others, and how often
they violate is kept out of the weights. Calibration is affine in the logit with positive slope (Platt 1999), from
out-of-fold logits, and the intercept is shifted to the declared prevalence (Saerens et al. 2002); both are folded in
as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.artifacts import compact, compact_mean, compact_precision
from ml.calibrate import affine, shift_to
from ml.continuation import continue_from
from ml.corpus import Bools, Corpus, Labels, Rows, corpus_of, label_matrix
from ml.errors import TrainingError
from ml.features import FeatureSpace, Floats, Ints
from ml.metrics import average_precision
from ml.model import Model
from ml.probes import BENIGN
from ml.provenance import libraries
from ml.recipes import PolicyData, curvature, fit_parts, prior_precision
from ml.schemas import Example
from ml.thresholds import best_threshold, raised_above
from ml.validation import folds_of, validate
from ml.weighting import balanced, shared_out

__all__ = ["MIN_CLASS", "TRIAGE_BELOW", "continue_from", "fit"]

MIN_CLASS = 10  # positives, and negatives, below which a policy cannot be validated
TRIAGE_BELOW = 300  # training positives under which a policy's scores are for sorting only
DEFAULT_PREVALENCE = 0.05
_SERVED_SHARE = 0.25  # weight of the texts like those served, against that of all others, where none is given


@dataclass(frozen=True, slots=True)
class PolicyFit:
    """One fitted policy in units of the shared features; arrays are (n_features,)."""

    weights: Floats
    intercept: float
    precision: Floats
    threshold: float
    positives: int
    facts: Mapping[str, float | int | str]


def fit(
    examples: Sequence[Example],
    *,
    policies: Sequence[str],
    seed: int = 0,
    prevalence: Mapping[str, float] | None = None,
    min_document_frequency: int = 3,
    benign: Sequence[str] = BENIGN,
    served_like: str | None = None,
    served_share: Mapping[str, float] | None = None,
) -> Model:
    """Train a model from nothing on the examples of split `train`; the others, and those of weight 0, are ignored.

    `prevalence` is the share of content that is expected to violate each policy where the model will serve
    (default 0.05). Features in fewer than `min_document_frequency` texts are left out. A threshold that one of
    the `benign` texts would cross is raised above it. `served_like` names the source whose texts are like those
    the model will serve: for each policy they weigh together `served_share` of all others (default 0.25), and
    thresholds are chosen mostly on them. The same arguments give the same model, bit for bit. Raises
    `TrainingError` where a policy has too few examples of a class, or no example is of the source `served_like`.
    """
    rows = [example for example in examples if example.split == "train" and example.weight > 0.0]
    if not rows:
        raise TrainingError("there is no training example")
    served = np.array([row.source == served_like for row in rows])
    if served_like is not None and not served.any():
        raise TrainingError(f"no training example is of source {served_like!r}")
    declared = {policy: (prevalence or {}).get(policy, DEFAULT_PREVALENCE) for policy in policies}
    shares = {policy: (served_share or {}).get(policy, _SERVED_SHARE) for policy in policies}
    labels = label_matrix(rows, policies)
    importance = np.array([row.weight for row in rows])
    _check(labels, declared)
    corpus = corpus_of([row.text for row in rows], labels, min_document_frequency=min_document_frequency)
    folds = folds_of(rows, seed)
    fits = {}
    for column, policy in enumerate(policies):
        chosen = np.flatnonzero(labels[:, column] >= 0)
        data = _policy_data(corpus, labels[:, column] == 1, importance, served, chosen, shares[policy])
        fits[policy] = _fit_policy(policy, data, folds[chosen], declared[policy])
    model = _assembled(corpus, fits, [row.source for row in rows])
    model.manifest = {
        "kind": "base",
        "seed": seed,
        "prevalence": declared,
        "training": {policy: dict(found.facts) for policy, found in fits.items()},
        "triage_only": [policy for policy, found in fits.items() if found.positives < TRIAGE_BELOW],
        "served_like": served_like,
        "served_share": shares if served_like is not None else {},
        "background": "mean over the training texts, every source weighing the same",
        "libraries": libraries(),
    }
    model.thresholds = raised_above(model, benign)
    return model


def _check(labels: Labels, declared: Mapping[str, float]) -> None:
    for column, (policy, prevalence) in enumerate(declared.items()):
        if not 0.0 < prevalence < 1.0:
            raise TrainingError(f"the declared prevalence of {policy} must lie strictly between 0 and 1")
        if min((labels[:, column] == 1).sum(), (labels[:, column] == 0).sum()) < MIN_CLASS:
            raise TrainingError(
                f"{policy} has fewer than {MIN_CLASS} positive or negative training examples; both classes are needed"
            )


def _policy_data(
    corpus: Corpus, labels: Bools, importance: Floats, served: Bools, chosen: Ints, share: float
) -> PolicyData:
    labels, importance, served = labels[chosen], importance[chosen], served[chosen]
    weights = balanced(labels, shared_out(importance, served, share))
    return PolicyData(corpus.rows.take(chosen), labels, importance, weights, served)


def _fit_policy(policy: str, data: PolicyData, folds: Ints, prevalence: float) -> PolicyFit:
    found = validate(policy, data, folds)
    seen, labels, importance = found.logits[found.known], data.labels[found.known], data.importance[found.known]
    slope, offset = affine(seen, labels, importance)
    shift = offset + shift_to(prevalence, labels, importance)
    stated = slope * seen + shift
    solved, factors = fit_parts(found.recipe, data, shares=found.shares)
    raw, bias = solved.weights.mean(axis=1), float(solved.bias.mean())
    priors = [prior_precision(part, factors[:, lane]) for lane, part in enumerate(found.recipe)]
    precision = np.mean(priors, axis=0) + curvature(data.rows, data.rows.times(raw[:, None])[:, 0] + bias, data.weights)
    return PolicyFit(
        weights=slope * raw,
        intercept=slope * bias + shift,
        precision=precision / slope**2,
        threshold=best_threshold(stated, labels, importance, data.served[found.known], prevalence),
        positives=int(data.labels.sum()),
        facts={
            "n": int(data.labels.size),
            "positives": int(data.labels.sum()),
            "recipe": " | ".join(map(str, found.recipe)),
            "calibration_slope": round(slope, 4),
            "validation_average_precision": round(average_precision(labels, stated, importance) or 0.0, 4),
        },
    )


def _assembled(corpus: Corpus, fits: Mapping[str, PolicyFit], sources: Sequence[str]) -> Model:
    found = list(fits.values())
    mean = compact_mean(_balanced_mean(corpus.rows, sources))
    return Model(
        policies=tuple(fits),
        space=FeatureSpace(corpus.vocabulary, corpus.idf, mean),
        weights=compact(np.column_stack([item.weights for item in found])),
        intercept=np.array([item.intercept for item in found]),
        precision=compact_precision(np.column_stack([item.precision for item in found])),
        thresholds={policy: item.threshold for policy, item in fits.items()},
        manifest={},
    )


def _balanced_mean(rows: Rows, sources: Sequence[str]) -> Floats:
    """Return the mean of the features' means over each source, (n_features,)."""
    names = {name: place for place, name in enumerate(sorted(set(sources)))}
    place = np.array([names[source] for source in sources])
    share = 1.0 / np.bincount(place)[place] / len(names)
    return rows.column_sums(np.column_stack([share, np.zeros(len(rows))]))[0][:, 0]
