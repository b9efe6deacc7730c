"""Training on more texts than memory holds: a stretch of the stream at a time, each continuing from the last.

The first stretch is fitted as `ml.train` does it. Every later one first shows what the model was worth on texts it had
not seen (which is what calibration and thresholds are taken from: Dawid 1984 calls that prequential), then adds the
words and features that it brings, and moves the weights as `ml.continuation` does: pulled towards where they are, the
more firmly the more was learnt. Memory is that of one stretch and of at most `max_features` features; where room is
short, the features that say least make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.artifacts import compact, compact_mean, compact_precision
from ml.calibrate import affine, shift_to
from ml.continuation import move
from ml.corpus import Bools, Labels, Rows, inverse_frequency, label_matrix, lexicon_of
from ml.counting import FeatureCounter
from ml.errors import TrainingError
from ml.features import FeatureSpace, Floats, Ints, Vocabulary
from ml.lexicon import Lexicon
from ml.metrics import log_odds
from ml.model import Model
from ml.probes import BENIGN
from ml.provenance import libraries
from ml.schemas import Example
from ml.thresholds import best_threshold, raised_above
from ml.train import DEFAULT_PREVALENCE, MIN_CLASS, TRIAGE_BELOW, fit

STRETCH = 20_000
_PULL = 1.0
_MOST_WORDS = 400_000
_MOST_TARGETS = 6_000


@dataclass(frozen=True, slots=True)
class _Unseen:
    """Logits of one policy by a model that had not seen the texts, their labels and weights; all (n,)."""

    logits: Floats
    labels: Bools
    importance: Floats


class Stream:
    """A model under training; `add` takes examples, `model` gives what was learnt from all of them.

    `policies`, `prevalence` (default 0.05; `None` as in the texts seen), `min_document_frequency`, `seed` and `benign`
    are those of `ml.train.fit`. Examples of another split than `train`, of weight 0, or without labels are ignored.
    """

    def __init__(
        self,
        policies: Sequence[str],
        *,
        prevalence: dict[str, float] | None = None,
        as_seen: bool = False,
        min_document_frequency: int = 3,
        max_features: int = 400_000,
        stretch: int = STRETCH,
        seed: int = 0,
        benign: Sequence[str] = BENIGN,
    ) -> None:
        self.policies = tuple(policies)
        self.prevalence = {policy: (prevalence or {}).get(policy, DEFAULT_PREVALENCE) for policy in policies}
        self.as_seen = as_seen
        self.min_document_frequency = min_document_frequency
        self.max_features = max_features
        self.stretch = stretch
        self.seed = seed
        self.benign = tuple(benign)
        self._waiting: list[Example] = []
        self._learnt: _Learnt | None = None
        self._mass = np.zeros((len(self.policies), 2))
        self._counts = np.zeros((len(self.policies), 2), dtype=np.int64)

    @property
    def ready(self) -> bool:
        """Whether every policy has labels enough to learn from."""
        return bool((self._counts >= MIN_CLASS).all())

    def add(self, examples: Iterable[Example]) -> None:
        """Take examples in; whenever a stretch is full it is learnt from and forgotten.

        Raises `TrainingError` where the first stretch has too few labels of a class for some policy.
        """
        for row in examples:
            if row.split != "train" or row.weight <= 0.0 or not row.labels:
                continue
            self._waiting.append(row)
            for place, policy in enumerate(self.policies):
                if policy in row.labels:
                    self._mass[place, int(row.labels[policy])] += row.weight
                    self._counts[place, int(row.labels[policy])] += 1
            if len(self._waiting) >= self.stretch:
                self._learnt = self._next()
                self._waiting = []

    def model(self) -> Model:
        """Return the model of all examples so far, calibrated; raises `TrainingError` where they are too few."""
        learnt = self._next() if self._waiting else self._learnt
        if learnt is None:
            raise TrainingError("there is no training example")
        return self._calibrated(learnt)

    def _next(self) -> _Learnt:
        if self._learnt is None:
            return _Learnt(self._first(), {}, len(self._waiting))
        return _learn(self._learnt, self._waiting, self.min_document_frequency, self.max_features)

    def _first(self) -> Model:
        return fit(
            self._waiting,
            policies=self.policies,
            seed=self.seed,
            prevalence=self._declared(),
            min_document_frequency=self.min_document_frequency,
            benign=(),
        )

    def _declared(self) -> dict[str, float]:
        if not self.as_seen:
            return self.prevalence
        shares = self._mass[:, 1] / np.maximum(self._mass.sum(axis=1), 1e-300)
        return dict(zip(self.policies, np.clip(shares, 1e-6, 1.0 - 1e-6).tolist(), strict=True))

    def _calibrated(self, learnt: _Learnt) -> Model:
        declared = self._declared()
        before, model = learnt.model.manifest["prevalence"], _copy_of(learnt.model)
        weights, precision = model.weights.copy(), model.precision.copy()
        thresholds = dict(model.thresholds)
        for column, policy in enumerate(self.policies):
            prevalence = declared[policy]
            unseen = learnt.unseen.get(policy)
            if unseen is None:
                model.intercept[column] += log_odds(prevalence) - log_odds(before[policy])  # type: ignore[index]
                continue
            slope, offset = affine(unseen.logits, unseen.labels, unseen.importance)
            shift = offset + shift_to(prevalence, unseen.labels, unseen.importance)
            weights[:, column] *= slope
            precision[:, column] /= slope**2
            model.intercept[column] = slope * model.intercept[column] + shift
            stated = slope * unseen.logits + shift
            nobody = np.zeros(stated.size, dtype=bool)
            thresholds[policy] = best_threshold(stated, unseen.labels, unseen.importance, nobody, prevalence)
        model.weights, model.precision = compact(weights), compact_precision(precision)
        model.thresholds = thresholds
        model.manifest = self._manifest(declared, learnt.texts)
        model.thresholds = raised_above(model, self.benign)
        return model

    def _manifest(self, declared: dict[str, float], texts: int) -> dict[str, object]:
        positives = dict(zip(self.policies, self._counts[:, 1].tolist(), strict=True))
        return {
            "kind": "stream",
            "seed": self.seed,
            "prevalence": declared,
            "texts": texts,
            "training": {
                policy: {"n": int(self._counts[place].sum()), "positives": positives[policy]}
                for place, policy in enumerate(self.policies)
            },
            "triage_only": [policy for policy in self.policies if positives[policy] < TRIAGE_BELOW],
            "background": "mean over the training texts",
            "libraries": libraries(),
        }


def fit_stream(batches: Iterable[Iterable[Example]], stream: Stream) -> Model:
    """Return what `stream` learns from the batches, of which no two need be in memory at once."""
    for batch in batches:
        stream.add(batch)
    return stream.model()


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A model of so many `texts`, not yet recalibrated, and how it ranked the last before it learnt from them."""

    model: Model
    unseen: dict[str, _Unseen]
    texts: int


def _learn(learnt: _Learnt, stretch: Sequence[Example], least: int, most: int) -> _Learnt:
    model = learnt.model
    labels = label_matrix(stretch, model.policies)
    importance = np.array([row.weight for row in stretch])
    grown, rows = _grown(model, [row.text for row in stretch], labels, learnt.texts, least=least, most=most)
    logits = rows.times(grown.weights) + grown.intercept
    unseen = dict(learnt.unseen)
    for column, policy in enumerate(grown.policies):
        known = np.flatnonzero(labels[:, column] >= 0)
        if known.size == 0:
            continue
        truth = labels[known, column] == 1
        if 0 < truth.sum() < truth.size:
            unseen[policy] = _Unseen(logits[known, column], truth, importance[known])
        moved = move(
            rows.take(known),
            truth,
            importance[known],
            weights=grown.weights[:, column],
            precision=grown.precision[:, column],
            offset=np.full(known.size, grown.intercept[column]),
            pull=_PULL,
        )
        grown.weights[:, column], grown.precision[:, column] = moved.weights, moved.precision
    return _Learnt(grown, unseen, learnt.texts + len(stretch))


def _grown(
    model: Model, texts: Sequence[str], labels: Labels, before: int, *, least: int, most: int
) -> tuple[Model, Rows]:
    """Return the model with the words and features that `texts` bring, of no weight yet, and the texts' rows."""
    old = model.space.vocabulary
    lexicon = _joined(old.lexicon, lexicon_of(texts, labels))
    with FeatureCounter(lexicon, recording=True) as counter:
        counter.count(texts)
        fresh = np.flatnonzero((counter.texts >= least) & ~np.isin(counter.keys, old.keys))
        fresh = fresh[np.argsort(-counter.texts[fresh], kind="stable")][: most // 2]
        kept = _telling(model, most - fresh.size)
        is_word = np.concatenate([kept < old.n_words, counter.is_word[fresh]])
        order = np.argsort(~is_word, kind="stable")
        keys = np.concatenate([old.keys[kept], counter.keys[fresh]])[order]
        idf = np.concatenate([model.space.idf[kept], inverse_frequency(counter.texts[fresh], len(texts))])[order]
        vocabulary = Vocabulary(lexicon, keys, int(is_word.sum()))
        rows = Rows(*counter.rows(_places(counter.keys, keys), idf, vocabulary.n_words), columns=keys.size)
    nothing = np.zeros((fresh.size, len(model.policies)))
    typical = np.median(model.precision, axis=0)
    added = rows.column_sums(np.column_stack([np.ones(len(rows)), np.zeros(len(rows))]))[0][:, 0]
    mean = np.concatenate([model.space.mean[kept], nothing[:, 0]])[order]
    mean = compact_mean((mean * before + added) / (before + len(texts)))
    grown = _copy_of(model, FeatureSpace(vocabulary, idf, mean))
    grown.weights = np.concatenate([model.weights[kept], nothing])[order]
    grown.precision = np.concatenate([model.precision[kept], nothing + typical])[order]
    return grown, rows


def _telling(model: Model, room: int) -> Ints:
    """Return the features, rising, that say most where there is not room for all."""
    if len(model.space.vocabulary) <= room:
        return np.arange(len(model.space.vocabulary))
    effect = np.abs(model.weights).max(axis=1) * model.space.idf
    return np.sort(np.argsort(-effect, kind="stable")[: max(room, 0)])


def _places(counted: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return where each key counted stands in `keys`, -1 where it does not."""
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], counted).clip(max=max(keys.size - 1, 0))
    found = order[place]
    return np.where(keys[found] == counted, found, -1).astype(np.int32)


def _joined(old: Lexicon, new: Lexicon) -> Lexicon:
    """Return the words of both, in the order of the old ones first, as far as there is room."""
    known = set(old.words)
    added = [word for word in new.words if word not in known][: max(0, _MOST_WORDS - len(old.words))]
    words = [*old.words, *added]
    place = {word: number for number, word in enumerate(words)}
    common = np.zeros(len(words), dtype=np.uint8)
    common[: len(old.words)] = old.common
    for number in np.flatnonzero(new.common):
        if new.words[number] in place:
            common[place[new.words[number]]] = 1
    wanted = [*(old.words[number] for number in old.targets), *(new.words[number] for number in new.targets)]
    targets = [place[word] for word in dict.fromkeys(wanted) if word in place][:_MOST_TARGETS]
    return Lexicon(words, targets, common)


def _copy_of(model: Model, space: FeatureSpace | None = None) -> Model:
    """Return a model that shares no array that training changes with `model`."""
    return Model(
        policies=model.policies,
        space=model.space if space is None else space,
        weights=model.weights,
        intercept=model.intercept.copy(),
        precision=model.precision,
        thresholds=dict(model.thresholds),
        manifest=model.manifest,
    )
