"""Scoring and explaining beside a bare scikit-learn pipeline that only predicts, on the same texts of about 20 words."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.bench.clock import in_turns
from tests.bench.figures import Figure, latencies, ratio

_BATCH = 64
_TEXTS = 6_000
_WORDS = range(15, 26)
_SINGLE = 300
_SKLEARN = "scikit-learn predicting as many policies, no normalisation"


def texts(base_data: Path | None) -> list[str]:
    """Texts of 15 to 25 words to score: from the labelled data where it is, else from the demo community's."""
    from moderation import demo

    if base_data is None:
        found = [message.text for message in demo.load().messages]
    else:
        from ml import datasets

        found = [row.text for row in datasets.read(datasets.find("davidson"), base_data)]
        found = [text for text in found if len(text.split()) in _WORDS]
    return (found * (_TEXTS // len(found) + 1))[:_TEXTS]


def measure(chosen: Sequence[str]) -> Iterator[Figure]:
    """One core: in batch, one by one, the worker's batches as they are stored; the worker's whole path; memory."""
    from moderation.learning import registry

    model = registry.load(registry.champion())
    pipeline = _pipeline(chosen, len(model.policies))
    yield from _in_batch(model.scorer.explain, pipeline, chosen)
    yield from _one_by_one(model.scorer.explain, pipeline, chosen)
    yield from _as_stored(chosen)
    settled = _settled_rate()
    yield Figure("scoring", "worker's whole path", settled, "texts/s", len(chosen))
    yield Figure("scoring", "a process that has scored", _process_memory(), "MiB", 1)


def _in_batch(
    ours: Callable[[Sequence[str]], object], floor: Callable[[Sequence[str]], object], chosen: Sequence[str]
) -> Iterator[Figure]:
    actions = [lambda: ours(chosen), lambda: floor(chosen)]
    explaining, predicting = (statistics.median(taken) for taken in in_turns(actions, rounds=5, warm_up=1))
    model = Figure(
        "scoring", "normalised, scored, explained; in batch", len(chosen) / explaining, "texts/s", len(chosen)
    )
    bare = Figure("scoring", f"{_SKLEARN}; in batch", len(chosen) / predicting, "texts/s", len(chosen))
    yield from (model, bare, ratio(model, bare, _SKLEARN))


def _one_by_one(
    ours: Callable[[Sequence[str]], object], floor: Callable[[Sequence[str]], object], chosen: Sequence[str]
) -> Iterator[Figure]:
    taken: list[list[float]] = [[], []]
    for text in chosen[:_SINGLE]:
        for seconds, act in zip(taken, (ours, floor), strict=True):
            begun = time.perf_counter()
            act([text])
            seconds.append(time.perf_counter() - begun)
    model = latencies("scoring", "normalised, scored, explained; one by one", taken[0])
    bare = latencies("scoring", f"{_SKLEARN}; one by one", taken[1])
    yield from (*model, *bare)
    yield Figure("scoring", "one by one p50 ratio", bare[0].value / model[0].value, "x", _SINGLE, _SKLEARN)


def _as_stored(chosen: Sequence[str]) -> Iterator[Figure]:
    """In the shape that predictions are stored in, batch by batch as a worker takes them."""
    from moderation.learning import scoring

    begun = time.perf_counter()
    for start in range(0, len(chosen), _BATCH):
        batch = chosen[start : start + _BATCH]
        scoring.score_texts(batch, [{} for _ in batch])
    rate = len(chosen) / (time.perf_counter() - begun)
    yield Figure("scoring", "as predictions to be stored", rate, "texts/s", len(chosen))


def _pipeline(chosen: Sequence[str], policies: int) -> Callable[[Sequence[str]], object]:
    """The same kinds of features, a logistic regression a policy; its labels matter not to its speed."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
    pipeline = make_pipeline(make_union(words, characters), OneVsRestClassifier(LogisticRegression(max_iter=200)))
    labels = np.arange(len(chosen))[:, None] % np.arange(2, 2 + policies) == 0
    pipeline.fit(list(chosen), labels.astype(int))
    return lambda batch: pipeline.predict_proba(list(batch))


def _settled_rate() -> float:
    """Contents a second through ``score_pending``: taken, grouped, scored, explained, stored, routed."""
    from moderation.services import scoring

    begun, settled = time.perf_counter(), 0
    while settled < _TEXTS and (batch := scoring.score_pending(limit=_BATCH)):
        settled += batch
    return settled / (time.perf_counter() - begun)


def _process_memory() -> float:
    """MiB resident in a web process after it has scored and explained a text."""
    code = (
        "import django; django.setup()\n"
        "import console.urls\n"
        "from moderation.learning import scoring\n"
        "scoring.score_texts(['one text'], [{}])\n"
        "import re; print(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024
