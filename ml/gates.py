"""Gates: whether a candidate may take the champion's place, on examples that neither was trained on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.errors import InputError
from ml.evaluate import calibration_figures, declared_prevalence, labelled, logits_of
from ml.importances import word_effects
from ml.metrics import Bools, Floats, average_precision, logit_of, roc_auc
from ml.model import Model
from ml.probes import BENIGN
from ml.schemas import Example, GateResult
from ml.text import tokenise

MIN_TEST_POSITIVES = 50
MIN_GOLDEN_POSITIVES = 5
MAX_RANKING_LOSS = 0.01
MAX_CALIBRATION_LOSS = 0.02
MAX_GOLDEN_LOSS = 0.02
MAX_GOLDEN_RANKING_LOSS = 0.05  # golden items are few: one that changes places moves a policy this much
MAX_INSERTION_CUT = 0.05
BOOTSTRAPS = 1000
_PROBED_WORDS = 30
_PROBED_POSITIVES = 200
_TAUGHT = 5  # texts that a word needs to have been taught as a trigger
_SURE = 3.0  # standard errors beyond which a difference is no chance, with 30 words looked at too


def gates(
    champion: Model,
    candidate: Model,
    test_examples: Sequence[Example],
    golden_examples: Sequence[Example],
    *,
    learnt_from: Sequence[Example] = (),
    seed: int = 0,
    thresholds: Mapping[str, float] | None = None,
) -> list[GateResult]:
    """Compare a candidate with the champion on examples that neither was trained on.

    A policy: `ranking`, `calibration` and `insertion` on the test examples, `labels` on them and on `learnt_from` (what
    the candidate was trained on and the champion was not), `golden` on the golden ones; once: `golden` over all
    policies, `benign` and `gain`. `thresholds` overrides both models' own. Raises `InputError` where the two models
    serve different policies.
    """
    if champion.policies != candidate.policies:
        raise InputError("champion and candidate do not serve the same policies in the same order")
    limits = {**champion.thresholds, **(thresholds or {})}
    test = _compare(champion, candidate, test_examples, MIN_TEST_POSITIVES, seed)
    golden = _compare(champion, candidate, golden_examples, MIN_GOLDEN_POSITIVES, seed)
    fallen = _fallen_words(champion, candidate, _words(champion, learnt_from))
    learnt = logits_of(champion, learnt_from)
    results = []
    for column, policy in enumerate(champion.policies):
        results.append(_ranking_gate(test, policy, column))
        results.append(_calibration_gate(test, policy, column, declared_prevalence(champion, policy)))
        results.append(_insertion_gate((champion, candidate), test, policy, column, limits[policy], fallen[column]))
        results.append(_labels_gate(learnt_from, learnt[:, column], test, policy, column))
        results.append(_golden_ranking_gate(golden, policy, column))
    results.append(_golden_agreement_gate(golden, champion.policies, limits))
    results.append(_benign_gate(candidate, limits))
    results.append(_gain_gate(test, golden))
    return results


def promotable(results: Sequence[GateResult]) -> tuple[bool, str]:
    """Return whether a candidate with these gate results may be promoted unasked, and why in words."""
    failed = [result for result in results if not result.passed and not result.insufficient]
    if failed:
        return False, " ".join(result.reason for result in failed)
    if not any(result.passed for result in results if result.name.startswith("ranking:")):
        return False, (
            f"No policy has the {MIN_TEST_POSITIVES} test positives that a promotion without a person needs."
        )
    return True, "Every gate with enough evidence passed."


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Examples with both models' logits, (n_examples, n_policies).

    `changes` holds, a policy with enough positives, the change of average precision in 1,000 paired resamples.
    """

    examples: Sequence[Example]
    champion: Floats
    candidate: Floats
    changes: Mapping[str, Floats]


def _compare(champion: Model, candidate: Model, examples: Sequence[Example], needed: int, seed: int) -> _Comparison:
    before, after = logits_of(champion, examples), logits_of(candidate, examples)
    changes = {}
    for column, policy in enumerate(champion.policies):
        rows, labels = labelled(examples, policy)
        if labels.sum() >= needed:
            changes[policy] = _bootstrap_changes(labels, before[rows, column], after[rows, column], seed)
    return _Comparison(examples, before, after, changes)


def _ranking_gate(test: _Comparison, policy: str, column: int) -> GateResult:
    name = f"ranking:{policy}"
    rows, labels = labelled(test.examples, policy)
    positives = int(labels.sum())
    before, after = test.champion[rows, column], test.candidate[rows, column]
    shown: dict[str, float | int | str | None] = {
        "n": int(labels.size),
        "positives": positives,
        "champion_average_precision": average_precision(labels, before),
        "candidate_average_precision": average_precision(labels, after),
    }
    if positives < MIN_TEST_POSITIVES:
        return _too_few(name, shown, f"test positives for {policy}", positives, MIN_TEST_POSITIVES)
    lowest, highest = (float(bound) for bound in np.quantile(test.changes[policy], [0.05, 0.95]))
    shown |= {"change_lower_bound": lowest, "change_upper_bound": highest}
    passed = lowest > -MAX_RANKING_LOSS
    reason = (
        f"On the test part the candidate ranks {policy} no worse than the champion."
        if passed
        else f"On the test part the candidate may rank {policy} worse: average precision could fall by "
        f"{-lowest:.3f}, and {MAX_RANKING_LOSS} is allowed."
    )
    return GateResult(name, passed, False, shown, reason)


def _calibration_gate(test: _Comparison, policy: str, column: int, declared: float) -> GateResult:
    name = f"calibration:{policy}"
    rows, labels = labelled(test.examples, policy)
    positives = int(labels.sum())
    before = calibration_figures(labels, test.champion[rows, column], declared)["ece"]
    after = calibration_figures(labels, test.candidate[rows, column], declared)["ece"]
    shown: dict[str, float | int | str | None] = {
        "n": int(labels.size),
        "positives": positives,
        "champion_ece": before,
        "candidate_ece": after,
    }
    if positives < MIN_TEST_POSITIVES or before is None or after is None:
        return _too_few(name, shown, f"test positives for {policy}", positives, MIN_TEST_POSITIVES)
    passed = after <= before + MAX_CALIBRATION_LOSS
    reason = (
        f"The candidate's {policy} scores are as well calibrated as the champion's."
        if passed
        else f"The candidate's {policy} scores are worse calibrated: the error rises from {before:.3f} to "
        f"{after:.3f}, and a rise of {MAX_CALIBRATION_LOSS} is allowed."
    )
    return GateResult(name, passed, False, shown, reason)


def _golden_ranking_gate(golden: _Comparison, policy: str, column: int) -> GateResult:
    """Refuse a fall of average precision that is large, or small but too steady to be chance."""
    name = f"golden:{policy}"
    rows, labels = labelled(golden.examples, policy)
    positives = int(labels.sum())
    before = average_precision(labels, golden.champion[rows, column])
    after = average_precision(labels, golden.candidate[rows, column])
    shown: dict[str, float | int | str | None] = {
        "n": int(labels.size),
        "positives": positives,
        "champion_average_precision": before,
        "candidate_average_precision": after,
    }
    if positives < MIN_GOLDEN_POSITIVES or before is None or after is None:
        return _too_few(name, shown, f"golden positives for {policy}", positives, MIN_GOLDEN_POSITIVES)
    highest = float(np.quantile(golden.changes[policy], 0.99))
    shown |= {"change_upper_bound": highest}
    passed = after >= before - MAX_GOLDEN_RANKING_LOSS and highest >= 0.0
    reason = (
        f"On golden items the candidate ranks {policy} no worse than the champion."
        if passed
        else f"On golden items the candidate ranks {policy} worse: average precision falls from {before:.3f} "
        f"to {after:.3f}, more than chance or the {MAX_GOLDEN_RANKING_LOSS} allowed explains."
    )
    return GateResult(name, passed, False, shown, reason)


def _golden_agreement_gate(golden: _Comparison, policies: Sequence[str], thresholds: Mapping[str, float]) -> GateResult:
    truth, before, after = [], [], []
    for column, policy in enumerate(policies):
        rows, labels = labelled(golden.examples, policy)
        limit = logit_of(thresholds[policy])
        truth.append(labels)
        before.append(golden.champion[rows, column] >= limit)
        after.append(golden.candidate[rows, column] >= limit)
    labels = np.concatenate(truth)
    positives = int(labels.sum())
    shares = [_balanced_agreement(labels, np.concatenate(flags)) for flags in (before, after)]
    shown: dict[str, float | int | str | None] = {
        "judgements": int(labels.size),
        "positives": positives,
        "champion_agreement": shares[0],
        "candidate_agreement": shares[1],
    }
    if positives < MIN_GOLDEN_POSITIVES or shares[0] is None or shares[1] is None:
        return _too_few("golden", shown, "golden positives", positives, MIN_GOLDEN_POSITIVES)
    passed = shares[1] >= shares[0] - MAX_GOLDEN_LOSS
    reason = (
        "The candidate agrees with the golden items as often as the champion."
        if passed
        else f"The candidate agrees less with the golden items: balanced agreement falls from "
        f"{shares[0]:.3f} to {shares[1]:.3f}, and a fall of {MAX_GOLDEN_LOSS} is allowed."
    )
    return GateResult("golden", passed, False, shown, reason)


def _benign_gate(candidate: Model, thresholds: Mapping[str, float]) -> GateResult:
    limits = np.array([logit_of(thresholds[policy]) for policy in candidate.policies])
    flagged: Bools = np.asarray(candidate.decision_function(BENIGN) >= limits)
    policies = [policy for policy, hit in zip(candidate.policies, np.any(flagged, axis=0).tolist(), strict=True) if hit]
    shown: dict[str, float | int | str | None] = {
        "probes": len(BENIGN),
        "flagged": int(flagged.any(axis=1).sum()),
    }
    reason = (
        f"The candidate flags benign sentences for {', '.join(policies)}."
        if policies
        else "The candidate flags none of the benign sentences."
    )
    return GateResult("benign", not policies, False, shown, reason)


def _gain_gate(test: _Comparison, golden: _Comparison) -> GateResult:
    """Ask that some policy is ranked better, on test or golden items, by more than chance explains.

    A candidate that learnt nothing (labels that mean nothing, pulled hard towards the champion) does no visible
    harm; it is not worth a promotion. The error of 5 % is shared among the comparisons (Bonferroni).
    """
    compared = [
        (f"{policy}, {name}", changes)
        for name, side in (("test", test), ("golden", golden))
        for policy, changes in side.changes.items()
    ]
    if not compared:
        return _too_few("gain", {"comparisons": 0}, "policies with enough positives", 0, 1)
    bounds = [float(np.quantile(changes, 0.05 / len(compared))) for _, changes in compared]
    best = int(np.argmax(bounds))
    shown: dict[str, float | int | str | None] = {
        "comparisons": len(compared),
        "best": compared[best][0],
        "best_change_lower_bound": bounds[best],
    }
    passed = bounds[best] > 0.0
    reason = (
        f"The candidate is better than the champion: {compared[best][0]}."
        if passed
        else "The candidate ranks no policy better than the champion by more than chance explains."
    )
    return GateResult("gain", passed, False, shown, reason)


def _insertion_gate(
    models: tuple[Model, Model],
    test: _Comparison,
    policy: str,
    column: int,
    threshold: float,
    fallen: Sequence[str],
) -> GateResult:
    """Put the words whose effect fell most into positives that the candidate finds; see how many are lost.

    What the champion loses by the same word is allowed: ordinary words dilute a text under any model. So is what chance
    explains, at three standard errors.
    """
    name = f"insertion:{policy}"
    rows, labels = labelled(test.examples, policy)
    limit = logit_of(threshold)
    caught = rows[labels & (test.candidate[rows, column] >= limit) & (test.champion[rows, column] >= limit)]
    shown: dict[str, float | int | str | None] = {"positives": int(caught.size)}
    if int(labels.sum()) < MIN_TEST_POSITIVES or caught.size == 0:
        return _too_few(name, shown, f"test positives for {policy}", int(labels.sum()), MIN_TEST_POSITIVES)
    texts = [test.examples[row].text for row in caught[:_PROBED_POSITIVES]]
    worst = -1.0
    for word in fallen:
        changed = [f"{word} {text}" for text in texts]
        before, after = (
            np.asarray(model.decision_function(changed)[:, column] < limit, dtype=float) for model in models
        )
        more = after - before
        surely = float(more.mean() - _SURE * more.std() / math.sqrt(more.size))
        if surely > worst:
            worst = surely
            shown |= {"word": word, "champion_recall_cut": float(before.mean())}
            shown |= {"candidate_recall_cut": float(after.mean()), "further_cut_lower_bound": surely}
    passed = worst <= MAX_INSERTION_CUT
    reason = (
        f"No single word hides {policy} from the candidate."
        if passed
        else f"One inserted word hides at least {worst:.0%} more of {policy} from the candidate than from the "
        f"champion, and {MAX_INSERTION_CUT:.0%} is allowed."
    )
    return GateResult(name, passed, False, shown, reason)


def _words(champion: Model, learnt_from: Sequence[Example]) -> list[str]:
    """Return the words that the candidate met in enough texts to be a trigger; without texts, all known words."""
    lexicon = champion.space.vocabulary.lexicon
    if not learnt_from:
        return sorted(lexicon.words)
    met: Counter[str] = Counter()
    for example in learnt_from:
        met.update({token.surface for token in tokenise(example.text, lexicon) if token.is_word})
    return sorted(word for word, texts in met.items() if texts >= _TAUGHT)


def _fallen_words(champion: Model, candidate: Model, words: Sequence[str]) -> list[list[str]]:
    """Return, a policy, the words whose whole effect (themselves and their characters) fell most, these first."""
    fell = word_effects(candidate, words) - word_effects(champion, words)
    order = np.argsort(fell, axis=0, kind="stable")[:_PROBED_WORDS]
    return [
        [words[number] for number in order[:, column] if fell[number, column] < 0.0]
        for column in range(len(champion.policies))
    ]


def _labels_gate(
    learnt_from: Sequence[Example], logits: Floats, test: _Comparison, policy: str, column: int
) -> GateResult:
    """Refuse labels that fit the champion's scores, `logits` (n,), worse than the test labels of the same sources do.

    Labels turned round at random do a candidate little visible harm, but they show: the champion's ROC-AUC on them
    falls. The standard errors of both areas are those of Hanley & McNeil (1982).
    """
    name = f"labels:{policy}"
    sources = {example.source for example in learnt_from}
    rows, labels = labelled(learnt_from, policy)
    held, truth = labelled(test.examples, policy)
    alike = np.array([test.examples[row].source in sources for row in held], dtype=bool)
    held, truth = held[alike], truth[alike]
    shown: dict[str, float | int | str | None] = {"n": int(labels.size), "test_n": int(truth.size)}
    rarest = min(int(side.sum()) for side in (labels, ~labels, truth, ~truth))
    if rarest < MIN_TEST_POSITIVES:
        return _too_few(name, shown, f"labels of one kind for {policy}", rarest, MIN_TEST_POSITIVES)
    learnt = _area(labels, logits[rows])
    tested = _area(truth, test.champion[held, column])
    error = math.hypot(learnt[1], tested[1])
    shown |= {"training_roc_auc": learnt[0], "test_roc_auc": tested[0], "standard_error": error}
    passed = learnt[0] - tested[0] + _SURE * error >= 0.0
    reason = (
        f"The labels trained on for {policy} fit the champion's scores as well as the test labels do."
        if passed
        else f"The labels trained on for {policy} fit the champion's scores worse than the test labels do (ROC-AUC "
        f"{learnt[0]:.3f} against {tested[0]:.3f}): some may be wrong."
    )
    return GateResult(name, passed, False, shown, reason)


def _area(labels: Bools, logits: Floats) -> tuple[float, float]:
    """Return the ROC-AUC and its standard error; both classes are there."""
    area = roc_auc(labels, logits) or 0.0
    positives, negatives = int(labels.sum()), int((~labels).sum())
    of_two = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    spread = area * (1.0 - area) + (positives - 1) * (of_two[0] - area**2) + (negatives - 1) * (of_two[1] - area**2)
    return area, math.sqrt(max(spread, 0.0) / (positives * negatives))


def _too_few(
    name: str, shown: Mapping[str, float | int | str | None], what: str, found: int, needed: int
) -> GateResult:
    return GateResult(name, False, True, shown, f"Too little evidence: {found} {what}, {needed} are needed.")


def _bootstrap_changes(labels: Bools, before: Floats, after: Floats, seed: int) -> Floats:
    """Return the change of average precision in 1,000 paired resamples that have a positive."""
    random = np.random.default_rng(seed)
    changes: list[float] = []
    while len(changes) < BOOTSTRAPS:
        drawn = random.integers(0, labels.size, labels.size)
        mass = np.bincount(drawn, minlength=labels.size).astype(np.float64)
        old = average_precision(labels, before, mass)
        new = average_precision(labels, after, mass)
        if old is not None and new is not None:
            changes.append(new - old)
    return np.array(changes)


def _balanced_agreement(labels: Bools, flags: Bools) -> float | None:
    found = _share(labels & flags, labels)
    spared = _share(~labels & ~flags, ~labels)
    return None if found is None or spared is None else (found + spared) / 2.0


def _share(part: Bools, whole: Bools) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None
