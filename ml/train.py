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
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import NDArray

from ml.artifacts import compact, compact_mean, compact_precision
from ml.errors import TrainingError
from ml.evaluate import average_precision, log_odds
from ml.features import FeatureSpace, Floats, Ints, Vocabulary, char_grams, scale, word_pairs
from ml.model import Model
from ml.probes import BENIGN
from ml.schemas import Example
from ml.text import tokenise

Bools = NDArray[np.bool_]
Sparse = Any  # scipy.sparse.csr_matrix; scipy ships no types

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
_PROBE_MARGIN = 0.002
_SHIFT_PENALTY = 0.1
_INTERCEPT_MARGIN = 0.01
_MAX_INTERCEPT_SHIFT = 0.5


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one policy is fitted: the inverse penalty `c`, and whether features get their log-count ratio."""

    c: float
    naive_bayes: bool


RECIPES = (Recipe(1.0, False), Recipe(4.0, False), Recipe(0.3, True), Recipe(1.0, True))


@dataclass(frozen=True, slots=True)
class PolicyFit:
    """One fitted policy in units of the shared features; arrays are (n_features,)."""

    weights: Floats
    intercept: float
    precision: Floats
    threshold: float
    facts: Mapping[str, float | int | bool]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Feature counts of texts: `counts` (n_texts, n_features), the features' names, word features first."""

    counts: Sparse
    words: tuple[str, ...]
    chars: tuple[str, ...]

    @property
    def document_frequency(self) -> Ints:
        """Number of texts with each feature, (n_features,)."""
        return np.bincount(self.counts.indices, minlength=self.counts.shape[1])

    def only(self, columns: Ints) -> Corpus:
        """Return the corpus with the features at the rising `columns` alone."""
        border = len(self.words)
        return Corpus(
            self.counts[:, columns].tocsr(),
            tuple(self.words[column] for column in columns if column < border),
            tuple(self.chars[column - border] for column in columns if column >= border),
        )


def count_features(texts: Sequence[str]) -> Corpus:
    """Return the counts of every feature that occurs in `texts`."""
    words: dict[str, int] = {}
    chars: dict[str, int] = {}
    of_token: dict[tuple[str, bool], tuple[list[int], list[int]]] = {}
    rows: tuple[list[Ints], list[Ints]] = ([], [])
    for text in texts:
        tokens = tokenise(text)
        word_ids: list[int] = []
        char_ids: list[int] = []
        for token in tokens:
            key = (token.surface, token.is_word)
            if key not in of_token:
                of_token[key] = (
                    [words.setdefault(token.surface, len(words))] if token.is_word else [],
                    [chars.setdefault(gram, len(chars)) for gram in char_grams(token.surface)],
                )
            word_ids += of_token[key][0]
            char_ids += of_token[key][1]
        for left, right in word_pairs(tokens):
            word_ids.append(words.setdefault(f"{tokens[left].surface} {tokens[right].surface}", len(words)))
        rows[0].append(np.array(word_ids, dtype=np.int64))
        rows[1].append(np.array(char_ids, dtype=np.int64))
    word_columns, word_names = _alphabetical(words)
    char_columns, char_names = _alphabetical(chars)
    blocks = [_count_matrix(rows[0], word_columns), _count_matrix(rows[1], char_columns)]
    return Corpus(scipy.sparse.hstack(blocks, format="csr"), word_names, char_names)


def _alphabetical(numbers: Mapping[str, int]) -> tuple[Ints, tuple[str, ...]]:
    """Return the alphabetical place of each number, and the names in that order."""
    names = sorted(numbers)
    columns = np.empty(len(names), dtype=np.int64)
    columns[[numbers[name] for name in names]] = np.arange(len(names))
    return columns, tuple(names)


def _count_matrix(rows: Sequence[Ints], columns: Ints) -> Sparse:
    found = [np.unique(columns[row], return_counts=True) for row in rows]
    starts = np.cumsum([0, *(index.size for index, _ in found)])
    indices = np.concatenate([index for index, _ in found])
    counts = np.concatenate([number for _, number in found]).astype(np.float64)
    return scipy.sparse.csr_matrix((counts, indices, starts), shape=(len(rows), columns.size))


def inverse_document_frequency(corpus: Corpus) -> Floats:
    """Return `ln((1 + n) / (1 + df)) + 1` a feature, as the artifact stores it (float32)."""
    idf = np.log((1 + corpus.counts.shape[0]) / (1 + corpus.document_frequency)) + 1.0
    return np.asarray(idf, dtype=np.float32).astype(np.float64)


def feature_values(corpus: Corpus, idf: Floats) -> Sparse:
    """Return the feature values (n_texts, n_features) that serving would give these texts."""
    matrix = corpus.counts.copy()
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        matrix.data[part] = scale(matrix.indices[part], matrix.data[part], idf, len(corpus.words))
    return matrix


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
    bias_penalty: float = 0.0,
    offset: Floats | float = 0.0,
) -> tuple[Floats, float]:
    """Minimise the weighted logistic loss plus `penalty/2 |u|² + bias_penalty/2 b²`; return `u` and `b`.

    `values` is (n, k), `labels` and `weights` (n,), `offset` is added to the logits. L-BFGS.
    """
    signs = np.where(labels, 1.0, -1.0)
    transposed = values.T.tocsr()

    def loss(point: Floats) -> tuple[float, Floats]:
        u, bias = point[:-1], point[-1]
        margins = signs * (values @ u + bias + offset)
        total = float(weights @ np.logaddexp(0.0, -margins))
        slope = -weights * signs * np.exp(-np.logaddexp(0.0, margins))
        gradient = np.append(transposed @ slope + penalty * u, slope.sum() + bias_penalty * bias)
        return total + 0.5 * penalty * float(u @ u) + 0.5 * bias_penalty * float(bias * bias), gradient

    found = scipy.optimize.minimize(
        loss,
        np.zeros(values.shape[1] + 1),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-7, "gtol": 1e-4},
    )
    return found.x[:-1], float(found.x[-1])


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
    counted = count_features([row.text for row in rows])
    corpus = counted.only(np.flatnonzero(counted.document_frequency >= min_document_frequency))
    idf = inverse_document_frequency(corpus)
    values = feature_values(corpus, idf)
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
        space=FeatureSpace(Vocabulary(corpus.words, corpus.chars), idf, mean),
        weights=compact(np.column_stack([fits[policy].weights for policy in policies])),
        intercept=np.array([fits[policy].intercept for policy in policies]),
        precision=compact_precision(np.column_stack([fits[policy].precision for policy in policies])),
        thresholds={policy: fits[policy].threshold for policy in policies},
        manifest={
            "kind": "base",
            "seed": seed,
            "prevalence": declared,
            "training": {policy: dict(fits[policy].facts) for policy in policies},
            "triage_only": [policy for policy in policies if fits[policy].facts["positives"] < TRIAGE_BELOW],
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
    values = _served_values(champion, rows)
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


def _served_values(model: Model, rows: Sequence[Example]) -> Sparse:
    found = [model.space.vectorise(row.text) for row in rows]
    starts = np.cumsum([0, *(item.index.size for item in found)])
    empty = np.array([], dtype=np.int64)
    return scipy.sparse.csr_matrix(
        (
            np.concatenate([empty, *(item.values for item in found)]),
            np.concatenate([empty, *(item.index for item in found)]),
            starts,
        ),
        shape=(len(rows), len(model.space.vocabulary)),
    )


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
    scaled, intercept, factors = _fit_recipe(recipe, data)
    raw = scaled * factors
    final = slope * logits + shift
    precision = _prior_precision(recipe, factors) + _curvature(data.values, data.values @ raw + intercept, weights)
    return PolicyFit(
        weights=slope * raw,
        intercept=slope * intercept + shift,
        precision=precision / slope**2,
        threshold=_best_threshold(final, labels, like, prevalence),
        facts={
            "n": int(labels.size),
            "positives": int(labels.sum()),
            "c": recipe.c,
            "naive_bayes": recipe.naive_bayes,
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
    held = {recipe: _held_out_logits(policy, recipe, data, folds, wanted) for recipe in RECIPES}
    recipe = max(held, key=lambda item: average_precision(data.labels[known], held[item][known]) or 0.0)
    others = range(len(wanted), FOLDS)
    return recipe, np.where(known, held[recipe], _held_out_logits(policy, recipe, data, folds, others))


def _held_out_logits(policy: str, recipe: Recipe, data: _Fitted, folds: Ints, wanted: Sequence[int]) -> Floats:
    """Return logits (n,) of the texts in the `wanted` folds by models that did not see their fold, elsewhere 0."""
    logits = np.zeros(data.labels.size)
    for fold in wanted:
        inside = data.part(folds != fold)
        if min(inside.labels.sum(), (~inside.labels).sum()) == 0:
            raise TrainingError(f"{policy} has one class only outside one of its validation folds")
        scaled, intercept, factors = _fit_recipe(recipe, inside)
        logits[folds == fold] = data.values[folds == fold] @ (scaled * factors) + intercept
    return logits


def _fit_recipe(recipe: Recipe, data: _Fitted) -> tuple[Floats, float, Floats]:
    """Return weights on scaled features, the intercept, and the factors the features were scaled by.

    How much rarer or more frequent violations are among the texts like those served is a column of its own, left
    out of what is returned: their register shall not count for or against a text.
    """
    width = data.values.shape[1]
    factors = naive_bayes_ratio(data.values, data.labels, data.weights) if recipe.naive_bayes else np.ones(width)
    source = scipy.sparse.csr_matrix((data.served & ~data.served.all())[:, None] * _SERVED_SCALE)
    scaled = scipy.sparse.hstack([data.values @ scipy.sparse.diags(factors), source], format="csr")
    solved, intercept = solve(scaled, data.labels, data.weights, penalty=1.0 / recipe.c)
    return solved[:width], intercept, factors


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


def _prior_precision(recipe: Recipe, factors: Floats) -> Floats:
    """Return the penalty on each weight (n_features,), in units of the unscaled features.

    A feature that never occurred for the policy has no log-count ratio; it gets the typical one.
    """
    squares = factors**2
    typical = float(squares[squares > 0.0].mean())
    return (
        np.asarray(1.0 / recipe.c / np.maximum(squares, 0.01 * typical).clip(min=1e-6))
        if (recipe.naive_bayes)
        else np.full(factors.size, 1.0 / recipe.c)
    )


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
