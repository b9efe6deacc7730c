"""Everything there is to say about a model on the labelled data sets, as one value that holds no text.

Figures are taken on test parts; attacks read words off train parts (labels only), rationales are of HateXplain's
validation part. Fits of single sets and what continuing forgets train models, a minute's worth; learning curves take
longer and are left out unless asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml import artifacts, chat, cost, datasets, rationales, subgroups
from ml.attacks import ATTACKED, Robustness, robustness
from ml.cost import Cost
from ml.curves import Point, learning_curve
from ml.errors import InputError
from ml.evaluate import declared_prevalence, labelled, logits_of, stated_probabilities
from ml.metrics import precision_recall_curve, reliability
from ml.model import Model
from ml.rationales import Faithfulness, Plausibility
from ml.schemas import Example
from ml.set_figures import SetFigures, set_figures
from ml.subgroups import Subgroup

if TYPE_CHECKING:
    from ml.forgetting import Forgetting
    from ml.set_fits import SetFit

PARTS = ("figures", "robustness", "subgroups", "rationales", "cost", "sets", "forgetting", "curves")
DEFAULT_PARTS = PARTS[:-1]

_GROUPED = ("harassment", "hate")
_EXPLAINED = "harassment"  # HateXplain's "hateful or offensive"
_CURVES = (("davidson", "harassment"), ("edos_sexism", "hate"), ("sms_spam", "spam"))
_NEW_LABELS = (  # a set that no model given away was trained on, and what must not be forgotten over it
    ("harassment", "olid", ("davidson", "hatexplain")),
    ("spam", "youtube_spam", ("sms_spam", "spamassassin")),
)
_SIZES = (250, 500, 1000, 2000, 4000)
_COST_TEXTS = 1000
_CURVE_POINTS = 120


@dataclass(frozen=True, slots=True)
class Curves:
    """One policy over the test parts of all sets, to be drawn.

    `precision_recall` is (recall, precision), thinned; `reliability` is (stated, seen, rows) a bin.
    """

    policy: str
    precision_recall: list[tuple[float, float]]
    reliability: list[tuple[float, float, int]]


@dataclass(frozen=True, slots=True)
class Explanations:
    """Agreement with human rationales beside chance, and faithfulness beside removing tokens by chance."""

    policy: str
    plausibility: Plausibility
    chance: Plausibility
    faithfulness: Faithfulness
    random_removal: Faithfulness


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found; a part that was not asked for is empty or `None`."""

    model: str
    seed: int
    figures: list[SetFigures]
    curves: list[Curves]
    robustness: list[Robustness]
    subgroups: list[Subgroup]
    explanations: Explanations | None
    cost: Cost | None
    sets: list[SetFit]
    forgetting: list[Forgetting]
    learning: list[Point]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`; no text of any data set is among them."""
        return asdict(self)


def assess(model_folder: Path, data: Path, *, parts: Collection[str] = DEFAULT_PARTS, seed: int = 0) -> Assessment:
    """Measure the model in `model_folder` on the labelled sets in the folder `data`.

    The same seed gives the same figures, cost aside. Raises `InputError` for an unknown part, `DataError` for a set
    that is missing or malformed, `ArtifactError` for a model that cannot be loaded.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise InputError(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    model = artifacts.load(model_folder)
    sets = _sets(model, data)
    test = {name: [row for row in rows if row.split == "test"] for name, rows in sets.items()}
    pool = [row for rows in test.values() for row in rows]
    return Assessment(
        model=model.sha256,
        seed=seed,
        figures=_figures(model, test, seed) if "figures" in parts else [],
        curves=[_curves(model, policy, pool) for policy in model.policies] if "figures" in parts else [],
        robustness=_robustness(model, sets, seed) if "robustness" in parts else [],
        subgroups=_subgroups(model, pool, seed) if "subgroups" in parts else [],
        explanations=_explanations(model, data, seed) if "rationales" in parts else None,
        cost=cost.measure(model_folder, _sample(pool, seed)) if "cost" in parts else None,
        sets=_set_fits(data, seed) if "sets" in parts else [],
        forgetting=_forgetting(model, sets, seed) if "forgetting" in parts else [],
        learning=_learning(model, data, seed) if "curves" in parts else [],
    )


def _sets(model: Model, data: Path) -> dict[str, list[Example]]:
    sets = {
        item.name: datasets.read(item, data)
        for item in datasets.SETS
        if not item.columns.keys().isdisjoint(model.policies)
    }
    written = chat.examples(datasets.POLICIES)
    # Too few to part in three: what was not trained on is its test part.
    sets[chat.NAME] = [row if row.split == "train" else _as_test(row) for row in written]
    return sets


def _as_test(row: Example) -> Example:
    return Example(row.text, row.labels, row.weight, row.context, row.group, "test", row.source)


def _figures(model: Model, test: Mapping[str, Sequence[Example]], seed: int) -> list[SetFigures]:
    return [item for source, rows in test.items() for item in set_figures(model, source, rows, seed=seed)]


def _curves(model: Model, policy: str, pool: Sequence[Example]) -> Curves:
    rows, labels = labelled(pool, policy)
    logits = logits_of(model, [pool[row] for row in rows])[:, model.column(policy)]
    stated = stated_probabilities(labels, logits, declared_prevalence(model, policy))
    points = precision_recall_curve(labels, logits)
    step = max(1, len(points) // _CURVE_POINTS)
    return Curves(policy, points[::step], [] if stated is None else reliability(labels, stated))


def _robustness(model: Model, sets: Mapping[str, Sequence[Example]], seed: int) -> list[Robustness]:
    found = []
    for source, policy in ATTACKED:
        if policy in model.policies:
            train, test = ([row for row in sets[source] if row.split == split] for split in ("train", "test"))
            found += robustness(model, policy, train, test, source=source, seed=seed)
    return found


def _subgroups(model: Model, pool: Sequence[Example], seed: int) -> list[Subgroup]:
    return [
        item
        for policy in _GROUPED
        if policy in model.policies
        for item in subgroups.subgroup_figures(model, policy, pool, seed=seed)
    ]


def _explanations(model: Model, data: Path, seed: int) -> Explanations | None:
    if _EXPLAINED not in model.policies:
        return None
    marked = rationales.read_rationales(data)
    scores = rationales.explain_tokens(model, _EXPLAINED, marked)
    by_chance = rationales.random_scores(marked, seed)
    return Explanations(
        _EXPLAINED,
        rationales.plausibility(marked, scores, seed=seed),
        rationales.plausibility(marked, by_chance, seed=seed),
        rationales.faithfulness(model, _EXPLAINED, marked, scores, seed=seed),
        rationales.faithfulness(model, _EXPLAINED, marked, by_chance, seed=seed),
    )


def _set_fits(data: Path, seed: int) -> list[SetFit]:
    from ml import set_fits

    return set_fits.measure(data, seed=seed)


def _forgetting(model: Model, sets: Mapping[str, Sequence[Example]], seed: int) -> list[Forgetting]:
    from ml import forgetting

    return [
        point
        for policy, new, old in _NEW_LABELS
        if policy in model.policies
        for point in forgetting.forgetting_curve(
            model, policy, sets[new], {name: sets[name] for name in old}, seed=seed
        )
    ]


def _learning(model: Model, data: Path, seed: int) -> list[Point]:
    from ml import train

    allowed = datasets.training_examples(data)
    points: list[Point] = []
    for source, policy in _CURVES:
        if policy in model.policies:
            rows = [row for row in allowed if row.source == source]
            test = [row for row in datasets.read(datasets.find(source), data) if row.split == "test"]
            points += learning_curve(
                lambda chosen, policy=policy: train.fit(chosen, policies=[policy], seed=seed),  # type: ignore[misc]
                policy,
                rows,
                test,
                _SIZES,
                seed=seed,
            )
    return points


def _sample(pool: Sequence[Example], seed: int) -> list[str]:
    drawn = np.random.default_rng(seed).permutation(len(pool))[:_COST_TEXTS]
    return [pool[place].text for place in drawn]
