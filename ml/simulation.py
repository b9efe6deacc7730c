"""Simulated review: how many labels each strategy of `ml.active` needs to reach nearly what all labels teach."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import scipy.optimize
import scipy.sparse

from ml import active, datasets
from ml.errors import InputError
from ml.metrics import average_precision
from ml.schemas import Example
from ml.weighting import importance_weights

Floats = active.Floats
Ints = active.Ints

TARGET = 0.95
_FIRST = 200  # labels that every strategy starts from, drawn at random
_GROWTH = 0.15  # labels asked for next, as a share of those there are
_WIDTH = 2**18
_CHAR_SIZES = (3, 4, 5)
_PENALTY = 0.25


class Learner(Protocol):
    """Learns one policy from labelled examples and scores texts."""

    def __call__(self, labelled: Sequence[Example], policy: str, texts: Sequence[str]) -> Floats:
        """Return the logits (n_texts,) by a model of `labelled`, in which `weight` counts."""
        ...


@dataclass(frozen=True, slots=True)
class Simulation:
    """What one strategy needed on one set: `labels` a seed, `None` where the pool ran out first.

    `saved` is the share of random choice's labels that it did without, the median over seeds, `None` where either
    never got there. `weighted` says whether labels were weighted by their inverse sampling probabilities.
    """

    data_set: str
    policy: str
    strategy: str
    weighted: bool
    pool: int
    full_average_precision: float
    target_average_precision: float
    labels: tuple[int | None, ...]
    saved: float | None

    @property
    def sentence(self) -> str:
        """The figures in words."""
        needed = ", ".join("never" if number is None else str(number) for number in self.labels)
        saved = "-" if self.saved is None else f"{self.saved:.0%}"
        return f"{self.data_set} {self.policy} {self.strategy}: {needed} of {self.pool} labels; saved {saved}"


class HashedLearner:
    """Logistic regression on hashed words, pairs and character n-grams: an additive model like `ml.train`'s, cheaper.

    Features of a text are kept, so give one learner to all simulations on a set; the texts of its first call, labels
    unseen, say how frequent a feature is.
    """

    def __init__(self) -> None:
        self._row_of: dict[str, int] = {}
        self._matrix: Any = scipy.sparse.csr_matrix((0, _WIDTH))
        self._idf: Floats | None = None

    def __call__(self, labelled: Sequence[Example], policy: str, texts: Sequence[str]) -> Floats:
        """Return the logits (n_texts,) of an L2 logistic regression fitted to `labelled`."""
        self._remember([*texts, *(row.text for row in labelled)])
        inputs = self._matrix[[self._row_of[row.text] for row in labelled]]
        signs = np.array([1.0 if row.labels[policy] else -1.0 for row in labelled])
        weights = np.array([row.weight for row in labelled])
        columns = np.unique(inputs.indices)
        solved, bias = _logistic(inputs[:, columns], signs, weights)
        dense = np.zeros(_WIDTH)
        dense[columns] = solved
        return np.asarray(self._matrix[[self._row_of[text] for text in texts]] @ dense + bias)

    def _remember(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._row_of]
        if new:
            self._row_of |= {text: number for number, text in enumerate(new, start=len(self._row_of))}
            counted = _hashed(new)
            if self._idf is None:
                frequency = np.bincount(counted.indices, minlength=_WIDTH)
                self._idf = np.log((1 + len(new)) / (1 + frequency)) + 1.0
            self._matrix = scipy.sparse.vstack([self._matrix, _scaled(counted, self._idf)], format="csr")


def train_fit(labelled: Sequence[Example], policy: str, texts: Sequence[str]) -> Floats:
    """Return the logits (n_texts,) of `ml.train.fit`: the product's own learner, slow on large sets."""
    from ml.train import fit

    return fit(labelled, policies=[policy], benign=()).decision_function(texts)[:, 0]


def simulate(
    rows: Sequence[Example],
    policy: str,
    *,
    strategies: Sequence[str] = tuple(active.STRATEGIES),
    seeds: Sequence[int] = range(5),
    learner: Learner | None = None,
    weighted: bool = False,
    name: str = "",
) -> Iterator[Simulation]:
    """Yield, a strategy, the labels it needs to reach 95 % of the average precision that all training labels give.

    The pool are the rows of split `train` that label `policy`, the judge those of split `test`. Each run starts from
    200 random labels and asks for 15 % more a round. Reached means reached in two rounds running; the first of them
    counts. The threshold is where as many texts lie above as the first labels have violations. Raises `InputError`
    where a side has fewer than two classes.
    """
    pool = [row for row in rows if row.split == "train" and policy in row.labels]
    test = [row for row in rows if row.split == "test" and policy in row.labels]
    if any(len({row.labels[policy] for row in side}) < 2 for side in (pool, test)):
        raise InputError(f"{policy} needs violating and benign rows to train on and to test on")
    review = _Review(pool, test, policy, learner or HashedLearner(), weighted)
    full = review.average_precision(np.arange(len(pool)), np.ones(len(pool)))[0]
    wanted = list(dict.fromkeys(["random", *strategies]))
    baseline: list[int | None] = []
    for strategy in wanted:
        needed = [review.labels_needed(strategy, seed, TARGET * full) for seed in seeds]
        baseline = needed if strategy == "random" else baseline
        yield Simulation(
            name, policy, strategy, weighted, len(pool), full, TARGET * full, tuple(needed), _saved(needed, baseline)
        )


def simulate_set(
    folder: Path,
    name: str,
    policy: str | None = None,
    *,
    strategies: Sequence[str] | None = None,
    seeds: Sequence[int] = range(5),
    learner: Learner | None = None,
    weighted: bool = False,
) -> Iterator[Simulation]:
    """Yield `simulate` on a labelled set of `folder`; `policy` is its last where none is named.

    Raises `DataError` for a set that is unknown or missing, and errors as `simulate`.
    """
    data_set = datasets.find(name)
    yield from simulate(
        datasets.read(data_set, folder),
        policy or list(data_set.columns)[-1],
        strategies=strategies or tuple(active.STRATEGIES),
        seeds=seeds,
        learner=learner,
        weighted=weighted,
        name=name,
    )


class _Review:
    """A pool with its labels hidden, and what a learner makes of those uncovered so far."""

    def __init__(
        self, pool: Sequence[Example], test: Sequence[Example], policy: str, learner: Learner, weighted: bool
    ) -> None:
        self._pool = pool
        self._policy = policy
        self._learner = learner
        self._weighted = weighted
        self._texts = [row.text for row in (*pool, *test)]
        self._truth = np.array([row.labels[policy] for row in test])
        self._labels = np.array([row.labels[policy] for row in pool])
        self._groups = active.duplicate_groups([row.text for row in pool])

    def average_precision(self, chosen: Ints, weights: Floats) -> tuple[float, Floats]:
        """Return the figure on the test side after learning from `chosen`, and the logits of the pool."""
        labelled = [
            Example(self._pool[row].text, self._pool[row].labels, weight=float(weight))
            for row, weight in zip(chosen, weights, strict=True)
        ]
        logits = self._learner(labelled, self._policy, self._texts)
        return average_precision(self._truth, logits[len(self._pool) :]) or 0.0, logits[: len(self._pool)]

    def labels_needed(self, strategy: str, seed: int, target: float) -> int | None:
        """Return how many labels reach `target`, `None` where all of the pool do not."""
        source = np.random.default_rng(seed)
        chosen = source.permutation(len(self._pool))[:_FIRST]
        share = (float(self._labels[chosen].sum()) + 1.0) / (chosen.size + 2.0)
        weights = np.ones(chosen.size)
        reached: int | None = None
        while True:
            found, logits = self._learnt(chosen, weights)
            if found >= target and (reached is not None or chosen.size == len(self._pool)):
                return chosen.size if reached is None else reached
            reached = chosen.size if found >= target else None
            if chosen.size == len(self._pool):
                return None
            rest = np.setdiff1d(np.arange(len(self._pool)), chosen)
            limit = np.quantile(logits, [1.0 - share])
            pool = active.Pool(logits[rest, None], limit, self._groups[rest])
            count = max(_FIRST // 4, int(_GROWTH * chosen.size))
            choice = active.choose(pool, count, strategy=strategy, seed=int(source.integers(2**32)))
            chosen = np.append(chosen, rest[choice.rows])
            weights = np.append(weights, self._weights(choice))

    def _learnt(self, chosen: Ints, weights: Floats) -> tuple[float, Floats]:
        if np.unique(self._labels[chosen]).size < 2:
            return 0.0, np.zeros(len(self._pool))
        return self.average_precision(chosen, weights)

    def _weights(self, choice: active.Choice) -> Floats:
        if self._weighted and choice.probabilities is not None:
            return importance_weights(choice.probabilities)
        return np.ones(choice.rows.size)


def _saved(needed: Sequence[int | None], baseline: Sequence[int | None]) -> float | None:
    shares = [1.0 - own / other for own, other in zip(needed, baseline, strict=True) if own and other]
    return float(median(shares)) if len(shares) == len(needed) and shares else None


def _hashed(texts: Sequence[str]) -> Any:
    """Return `1 + ln(count)` (n_texts, 2**18) of the hashed features: words, pairs, 3 to 5 characters."""
    indices: list[Ints] = []
    values: list[Floats] = []
    numbers: dict[str, list[int]] = {}
    for text in texts:
        words = text.lower().split()
        found: list[int] = []
        for word in words:
            if word not in numbers:
                numbers[word] = [_number(gram) for gram in _grams(word)]
            found += numbers[word]
        found += [_number(f"{left} {right}") for left, right in itertools.pairwise(words)]
        index, counts = np.unique(np.array(found, dtype=np.int64), return_counts=True)
        indices.append(index)
        values.append(1.0 + np.log(counts))
    starts = np.cumsum([0, *(index.size for index in indices)])
    return scipy.sparse.csr_matrix((np.concatenate(values), np.concatenate(indices), starts), (len(texts), _WIDTH))


def _scaled(counted: Any, idf: Floats) -> Any:
    """Return `counted` times `idf`, every row of length 1 or empty."""
    matrix = counted @ scipy.sparse.diags(idf)
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scipy.sparse.diags(1.0 / np.maximum(lengths, 1e-12)) @ matrix


def _grams(word: str) -> Iterator[str]:
    padded = f" {word} "
    yield f"word {word}"
    for size in _CHAR_SIZES:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def _number(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "surrogatepass")) % _WIDTH


def _logistic(inputs: Any, signs: Floats, weights: Floats) -> tuple[Floats, float]:
    """Minimise weighted logistic loss plus an L2 penalty; the bias is free. L-BFGS."""
    transposed = inputs.T.tocsr()

    def loss(point: Floats) -> tuple[float, Floats]:
        margins = signs * (inputs @ point[:-1] + point[-1])
        slope = -weights * signs * np.exp(-np.logaddexp(0.0, margins))
        gradient = np.append(transposed @ slope + _PENALTY * point[:-1], slope.sum())
        total = float(weights @ np.logaddexp(0.0, -margins)) + 0.5 * _PENALTY * float(point[:-1] @ point[:-1])
        return total, gradient

    found = scipy.optimize.minimize(
        loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-5}
    )
    return found.x[:-1], float(found.x[-1])
