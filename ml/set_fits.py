"""What the learner reaches on each labelled set alone: fitted to its train part in memory, measured, thrown away.

That is the learner's worth beside others on the same splits; the starter model, trained on all sets whose licence
allows it, has figures of its own. `openai_moderation` is small: each of its five folds is scored by a model of the
other four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml import datasets
from ml.attacks import ATTACKED, Robustness, robustness
from ml.calibrators import beta, isotonic
from ml.datasets import DataSet
from ml.evaluate import labelled, logits_of
from ml.metrics import Floats, average_precision, expected_calibration_error, logit_of, probabilities_at
from ml.model import Model
from ml.schemas import Example
from ml.set_figures import SetFigures, figures_of, set_figures
from ml.train import DEFAULT_PREVALENCE, fit

FOLDED = "openai_moderation"
TO_REACH = {
    ("davidson", "harassment"): 0.997,
    ("davidson", "hate"): 0.422,
    ("hatexplain", "harassment"): 0.878,
    ("edos_sexism", "hate"): 0.775,
    ("stormfront_hate", "hate"): 0.540,
    ("hatemoji_build", "hate"): 0.634,
    ("sms_spam", "spam"): 0.997,
    ("spamassassin", "spam"): 0.998,
    ("youtube_spam", "spam"): 0.992,
    ("olid", "harassment"): 0.746,
    ("suicidal_tweets", "self-harm"): 0.977,
    (FOLDED, "sexual"): 0.93,
    (FOLDED, "hate"): 0.62,
    (FOLDED, "self-harm"): 0.77,
    (FOLDED, "violence"): 0.40,
    (FOLDED, "harassment"): 0.38,
}
"""Average precision of scikit-learn on the same splits: words 1-2 and characters 2-5 as TF-IDF times their naive-Bayes
log-count ratio into a logistic regression; on `openai_moderation` the best of that, the same without the ratio, and the
same beside a sentence encoder. One seed, no interval."""

_KEPT_BACK = 5  # one training text in so many is kept back to fit the other calibrations to


@dataclass(frozen=True, slots=True)
class SetFit:
    """Figures of one policy, the average precision to reach, and the calibration error of other calibrations.

    `robustness` is that of the fits of `ATTACKED`, elsewhere empty. `recipe` is what inner validation chose, of the
    first fold where there are several. `fold_average_precision` is the mean over folds, `None` where there is one test
    part. `isotonic_ece` and `beta_ece` are of a model of four fifths of the train part, calibrated on the last fifth;
    `affine_ece` is that of the same model as it is shipped.
    """

    figures: SetFigures
    to_reach: float | None
    recipe: str
    fold_average_precision: float | None
    robustness: list[Robustness]
    affine_ece: float | None
    isotonic_ece: float | None
    beta_ece: float | None


def measure(data: Path, *, seed: int = 0) -> list[SetFit]:
    """Fit and measure every set in the folder `data`; the same seed gives the same figures."""
    found: list[SetFit] = []
    for item in datasets.SETS:
        rows = datasets.read(item, data)
        if item.name == FOLDED:
            found += _folded(item, rows, datasets.read_folds(item, data), seed)
        else:
            found += [_alone(item.name, policy, rows, seed) for policy in item.columns]
    return found


def _alone(name: str, policy: str, rows: Sequence[Example], seed: int) -> SetFit:
    rows = [replace(row, labels={policy: row.labels[policy]}) for row in rows if policy in row.labels]
    train, test = ([row for row in rows if row.split == split] for split in ("train", "test"))
    model = fit(train, policies=[policy], seed=seed, benign=())
    [figures] = set_figures(model, name, test, seed=seed)
    others = _other_calibrations(policy, train, test, seed)
    attacked = robustness(model, policy, train, test, source=name, seed=seed) if (name, policy) in ATTACKED else []
    return SetFit(figures, TO_REACH.get((name, policy)), _recipe(model, policy), None, attacked, *others)


def _other_calibrations(
    policy: str, train: Sequence[Example], test: Sequence[Example], seed: int
) -> tuple[float | None, float | None, float | None]:
    """Return the calibration error on `test` as shipped, with isotonic and with beta calibration."""
    back = np.random.default_rng(seed).integers(_KEPT_BACK, size=len(train)) == 0
    learnt, kept = ([row for row, out in zip(train, back, strict=True) if out == side] for side in (False, True))
    model = fit(learnt, policies=[policy], seed=seed, benign=())
    truth, known = labelled(test, policy)[1], labelled(kept, policy)[1]
    logits, seen = logits_of(model, test)[:, 0], logits_of(model, kept)[:, 0]
    shares = float(truth.mean()), float(known.mean())
    if not all(0.0 < share < 1.0 for share in shares):
        return None, None, None
    errors = [expected_calibration_error(truth, probabilities_at(logits, shares[0], DEFAULT_PREVALENCE))]
    for calibrate in (isotonic, beta):
        stated = calibrate(seen, known)(logits).clip(1e-9, 1.0 - 1e-9)
        odds = np.log(stated) - np.log1p(-stated)
        errors.append(expected_calibration_error(truth, probabilities_at(odds, shares[0], shares[1])))
    return errors[0], errors[1], errors[2]


def _folded(item: DataSet, rows: Sequence[Example], folds: Sequence[int], seed: int) -> list[SetFit]:
    logits = np.full((len(rows), len(item.columns)), np.nan)
    margins = logits.copy()
    policies = tuple(item.columns)
    place = np.array(folds)
    models: list[Model] = []
    for fold in sorted(set(folds)):
        train = [replace(row, split="train") for row, own in zip(rows, folds, strict=True) if own != fold]
        model = fit(train, policies=policies, seed=seed, benign=())
        inside = np.flatnonzero(place == fold)
        logits[inside] = logits_of(model, [rows[int(row)] for row in inside])
        margins[inside] = logits[inside] - [logit_of(model.thresholds[policy]) for policy in policies]
        models.append(model)
    return [
        _folded_policy(item.name, policy, rows, place, logits[:, column], margins[:, column], models[0], seed)
        for column, policy in enumerate(policies)
    ]


def _folded_policy(
    name: str,
    policy: str,
    rows: Sequence[Example],
    place: np.ndarray,
    logits: Floats,
    margins: Floats,
    first: Model,
    seed: int,
) -> SetFit:
    known, labels = labelled(rows, policy)
    figures = figures_of(name, policy, labels, logits[known], 0.0, DEFAULT_PREVALENCE, seed)
    at_threshold = figures_of(name, policy, labels, margins[known], 0.0, 0.5, seed).f1
    by_fold = [
        average_precision(labels[place[known] == fold], logits[known][place[known] == fold]) for fold in set(place)
    ]
    mean = float(np.mean([value for value in by_fold if value is not None]))
    figures = replace(figures, f1=at_threshold)
    return SetFit(figures, TO_REACH.get((name, policy)), _recipe(first, policy), mean, [], None, None, None)


def _recipe(model: Model, policy: str) -> str:
    training = model.manifest["training"]
    return str(training[policy]["recipe"]) if isinstance(training, dict) else ""
