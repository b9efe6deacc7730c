"""Scoring and explaining beside a bare scikit-learn pipeline that only predicts, on the same texts."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.figures import Figure, ratio

_BATCH = 64
_TEXTS = 1_500
_SKLEARN = "bare scikit-learn predict"


def texts(base_data: Path | None) -> list[str]:
    """Texts to score: the labelled data's harassment test side where it is, else the demo community's."""
    from moderation import demo

    if base_data is None:
        found = [message.text for message in demo.load().messages]
    else:
        from ml import datasets

        rows = datasets.read(datasets.find("davidson"), base_data)
        found = [row.text for row in rows if row.split == "test"]
    return (found * (_TEXTS // len(found) + 1))[:_TEXTS]


def measure(chosen: Sequence[str]) -> Iterator[Figure]:
    """Texts a second: the model alone, the worker's whole path with the database, and the floor."""
    from moderation.learning import scoring

    def ours(batch: Sequence[str]) -> object:
        return scoring.score_texts(batch, [{} for _ in batch])

    floor = _pipeline(chosen)
    explaining, predicting = _rates([ours, floor], chosen)
    model = Figure("scoring", "model with explanations", explaining, "texts/s", len(chosen))
    yield model
    bare = Figure("scoring", _SKLEARN, predicting, "texts/s", len(chosen))
    yield bare
    yield ratio(model, bare, _SKLEARN)
    path = Figure("scoring", "worker's whole path", _settled_rate(), "texts/s", len(chosen))
    yield path
    yield ratio(path, bare, _SKLEARN)


def _pipeline(chosen: Sequence[str]) -> Callable[[Sequence[str]], object]:
    """The same kinds of features, a logistic regression a policy; its labels matter not to its speed."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    pipeline = make_pipeline(make_union(words, characters), OneVsRestClassifier(LogisticRegression(max_iter=200)))
    labels = np.arange(len(chosen))[:, None] % np.array([2, 3, 4, 5, 6, 7]) == 0
    pipeline.fit(list(chosen), labels.astype(int))
    return lambda batch: pipeline.predict_proba(list(batch))


def _rates(actions: Sequence[Callable[[Sequence[str]], object]], chosen: Sequence[str]) -> list[float]:
    """Texts a second of each action over all batches, batch by batch in turns."""
    taken = [0.0] * len(actions)
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
        for index, act in enumerate(actions):
            begun = time.perf_counter()
            act(batch)
            taken[index] += time.perf_counter() - begun
    return [len(chosen) / seconds for seconds in taken]


def _settled_rate() -> float:
    """Contents a second through ``score_pending``: taken, grouped, scored, explained, stored, routed."""
    from moderation.services import scoring

    begun, settled = time.perf_counter(), 0
    while settled < _TEXTS and (batch := scoring.score_pending(limit=_BATCH)):
        settled += batch
    return settled / (time.perf_counter() - begun)
