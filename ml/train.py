"""Fitting: a base model from public data, and its continuation from a platform's own labels.

A policy is a logistic regression on the shared features, optionally scaled by their naive-Bayes log-count
ratio (Wang & Manning 2012), which is folded into the weights. Penalty and scaling are chosen by inner
validation. One source may be named as what the model will serve: its texts weigh a fixed share, whatever the
size of the others, and how often they violate is kept out of the weights. Calibration is affine in the logit
with positive slope (Platt 1999), from out-of-fold logits, and the intercept is shifted to the declared
prevalence (Saerens et al. 2002); both are folded in as well.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import NDArray

from ml import native
from ml.artifacts import compact, compact_mean, compact_precision
from ml.corpus import Sparse, corpus_of, label_matrix, values_of
from ml.errors import TrainingError
from ml.features import FeatureSpace, Floats, Ints
from ml.metrics import average_precision, log_odds
from ml.model import Model
from ml.probes import BENIGN
from ml.schemas import Example

Bools = NDArray[np.bool_]

FOLDS = 5
MIN_CLASS = 10  # positives, and negatives, below which a policy cannot be validated
TRIAGE_BELOW = 300  # training positives under which a policy's scores are for sorting only
_ONE_FOLD_FROM = 5_000  # rows from which one held-out fold is validation enough
_DEFAULT_PREVALENCE = 0.05
_SERVED_SHARE = 0.25  # weight of the texts like those served, against that of all others, where none is given
_SERVED_SCALE = 5.0  # a column this large is next to unpenalised
_SERVED_VIOLATIONS = 0.5  # how far the texts like those served stand for violations when a threshold is chosen
_SERVED_BENIGN = 0.9  # and for what is benign: other sets' negatives are mostly abuse of another kind
_MIN_PRECISION = 0.5
_TOLERANCE = 0.1  # largest slope of the dual, in log odds, at which a fit is done
_ROUNDS = 60
_PROBE_MARGIN = 0.002
_SHIFT_PENALTY = 0.1
_INTERCEPT_MARGIN = 0.01
_MAX_INTERCEPT_SHIFT = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """One fit: the inverse penalty `c`, and what features are scaled by.

    `plain` is nothing; `ratio` their naive-Bayes log-count ratio (Wang & Manning 2012), by value; `presence` the
    same by whether they occur.
    """

    c: float
    scaling: str


Recipe = tuple[Part, ...]
"""A policy's weights are the mean of its parts'."""

PARTS = (
    Part(1.0, "plain"),
    Part(4.0, "plain"),
    Part(1.0, "ratio"),
    Part(4.0, "ratio"),
    Part(0.3, "presence"),
    Part(1.0, "presence"),
)
RECIPES: tuple[Recipe, ...] = (
    *((part,) for part in PARTS),
    (PARTS[3], PARTS[5]),
    (PARTS[2], PARTS[4]),
    (PARTS[0], PARTS[5]),
)


@dataclass(frozen=True, slots=True)
class PolicyFit:
    """One fitted policy in units of the shared features; arrays are (n_features,)."""

    weights: Floats
    intercept: float
    precision: Floats
    threshold: float
    positives: int
    facts: Mapping[str, float | int | str]


def naive_bayes_ratio(values: Sparse, labels: Bools, weights: Floats) -> Floats:
    """Return the log-count ratio of every feature (n_features,), smoothed by one; 0 where it never occurs."""
    positive = 1.0 + values.T @ (weights * labels)
    negative = 1.0 + values.T @ (weights * ~labels)
    ratio: Floats = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
    ratio[(positive == 1.0) & (negative == 1.0)] = 0.0
    return ratio


def solve(
    values: Sparse,
    labels: Bools,
    weights: Floats,
    *,
    penalty: float,
    bias_penalty: float | None = None,
    offset: Floats | float = 0.0,
) -> tuple[Floats, float]:
    """Minimise the weighted logistic loss plus `penalty/2 |u|² + bias_penalty/2 b²`; return `u` and `b`.

    `values` is (n, k), `labels` and `weights` (n,), `offset` is added to the logits. The bias is penalised a ninth as
    much as a weight where nothing else is said: next to what the examples say, nothing. Coordinate descent on the dual,
    in the compiled core.
    """
    rows, columns = values.shape
    indptr = np.ascontiguousarray(values.indptr, dtype=np.int64)
    indices = np.ascontiguousarray(values.indices, dtype=np.int32)
    data = np.ascontiguousarray(values.data, dtype=np.float64)
    signs = np.where(labels, 1.0, -1.0)
    costs = np.ascontiguousarray(weights / penalty, dtype=np.float64)
    offsets = np.ascontiguousarray(np.broadcast_to(np.asarray(offset, dtype=np.float64), (rows,)))
    constant = float(np.sqrt(penalty / (penalty / 9.0 if bias_penalty is None else bias_penalty)))
    point = np.empty(columns + 1)
    address = native.pointer
    done = native.library().eh_solve(
        address(indptr), address(indices), address(data), rows, columns,
        address(signs), address(costs), address(offsets), constant, _TOLERANCE, _ROUNDS, address(point),
    )  # fmt: skip
    if done < 0:
        raise MemoryError("no memory to fit a policy")
    return point[:-1], float(point[-1]) * constant


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
    """Train a model from nothing on the examples of split `train`; the others are ignored.

    `prevalence` is the share of content that is expected to violate each policy where the model will serve
    (default 0.05). Features in fewer than `min_document_frequency` texts are left out. A threshold that one of
    the `benign` texts would cross is raised above it. `served_like` names the source whose texts are like those
    the model will serve: for each policy they weigh together `served_share` of all others (default 0.25), and
    thresholds are chosen mostly on them. The same arguments give the same model, bit for bit. Raises
    `TrainingError` where a policy has too few examples of a class, or no example is of the source `served_like`.
    """
    rows = [example for example in examples if example.split == "train"]
    if not rows:
        raise TrainingError("there is no training example")
    served = np.array([row.source == served_like for row in rows])
    if served_like is not None and not served.any():
        raise TrainingError(f"no training example is of source {served_like!r}")
    corpus = corpus_of(
        [row.text for row in rows],
        label_matrix(rows, policies),
        min_document_frequency=min_document_frequency,
    )
    values = corpus.values
    folds = np.array([_fold_of(row, number, seed) for number, row in enumerate(rows)])
    declared = {policy: (prevalence or {}).get(policy, _DEFAULT_PREVALENCE) for policy in policies}
    shares = {policy: (served_share or {}).get(policy, _SERVED_SHARE) for policy in policies}
    fits = {
        policy: _fit_policy(
            policy, rows, values, folds, prevalence=declared[policy], served=served, share=shares[policy]
        )
        for policy in policies
    }
    mean = compact_mean(_balanced_mean(values, [row.source for row in rows]))
    model = Model(
        policies=tuple(policies),
        space=FeatureSpace(corpus.vocabulary, corpus.idf, mean),
        weights=compact(np.column_stack([fits[policy].weights for policy in policies])),
        intercept=np.array([fits[policy].intercept for policy in policies]),
        precision=compact_precision(np.column_stack([fits[policy].precision for policy in policies])),
        thresholds={policy: fits[policy].threshold for policy in policies},
        manifest={
            "kind": "base",
            "seed": seed,
            "prevalence": declared,
            "training": {policy: dict(fits[policy].facts) for policy in policies},
            "triage_only": [policy for policy in policies if fits[policy].positives < TRIAGE_BELOW],
            "served_like": served_like,
            "served_share": shares if served_like is not None else {},
            "background": "mean over the training texts, every source weighing the same",
            "libraries": _libraries(),
        },
    )
    model.thresholds = _above(model, benign)
    return model


def continue_from(
    champion: Model,
    examples: Sequence[Example],
    *,
    seed: int = 0,
    pull: float = 2.0,
    benign: Sequence[str] = BENIGN,
) -> Model:
    """Train on new labels of split `train`, every weight pulled towards the champion's.

    The pull is `pull/2 * precision * (weight - champion's weight)²` with the precision frozen in the
    champion: the diagonal Laplace approximation of what it has learnt (Ritter, Botev & Barber 2018); it is
    weaker than the truth along features that occur together, hence a default above one. Only
    features that the examples hold can move. How often the new labels are positive depends on what was put
    before people, so a shift of each policy's log odds is fitted beside the weights and left out of the model:
    the declared prevalence stays. An intercept is lowered, by at most 0.5, where one of the `benign` texts would
    come to cross the champion's threshold. A policy without labels stays as it is. The result does not depend
    on chance; `seed` is recorded only. Raises `TrainingError` where no example has labels.
    """
    rows = [example for example in examples if example.split == "train" and example.weight > 0.0]
    weights = champion.weights.copy()
    precision = champion.precision.copy()
    training: dict[str, dict[str, int]] = {}
    values = values_of([row.text for row in rows], champion.space.vocabulary, champion.space.idf)
    for column, policy in enumerate(champion.policies):
        chosen = np.array([number for number, row in enumerate(rows) if policy in row.labels], dtype=np.int64)
        if chosen.size == 0:
            continue
        labels = np.array([rows[number].labels[policy] for number in chosen])
        importance = np.array([rows[number].weight for number in chosen])
        present = np.unique(values[chosen].indices)
        local = values[chosen][:, present].tocsr()
        stiffness = np.sqrt(precision[present, column])
        offset = local @ weights[present, column] + champion.intercept[column]
        moved, shift = solve(
            local @ scipy.sparse.diags(1.0 / stiffness),
            labels,
            importance,
            penalty=pull,
            bias_penalty=_SHIFT_PENALTY,
            offset=offset,
        )
        weights[present, column] += moved / stiffness
        logits = local @ weights[present, column] + champion.intercept[column] + shift
        precision[present, column] += _curvature(local, logits, importance)
        training[policy] = {"n": int(labels.size), "positives": int(labels.sum())}
    if not training:
        raise TrainingError("no training example has a label for any policy of the champion")
    model = Model(
        policies=champion.policies,
        space=champion.space,
        weights=compact(weights),
        intercept=champion.intercept.copy(),
        precision=compact_precision(precision),
        thresholds=dict(champion.thresholds),
        context=champion.context,
        manifest={
            **champion.manifest,
            "kind": "continuation",
            "seed": seed,
            "champion": champion.sha256,
            "pull": pull,
            "continued_on": training,
            "libraries": _libraries(),
        },
    )
    model.lower_intercepts(_excess(model, benign))
    return model


def _fold_of(row: Example, number: int, seed: int) -> int:
    key = row.group or f"row-{number}"
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big") % FOLDS


def _fit_policy(
    policy: str,
    rows: Sequence[Example],
    values: Sparse,
    folds: Ints,
    *,
    prevalence: float,
    served: Bools,
    share: float,
) -> PolicyFit:
    if not 0.0 < prevalence < 1.0:
        raise TrainingError(f"the declared prevalence of {policy} must lie strictly between 0 and 1")
    chosen = np.array([number for number, row in enumerate(rows) if policy in row.labels], dtype=np.int64)
    labels = np.array([rows[number].labels[policy] for number in chosen], dtype=bool)
    if min(labels.sum(), (~labels).sum()) < MIN_CLASS:
        raise TrainingError(f"{policy} has fewer than {MIN_CLASS} positive or negative training examples")
    like = served[chosen]
    weights = _balance(labels, _share_out(np.array([rows[number].weight for number in chosen]), like, share))
    data = _Fitted(values[chosen], labels, weights, like)
    recipe, logits = _choose_recipe(policy, data, folds[chosen])
    slope, offset = _calibrate(logits, labels)
    shift = offset + log_odds(prevalence) - log_odds(float(labels.mean()))
    fitted = [_fit_part(part, data) for part in recipe]
    raw = np.mean([one.weights for one in fitted], axis=0)
    intercept = float(np.mean([one.intercept for one in fitted]))
    final = slope * logits + shift
    prior = np.mean([one.prior for one in fitted], axis=0)
    precision = prior + _curvature(data.values, data.values @ raw + intercept, weights)
    return PolicyFit(
        weights=slope * raw,
        intercept=slope * intercept + shift,
        precision=precision / slope**2,
        threshold=_best_threshold(final, labels, like, prevalence),
        positives=int(labels.sum()),
        facts={
            "n": int(labels.size),
            "positives": int(labels.sum()),
            "recipe": " + ".join(f"{part.scaling} {part.c:g}" for part in recipe),
            "calibration_slope": round(slope, 4),
            "validation_average_precision": round(average_precision(labels, final) or 0.0, 4),
        },
    )


def _balance(labels: Bools, weights: Floats) -> Floats:
    """Return weights in which the rarer class weighs more, by the square root of how much rarer it is."""
    positive = float(weights[labels].sum())
    negative = float(weights[~labels].sum())
    half = (positive + negative) / 2.0
    balanced: Floats = weights * np.where(labels, np.sqrt(half / positive), np.sqrt(half / negative))
    return balanced


def _share_out(weights: Floats, served: Bools, share: float) -> Floats:
    """Return weights in which the texts like those served sum to `share` of what all others sum to."""
    if not served.any() or served.all():
        return weights
    factor = share * float(weights[~served].sum()) / float(weights[served].sum())
    return np.asarray(np.where(served, weights * factor, weights))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What one policy is fitted to: `values` (n, n_features), the others (n,)."""

    values: Sparse
    labels: Bools
    weights: Floats
    served: Bools

    def part(self, chosen: Bools) -> _Fitted:
        """Return the rows at `chosen`."""
        return _Fitted(self.values[chosen], self.labels[chosen], self.weights[chosen], self.served[chosen])


def _choose_recipe(policy: str, data: _Fitted, folds: Ints) -> tuple[Recipe, Floats]:
    """Return the recipe that ranks held-out folds best, and its logits (n,) by models that did not see the text.

    Much data makes one fold validation enough to choose by; the chosen recipe is then run over the others.
    """
    wanted = range(1 if data.labels.size >= _ONE_FOLD_FROM else FOLDS)
    known = np.isin(folds, list(wanted))
    if min(data.labels[known].sum(), (~data.labels[known]).sum()) == 0:
        raise TrainingError(f"{policy} has one class only in its validation folds")
    held = {part: _held_out_logits(policy, part, data, folds, wanted) for part in PARTS}
    blends = {recipe: np.mean([held[part] for part in recipe], axis=0) for recipe in RECIPES}
    recipe = max(blends, key=lambda item: average_precision(data.labels[known], blends[item][known]) or 0.0)
    others = range(len(wanted), FOLDS)
    unseen = [_held_out_logits(policy, part, data, folds, others) for part in recipe]
    return recipe, np.where(known, blends[recipe], np.mean(unseen, axis=0))


def _held_out_logits(policy: str, part: Part, data: _Fitted, folds: Ints, wanted: Sequence[int]) -> Floats:
    """Return logits (n,) of the texts in the `wanted` folds by models that did not see their fold, elsewhere 0."""
    logits = np.zeros(data.labels.size)
    for fold in wanted:
        inside = data.part(folds != fold)
        if min(inside.labels.sum(), (~inside.labels).sum()) == 0:
            raise TrainingError(f"{policy} has one class only outside one of its validation folds")
        fitted = _fit_part(part, inside)
        logits[folds == fold] = data.values[folds == fold] @ fitted.weights + fitted.intercept
    return logits


@dataclass(frozen=True, slots=True)
class _PartFit:
    """Weights on the features as they are, and the penalty on each of them, (n_features,)."""

    weights: Floats
    intercept: float
    prior: Floats


def _fit_part(part: Part, data: _Fitted) -> _PartFit:
    """Fit one part.

    How much rarer or more frequent violations are among the texts like those served is a column of its own, left
    out of what is returned: their register shall not count for or against a text.
    """
    factors = _factors(part, data)
    source = scipy.sparse.csr_matrix((data.served & ~data.served.all())[:, None] * _SERVED_SCALE)
    scaled = scipy.sparse.hstack([data.values @ scipy.sparse.diags(factors), source], format="csr")
    solved, intercept = solve(scaled, data.labels, data.weights, penalty=1.0 / part.c)
    return _PartFit(solved[: factors.size] * factors, intercept, _prior_precision(part, factors))


def _factors(part: Part, data: _Fitted) -> Floats:
    if part.scaling == "plain":
        return np.ones(data.values.shape[1])
    values = data.values
    if part.scaling == "presence":
        values = values.copy()
        values.data = np.ones_like(values.data)
    return naive_bayes_ratio(values, data.labels, data.weights)


def _calibrate(logits: Floats, labels: Bools) -> tuple[float, float]:
    """Return slope and offset of the affine map that makes `logits` log odds (Platt 1999)."""
    positives = float(labels.sum())
    negatives = float(labels.size - positives)
    targets = np.where(labels, (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0))

    def loss(point: Floats) -> tuple[float, Floats]:
        slope = np.exp(point[0])
        final = slope * logits + point[1]
        gap = np.exp(-np.logaddexp(0.0, -final)) - targets
        total = float(np.sum(np.logaddexp(0.0, final) - targets * final))
        return total, np.array([slope * (gap @ logits), gap.sum()])

    found = scipy.optimize.minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B")
    return float(np.exp(found.x[0])), float(found.x[1])


def _best_threshold(logits: Floats, labels: Bools, served: Bools, prevalence: float) -> float:
    """Return the score that maximises F2 where positives are as frequent as declared, at precision 0.5 or more.

    F2 counts recall twice as much as precision: a flag asks a person, it punishes nobody. Violations are half like
    those of the source served, what is benign mostly. Where no score is that precise, the most precise is taken.
    """
    order = np.argsort(-logits, kind="stable")
    recall = np.cumsum(_mass(labels, served, _SERVED_VIOLATIONS)[order])
    alarms = np.cumsum(_mass(~labels, served, _SERVED_BENIGN)[order])
    flagged = prevalence * recall + (1.0 - prevalence) * alarms
    precision = prevalence * recall / flagged
    gain = 5.0 * prevalence * recall / (flagged + 4.0 * prevalence)
    precise = precision >= _MIN_PRECISION
    best = int(np.argmax(np.where(precise, gain, -1.0) if precise.any() else precision))
    return _rounded(float(1.0 / (1.0 + np.exp(-logits[order][best]))))


def _mass(members: Bools, served: Bools, share: float) -> Floats:
    """Return the mass (n,) of each member of a class: it sums to one, `share` of it on those like the served."""
    inside, outside = members & served, members & ~served
    if not inside.any() or not outside.any():
        return np.asarray(members / members.sum())
    return np.asarray(share * inside / inside.sum() + (1.0 - share) * outside / outside.sum())


def _above(model: Model, benign: Sequence[str]) -> dict[str, float]:
    """Return the model's thresholds, raised where one of the `benign` texts would be flagged."""
    if not benign:
        return dict(model.thresholds)
    highest = 1.0 / (1.0 + np.exp(-model.decision_function(benign).max(axis=0)))
    return {
        policy: max(model.thresholds[policy], _rounded(float(score) + _PROBE_MARGIN))
        for policy, score in zip(model.policies, highest, strict=True)
    }


def _rounded(threshold: float) -> float:
    return min(max(round(threshold, 3), 0.001), 0.999)


def _excess(model: Model, benign: Sequence[str]) -> Floats:
    """Return how far, in log odds and at most 0.5, the `benign` texts cross each threshold, (n_policies,)."""
    if not benign:
        return np.zeros(len(model.policies))
    limits = np.array([log_odds(model.thresholds[policy]) for policy in model.policies])
    over = model.decision_function(benign).max(axis=0) - limits
    return np.where(over >= 0.0, np.minimum(over + _INTERCEPT_MARGIN, _MAX_INTERCEPT_SHIFT), 0.0)


def _prior_precision(part: Part, factors: Floats) -> Floats:
    """Return the penalty on each weight (n_features,), in units of the unscaled features.

    A feature that never occurred for the policy has no log-count ratio; it gets the typical one.
    """
    squares = factors**2
    typical = float(squares[squares > 0.0].mean())
    return np.asarray(1.0 / part.c / np.maximum(squares, 0.01 * typical).clip(min=1e-6))


def _curvature(values: Sparse, logits: Floats, weights: Floats) -> Floats:
    """Return the diagonal of the logistic loss's second derivative, (n_features,)."""
    chance = np.exp(-np.logaddexp(0.0, -logits))
    return np.asarray(values.multiply(values).T @ (weights * chance * (1.0 - chance)))


def _balanced_mean(values: Sparse, sources: Sequence[str]) -> Floats:
    """Return the mean of the features' means over each source, (n_features,)."""
    names = sorted(set(sources))
    place = np.array([names.index(source) for source in sources])
    share = 1.0 / np.bincount(place)[place] / len(names)
    return np.asarray(values.T @ share)


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
