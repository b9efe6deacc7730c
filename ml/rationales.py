"""Do explanations point where people point, and where the model looks? On HateXplain's human rationales.

Plausibility (DeYoung et al. 2020, ERASER; Mathew et al. 2021, HateXplain): token F1 and IOU F1 of the five highest
tokens, and area under the precision-recall curve of token scores. A token is in the rationale where two of the three
annotators marked it. (Mathew et al. release a conversion that takes what any of them marked; that gives
higher figures, also to chance.) Faithfulness: how far the score falls without the highest fifth of tokens
(comprehensiveness, high is good) and with them alone (sufficiency, low is good).
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.errors import DataError
from ml.metrics import Bools, Estimate, Floats, bootstrap_mean
from ml.model import Model
from ml.schemas import Attribution

FILE = "hatexplain_rationales_val.csv.gz"
TOP_TOKENS = 5  # as Mathew et al. 2021: the usual length of a rationale
SHARE_REMOVED = 0.2
MIN_IOU = 0.5
_NORMAL = 1
_MAJORITY = 2


@dataclass(frozen=True, slots=True)
class Rationale:
    """A text as its tokens, and which of them (n_tokens,) the majority of annotators marked."""

    tokens: tuple[str, ...]
    marked: Bools


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Agreement with people, means over texts. IOU F1 is of the mean precision and recall, as ERASER has it."""

    texts: int
    token_f1: Estimate
    auprc: Estimate
    iou_f1: float


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Fall of the score (probability) and of the logit without, or with only, the highest fifth of tokens."""

    texts: int
    comprehensiveness: Estimate
    sufficiency: Estimate
    comprehensiveness_logit: Estimate
    sufficiency_logit: Estimate


def read_rationales(folder: Path) -> list[Rationale]:
    """Return the texts that two of three annotators call hateful or offensive and mark a common token of.

    Raises `DataError` for a missing or malformed file.
    """
    try:
        with gzip.open(folder / FILE, "rt", encoding="utf-8", newline="") as lines:
            found = [_rationale(row) for row in csv.DictReader(lines)]
    except FileNotFoundError as error:
        raise DataError(f"no {FILE} in the labelled-data folder") from error
    except (KeyError, ValueError, TypeError, gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{FILE} is not in the shape expected") from error
    return [item for item in found if item is not None]


def token_scores(tokens: Sequence[str], attributions: Sequence[Attribution]) -> Floats:
    """Return what attributions of `" ".join(tokens)` add up to, a token (n_tokens,), in logits.

    A span over several tokens is shared out by the number of code points it has in each.
    """
    ends = np.cumsum([len(token) + 1 for token in tokens]) - 1
    starts = ends - [len(token) for token in tokens]
    scores = np.zeros(len(tokens))
    for item in attributions:
        shared = np.clip(np.minimum(ends, item.end) - np.maximum(starts, item.start), 0, None)
        if shared.any():
            scores += item.value * shared / shared.sum()
    return scores


def explain_tokens(model: Model, policy: str, rationales: Sequence[Rationale]) -> list[Floats]:
    """Return the token scores of every text for `policy`, from the spans of `model.explain`."""
    texts = [" ".join(item.tokens) for item in rationales]
    explained = model.explain(texts, policies=[policy])
    return [token_scores(item.tokens, score.attributions) for item, (score,) in zip(rationales, explained, strict=True)]


def random_scores(rationales: Sequence[Rationale], seed: int) -> list[Floats]:
    """Return scores by chance, a token: the level that any explanation must beat."""
    random = np.random.default_rng(seed)
    return [random.random(len(item.tokens)) for item in rationales]


def plausibility(rationales: Sequence[Rationale], scores: Sequence[Floats], *, seed: int = 0) -> Plausibility:
    """Compare token scores with human rationales; raises `ValueError` where a text has no score or no rationale."""
    picked = [top(values, TOP_TOKENS) for values in scores]
    pairs = list(zip(rationales, picked, scores, strict=True))
    spans = [span_agreement(item.marked, chosen) for item, chosen, _ in pairs]
    precision, recall = np.mean(spans, axis=0) if spans else (0.0, 0.0)
    return Plausibility(
        texts=len(pairs),
        token_f1=bootstrap_mean(np.array([token_f1(item.marked, chosen) for item, chosen, _ in pairs]), seed=seed),
        auprc=bootstrap_mean(np.array([auprc(item.marked, values) for item, _, values in pairs]), seed=seed),
        iou_f1=_f1(float(precision), float(recall)),
    )


def faithfulness(
    model: Model, policy: str, rationales: Sequence[Rationale], scores: Sequence[Floats], *, seed: int = 0
) -> Faithfulness:
    """Rescore every text without, and with only, its highest fifth of tokens (one at least)."""
    tokens = [item.tokens for item in rationales]
    chosen = [top(values, math.ceil(SHARE_REMOVED * values.size)) for values in scores]
    column = model.column(policy)

    def logits(kept: Sequence[Bools]) -> Floats:
        texts = [" ".join(itertools.compress(words, keep)) for words, keep in zip(tokens, kept, strict=True)]
        return model.decision_function(texts)[:, column]

    full = logits([np.ones(values.size, dtype=np.bool_) for values in scores])
    without, alone = logits([~keep for keep in chosen]), logits(chosen)
    return Faithfulness(
        len(tokens),
        bootstrap_mean(_probability(full) - _probability(without), seed=seed),
        bootstrap_mean(_probability(full) - _probability(alone), seed=seed),
        bootstrap_mean(full - without, seed=seed),
        bootstrap_mean(full - alone, seed=seed),
    )


def top(scores: Floats, count: int) -> Bools:
    """Return which tokens (n,) have the `count` highest scores; of equal ones the first."""
    chosen = np.zeros(scores.size, dtype=np.bool_)
    chosen[np.argsort(-scores, kind="stable")[:count]] = True
    return chosen


def token_f1(marked: Bools, chosen: Bools) -> float:
    """Return F1 of the chosen tokens against the marked ones."""
    return float(2.0 * (marked & chosen).sum() / (marked.sum() + chosen.sum()))


def auprc(marked: Bools, scores: Floats) -> float:
    """Return the area under the precision-recall curve by trapezoids, from recall 0 at precision 1, as ERASER does.

    It lies above average precision, most in short texts. Raises `ValueError` where no token is marked.
    """
    if not marked.any():
        raise ValueError("no token is marked")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0.0, True))
    hits = np.cumsum(marked[order])[ends]
    recall = np.concatenate([[0.0], hits / hits[-1]])
    precision = np.concatenate([[1.0], hits / (ends + 1)])
    return float(np.trapezoid(precision, recall))


def span_agreement(marked: Bools, chosen: Bools) -> tuple[float, float]:
    """Return precision and recall of runs of chosen tokens that overlap a marked run by IOU of 0.5 or more."""
    people, machine = runs(marked), runs(chosen)
    matched = sum(max((_iou(run, other) for other in people), default=0.0) >= MIN_IOU for run in machine)
    return (matched / len(machine) if machine else 0.0, matched / len(people) if people else 0.0)


def runs(chosen: Bools) -> list[tuple[int, int]]:
    """Return the half-open runs of chosen tokens, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _iou(left: tuple[int, int], right: tuple[int, int]) -> float:
    shared = max(0, min(left[1], right[1]) - max(left[0], right[0]))
    return shared / (left[1] - left[0] + right[1] - right[0] - shared)


def _f1(precision: float, recall: float) -> float:
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def _probability(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -logits)))


def _rationale(row: dict[str, str]) -> Rationale | None:
    tokens, labels, masks = (json.loads(row[name]) for name in ("tokens", "labels", "rationales"))
    if sum(label != _NORMAL for label in labels) < _MAJORITY or not masks:
        return None
    marked = np.array(masks).sum(axis=0) >= _MAJORITY
    if marked.shape != (len(tokens),):
        raise ValueError("a rationale is not as long as its text")
    return Rationale(tuple(tokens), marked) if marked.any() else None
