"""Explaining texts by their words, beside a scikit-learn pipeline with `shap.LinearExplainer` and a projection."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.bench.clock import in_turns
from tests.bench.figures import Figure, ratio
from tests.bench.training import train_part

if TYPE_CHECKING:
    from ml.model import Model

_TEXTS = 200
_ROUNDS = 3
_ARRAYS = "ours: text to scores and spans, as arrays"
_VALUES = "ours: the same as values a text"
_SHAP = "shap.LinearExplainer, values put on words"
_WORD = re.compile(r"(?u)\b\w\w+\b")


def measure(base_data: Path | None) -> Iterator[Figure]:
    """Texts a second of both, one model each of the same texts, in turns; nothing where there is no labelled data."""
    if base_data is None:
        return
    texts, labels, test, _ = train_part(base_data, "davidson", "harassment")
    chosen = test[:_TEXTS]
    model = _model(texts, labels)
    actions = (model.scorer.explain, model.explain, _with_shap(texts, labels))
    taken = in_turns([partial(act, chosen) for act in actions], rounds=_ROUNDS, warm_up=1)
    arrays, values, theirs = (
        Figure("explaining", name, len(chosen) / min(seconds), "texts/s", len(chosen))
        for name, seconds in zip((_ARRAYS, _VALUES, _SHAP), taken, strict=True)
    )
    yield from (arrays, values, theirs, ratio(arrays, theirs, _SHAP), ratio(values, theirs, _SHAP))


def _model(texts: Sequence[str], labels: np.ndarray) -> "Model":
    from ml.schemas import Example
    from ml.train import fit

    rows = [Example(text, {"p": bool(label)}) for text, label in zip(texts, labels, strict=True)]
    return fit(rows, policies=["p"])


def _with_shap(texts: Sequence[str], labels: np.ndarray) -> Callable[[Sequence[str]], Any]:
    import shap
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
    )
    values = features.fit_transform(list(texts))
    linear = LogisticRegression(max_iter=200).fit(values, labels)
    explainer = shap.LinearExplainer(linear, (np.asarray(values.mean(axis=0)).ravel(), None))
    words, chars = (vectoriser.vocabulary_ for _, vectoriser in features.transformer_list)

    def explain(chosen: Sequence[str]) -> list[list[float]]:
        shares = explainer.shap_values(features.transform(list(chosen)).toarray())
        return [_on_words(text, row, words, chars) for text, row in zip(chosen, shares, strict=True)]

    return explain


def _on_words(text: str, shares: np.ndarray, words: dict[str, int], chars: dict[str, int]) -> list[float]:
    """Put each feature's value on the words it occurs in, in equal shares an occurrence."""
    tokens = _WORD.findall(text.lower())
    places: defaultdict[int, list[int]] = defaultdict(list)
    for at, token in enumerate(tokens):
        padded = f" {token} "
        grams = [padded[i : i + size] for size in range(2, 6) for i in range(len(padded) - size + 1)]
        for feature, count in Counter(len(words) + chars[gram] for gram in grams if gram in chars).items():
            places[feature] += [at] * (2 * count)
        if token in words:
            places[words[token]] += [at, at]
        if at and (pair := f"{tokens[at - 1]} {token}") in words:
            places[words[pair]] += [at - 1, at]
    found = [0.0] * len(tokens)
    for feature, where in places.items():
        share = float(shares[feature]) / len(where)
        for at in where:
            found[at] += share
    return found
