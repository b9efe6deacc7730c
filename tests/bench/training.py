"""Training beside what else one would train: how fast, how good, and how fast the result predicts. One core each.

All get the same texts and labels, and settings as they are usual for short texts; ours chooses penalty and scaling and
calibrates besides, within the time taken.
"""

import importlib.util
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.figures import Figure, ratio

SETS = (("davidson", "harassment"), ("hatexplain", "harassment"), ("edos_sexism", "hate"))
_ROUNDS = 3
_SKLEARN = "scikit-learn pipeline"
_OURS = "ours"

Score = Callable[[Sequence[str]], Any]
Learn = Callable[[Sequence[str], np.ndarray], Score]


def measure(base_data: Path | None) -> Iterator[Figure]:
    """Train on each set's train part, in turns; nothing where there is no labelled data."""
    if base_data is None:
        return
    for name, policy in SETS:
        yield from _measure_set(name, *train_part(base_data, name, policy))


def train_part(base_data: Path, name: str, policy: str) -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Texts and labels of the train part, then of the test part."""
    from ml import datasets

    rows = datasets.read(datasets.find(name), base_data)
    train, test = ([row for row in rows if row.split == split] for split in ("train", "test"))
    labels = [np.array([row.labels[policy] for row in part]) for part in (train, test)]
    return [row.text for row in train], labels[0], [row.text for row in test], labels[1]


def _measure_set(
    name: str, texts: list[str], labels: np.ndarray, test: list[str], truth: np.ndarray
) -> Iterator[Figure]:
    from ml.metrics import average_precision

    learners = {_OURS: ours, _SKLEARN: scikit_learn} | _peers()
    training = dict.fromkeys(learners, float("inf"))
    predicting = dict.fromkeys(learners, float("inf"))
    precision: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for learner, learn in learners.items():
            begun = time.perf_counter()
            score = learn(texts, labels)
            trained = time.perf_counter()
            scores = np.asarray(score(test), dtype=np.float64)
            done = time.perf_counter()
            training[learner] = min(training[learner], trained - begun)
            predicting[learner] = min(predicting[learner], done - trained)
            precision[learner] = average_precision(truth, scores) or 0.0
    bench, n = f"training {name}", len(texts)
    for learner in learners:
        yield Figure(bench, f"{learner}: texts trained on", n / training[learner], "texts/s", n)
        yield Figure(bench, f"{learner}: average precision", precision[learner], "", len(test))
        yield Figure(bench, f"{learner}: predict", len(test) / predicting[learner], "texts/s", len(test))
    speed = Figure(bench, f"{_OURS}: texts trained on", n / training[_OURS], "texts/s", n)
    yield ratio(speed, Figure(bench, "", n / training[_SKLEARN], "texts/s", n), _SKLEARN)
    for peer, package in _PACKAGES.items():
        if peer not in learners:
            yield Figure(bench, f"{peer}: not to be had here", 0.0, "", 0, f"package {package}")


def ours(texts: Sequence[str], labels: np.ndarray) -> Score:
    """Our `fit`: recipe chosen by inner validation, calibrated, threshold chosen."""
    from ml.schemas import Example
    from ml.train import fit

    rows = [Example(text, {"p": bool(label)}) for text, label in zip(texts, labels, strict=True)]
    model = fit(rows, policies=["p"])
    return lambda chosen: model.decision_function(chosen)[:, 0]


def scikit_learn(texts: Sequence[str], labels: np.ndarray) -> Score:
    """Words 1-2 and characters 2-5, TF-IDF, into a logistic regression, as it is mostly written."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    pipeline = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ),
        LogisticRegression(max_iter=200),
    )
    pipeline.fit(list(texts), labels)
    return lambda chosen: pipeline.decision_function(list(chosen))


def fast_text(texts: Sequence[str], labels: np.ndarray) -> Score:
    """fastText with pairs of words and characters 2-5, one thread."""
    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as lines:
        lines.writelines(
            f"__label__{int(label)} {_one_line(text)}\n" for text, label in zip(texts, labels, strict=True)
        )
        lines.flush()
        model = fasttext.train_supervised(
            lines.name, wordNgrams=2, minn=2, maxn=5, dim=50, epoch=10, lr=0.5, thread=1, seed=0, verbose=0
        )

    def score(chosen: Sequence[str]) -> list[float]:
        found, chances = model.predict([_one_line(text) for text in chosen], k=2)
        return [float(chance[list(names).index("__label__1")]) for names, chance in zip(found, chances, strict=True)]

    return score


def vowpal_wabbit(texts: Sequence[str], labels: np.ndarray) -> Score:
    """Vowpal Wabbit with pairs of words, their beginnings and ends, five passes in an order drawn once a pass."""
    from vowpalwabbit import Workspace

    workspace = Workspace("--quiet --loss_function logistic --ngram w2 --affix +3w,-3w -b 20 -l 0.5 --random_seed 1")
    lines = [f"{1 if label else -1} |w {_words(text)}" for text, label in zip(texts, labels, strict=True)]
    random = np.random.default_rng(0)
    for _ in range(5):
        for place in random.permutation(len(lines)):
            workspace.learn(lines[place])
    return lambda chosen: [workspace.predict(f"|w {_words(text)}") for text in chosen]


_PACKAGES = {"fastText": "fasttext", "Vowpal Wabbit": "vowpalwabbit"}


def _peers() -> dict[str, Learn]:
    learners: dict[str, Learn] = {"fastText": fast_text, "Vowpal Wabbit": vowpal_wabbit}
    return {name: learn for name, learn in learners.items() if importlib.util.find_spec(_PACKAGES[name])}


def _one_line(text: str) -> str:
    return " ".join(text.lower().split())


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
