"""An assessment for people: Markdown with tables, and charts beside it. Numbers and names only, never a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml import charts
from ml.assessment import Assessment, Explanations
from ml.attacks import ATTACKS, Robustness
from ml.charts import Bar, Panel
from ml.cost import Cost
from ml.curves import Point
from ml.forgetting import LOOSE, Forgetting
from ml.metrics import Estimate
from ml.rationales import Faithfulness, Plausibility
from ml.set_figures import SetFigures
from ml.set_fits import SetFit
from ml.subgroups import Subgroup, power_mean

IMAGES = Path("images") / "model"

_INTRODUCTION = """\
# Model report

Written by `python -m ml evaluate --report`; do not edit. Model `{model}`, seed {seed}. Figures are of parts the model
was not trained on; in brackets the 95 % bootstrap percentile interval over texts.
"""


def write(found: Assessment, path: Path) -> None:
    """Write the report to `path` and its charts to `images/model` beside it; raises `OSError` where that fails."""
    images = path.parent / IMAGES
    images.mkdir(parents=True, exist_ok=True)
    for name, drawing in _charts(found).items():
        (images / name).write_text(drawing, encoding="utf-8")
    path.write_text(markdown(found), encoding="utf-8")


def markdown(found: Assessment) -> str:
    """Return the report; a part that was not measured has no section."""
    parts = [_INTRODUCTION.format(model=found.model, seed=found.seed)]
    if found.figures:
        parts += [_figures(found.figures), _calibration(found.figures)]
    if found.sets:
        parts.append(_set_fits(found.sets))
    if found.robustness:
        parts.append(_robustness(found.robustness))
    if found.subgroups:
        parts.append(_subgroups(found.subgroups))
    if found.explanations is not None:
        parts.append(_explanations(found.explanations))
    if found.learning:
        parts.append(_learning(found.learning))
    if found.forgetting:
        parts.append(_forgetting(found.forgetting))
    if found.cost is not None:
        parts.append(_cost(found.cost))
    return "\n".join(parts)


def _charts(found: Assessment) -> dict[str, str]:
    drawn = {}
    if found.curves:
        precision = [Panel(item.policy, item.precision_recall) for item in found.curves]
        stated = [
            Panel(item.policy, [(said, seen) for said, seen, _ in item.reliability], diagonal=True)
            for item in found.curves
        ]
        drawn["precision-recall.svg"] = charts.line_panels(
            "Precision and recall, all sets together", precision, x_label="recall", y_label="precision"
        )
        drawn["calibration.svg"] = charts.line_panels(
            "Calibration, all sets together", stated, x_label="stated probability", y_label="share that violates"
        )
    if found.robustness:
        drawn["robustness.svg"] = _robustness_chart(found.robustness)
    for policy in dict.fromkeys(item.policy for item in found.subgroups):
        groups = [item for item in found.subgroups if item.policy == policy]
        drawn[f"subgroups-{policy}.svg"] = charts.bars(
            f"AUC by group named: {policy}",
            ["subgroup", "BPSN", "BNSP"],
            [(item.group, [_bar(item.subgroup), _bar(item.bpsn), _bar(item.bnsp)]) for item in groups],
            low=0.4,
        )
    for policy in dict.fromkeys(item.policy for item in found.forgetting):
        drawn[f"forgetting-{policy}.svg"] = _forgetting_chart([i for i in found.forgetting if i.policy == policy])
    return drawn


def _forgetting_chart(found: Sequence[Forgetting]) -> str:
    most = max(item.size for item in found)
    panels = []
    for pull in dict.fromkeys(item.pull for item in found):
        for source in dict.fromkeys(item.source for item in found):
            of_source = [item for item in found if (item.pull, item.source) == (pull, source)]
            line = [(item.size / most, item.average_precision.value or 0.0) for item in of_source]
            panels.append(Panel(f"{source}, {_pulled(pull)}", line))
    return charts.line_panels(
        f"What is learnt and what is forgotten: {found[0].policy}",
        panels,
        x_label=f"new labels of {found[0].new}, of {most:,}",
        y_label="average precision",
    )


def _robustness_chart(found: Sequence[Robustness]) -> str:
    targets = list(dict.fromkeys((item.source, item.policy) for item in found))
    by_key = {(item.source, item.policy, item.kind): item.kept for item in found}
    return charts.bars(
        "Recall kept under attack, at 5 % false positives",
        [f"{source} {policy}" for source, policy in targets],
        [(kind, [_bar(by_key[source, policy, kind]) for source, policy in targets]) for kind in ATTACKS],
    )


def _figures(found: Sequence[SetFigures]) -> str:
    rows = [
        [item.source, item.policy, str(item.n), str(item.positives)]
        + [_shown(value) for value in (item.average_precision, item.roc_auc, item.f1, item.recall_at_95_precision)]
        for item in found
    ]
    head = ["set", "policy", "n", "positives", "AP", "ROC-AUC", "F1 at the threshold", "recall at 95 % precision"]
    return (
        f"## Ranking and decisions\n\n{_table(head, rows)}\n\n![Precision against recall, a panel a policy]"
        f"({IMAGES.as_posix()}/precision-recall.svg)\n"
    )


def _calibration(found: Sequence[SetFigures]) -> str:
    rows = [
        [
            item.source,
            item.policy,
            _shown(item.brier),
            _number(item.calibration.ece),
            _number(item.calibration.chance),
            _signed(item.calibration.excess),
            "yes" if item.calibration.ece > item.calibration.chance_high else "no",
        ]
        for item in found
        if item.calibration is not None
    ]
    head = ["set", "policy", "Brier", "ECE", "ECE of a perfect model", "excess", "beyond chance"]
    return (
        "## Calibration\n\nAt each set's own prevalence. ECE over 15 bins; a perfectly calibrated "
        "model shows some of it too on so few texts (mean of 1,000 simulations); the rest is the excess.\n\n"
        f"{_table(head, rows)}\n\n![Share that violates against stated probability, a panel a policy]"
        f"({IMAGES.as_posix()}/calibration.svg)\n"
    )


def _set_fits(found: Sequence[SetFit]) -> str:
    return (
        "## Fits of single sets\n\nThe learner fitted to each set's train part in memory, measured on its test part "
        "and thrown away; `openai_moderation` by its five folds, each scored by a model of the other four. To reach: "
        "scikit-learn's word and character n-grams times their naive-Bayes log-count ratio into a logistic regression, "
        "on the same splits (one seed); on `openai_moderation` the best of that, without the ratio, and beside a "
        f"sentence encoder.\n\n{_fits_ranking(found)}\n\nCalibration at each part's own prevalence. The last three "
        "columns are of a model of four fifths of the train part: as it is shipped, and with isotonic or beta "
        f"calibration fitted to the last fifth, which cannot be folded into weights.\n\n{_fits_calibration(found)}\n\n"
        "Robustness of these fits, measured as the starter's below.\n\n"
        f"{_robustness_table([kind for item in found for kind in item.robustness])}\n"
    )


def _fits_ranking(found: Sequence[SetFit]) -> str:
    head = ["set", "policy", "n", "positives", "AP", "mean over folds", "AP to reach", "difference", "ROC-AUC"]
    rows = []
    for item in found:
        figures, reached = item.figures, item.fold_average_precision or item.figures.average_precision.value
        row = [figures.source, figures.policy, str(figures.n), str(figures.positives)]
        row += [_shown(figures.average_precision), _or_dash(item.fold_average_precision), _or_dash(item.to_reach)]
        row.append("–" if item.to_reach is None or reached is None else _signed(reached - item.to_reach))
        row += [_shown(figures.roc_auc), _shown(figures.recall_at_95_precision), item.recipe.replace("|", "and")]
        rows.append(row)
    return _table([*head, "recall at 95 % precision", "recipe"], rows)


def _fits_calibration(found: Sequence[SetFit]) -> str:
    head = ["set", "policy", "ECE", "ECE of a perfect model", "excess", "beyond chance", "shipped, ⅘", "isotonic, ⅘"]
    rows = []
    for item in found:
        figures, measured = item.figures, item.figures.calibration
        if measured is not None:
            row = [figures.source, figures.policy, _shown(figures.ece), _number(measured.chance)]
            row += [_signed(measured.excess), "yes" if measured.ece > measured.chance_high else "no"]
            row += [_or_dash(other) for other in (item.affine_ece, item.isotonic_ece, item.beta_ece)]
            rows.append(row)
    return _table([*head, "beta, ⅘"], rows)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else _number(value)


def _robustness(found: Sequence[Robustness]) -> str:
    return (
        "## Robustness to obfuscation\n\nThe three most toxic words of every violating text (by log odds in the "
        "training labels, not by the model) are rewritten. The threshold is where 5 % of clean benign texts are "
        f"flagged.\n\n{_robustness_table(found)}\n\n![Recall kept, by attack]({IMAGES.as_posix()}/robustness.svg)\n"
    )


def _robustness_table(found: Sequence[Robustness]) -> str:
    head = ["set", "policy", "attack", "positives", "clean recall", "recall under attack", "kept"]
    return _table(
        head,
        [
            [
                item.source,
                item.policy,
                item.kind,
                str(item.positives),
                _number(item.clean_recall),
                _number(item.attacked_recall),
                _shown(item.kept),
            ]
            for item in found
        ],
    )


def _subgroups(found: Sequence[Subgroup]) -> str:
    sections = [
        "## Groups of people\n\nAUC over texts that name a group (Borkan et al. 2019), all sets together. Low BPSN: "
        "harmless texts that name the group score like abuse of others. Low BNSP: abuse that names the group is "
        "missed. The lists of terms are in `ml/subgroups.py`; a group with fewer than ten texts of a class is left "
        "out.\n"
    ]
    for policy in dict.fromkeys(item.policy for item in found):
        groups = [item for item in found if item.policy == policy]
        rows = [
            [item.group, str(item.positives), str(item.negatives)]
            + [_shown(value) for value in (item.subgroup, item.bpsn, item.bnsp)]
            for item in groups
        ]
        columns = ([i.subgroup for i in groups], [i.bpsn for i in groups], [i.bnsp for i in groups])
        rows.append(["power mean (−5)", "", "", *(_power_mean(column) for column in columns)])
        head = ["group", "positives", "negatives", "subgroup AUC", "BPSN AUC", "BNSP AUC"]
        sections.append(
            f"### {policy.capitalize()}\n\n{_table(head, rows)}\n\n"
            f"![AUC by group]({IMAGES.as_posix()}/subgroups-{policy}.svg)\n"
        )
    return "\n".join(sections)


def _explanations(found: Explanations) -> str:
    def agreement(name: str, item: Plausibility) -> list[str]:
        return [name, str(item.texts), _shown(item.token_f1), _shown(item.auprc), _number(item.iou_f1)]

    def fall(name: str, item: Faithfulness) -> list[str]:
        values = (item.comprehensiveness, item.sufficiency, item.comprehensiveness_logit, item.sufficiency_logit)
        return [name, *(_shown(value) for value in values)]

    people = _table(
        ["tokens by", "texts", "token F1", "AUPRC", "IOU F1"],
        [agreement("explanation", found.plausibility), agreement("chance", found.chance)],
    )
    machine = _table(
        ["tokens by", "comprehensiveness", "sufficiency", "comprehensiveness, logits", "sufficiency, logits"],
        [fall("explanation", found.faithfulness), fall("chance", found.random_removal)],
    )
    return (
        f"## Explanations\n\n`hatexplain`, validation part, {found.policy}. Plausibility: the five highest tokens "
        "against those that two of three annotators marked (Mathew et al. 2021).\n\n"
        f"{people}\n\nFaithfulness: the fall of the score without the highest fifth of tokens (comprehensiveness, more "
        f"is better) and with them alone (sufficiency, less is better; DeYoung et al. 2020).\n\n{machine}\n"
    )


def _learning(found: Sequence[Point]) -> str:
    rows = [
        [item.policy, str(item.size), str(item.positives), _shown(item.average_precision), _shown(item.roc_auc)]
        for item in found
    ]
    table = _table(["policy", "training texts", "of them positive", "AP", "ROC-AUC"], rows)
    return f"## Learning curves\n\nModels of one set each, trained on the first texts of one shuffle.\n\n{table}\n"


def _forgetting(found: Sequence[Forgetting]) -> str:
    sections = [
        "## What continuing forgets\n\nThe model continued on ever more labels of a set that it was not trained on, "
        "and on nothing else: with the pull towards its weights that is the default, and next to free of it.\n"
    ]
    for policy in dict.fromkeys(item.policy for item in found):
        own = [item for item in found if item.policy == policy]
        sources = list(dict.fromkeys(item.source for item in own))
        by_key = {(item.pull, item.size, item.source): item.average_precision for item in own}
        rows = [
            [_pulled(pull), str(size), *(_shown(by_key[pull, size, source]) for source in sources)]
            for pull, size in dict.fromkeys((item.pull, item.size) for item in own)
        ]
        head = ["continued", f"labels of {own[0].new}", *(f"AP on {source}" for source in sources)]
        sections.append(
            f"### {policy.capitalize()}\n\n{_table(head, rows)}\n\n"
            f"![AP against new labels]({IMAGES.as_posix()}/forgetting-{policy}.svg)\n"
        )
    return "\n".join(sections)


def _pulled(pull: float) -> str:
    return "free" if pull <= LOOSE else "pulled"


def _cost(found: Cost) -> str:
    memory = "–" if found.memory_bytes is None else f"{found.memory_bytes / 2**20:.0f} MiB"
    rows = [
        ["scoring, in batch", f"{found.score_per_second:,.0f} texts/s"],
        ["scoring and explaining, in batch", f"{found.explain_per_second:,.0f} texts/s"],
        ["one text, explained: median, 95 %", f"{found.one_by_one_p50_ms:.2f} ms, {found.one_by_one_p95_ms:.2f} ms"],
        ["model folder", f"{found.artifact_bytes / 2**20:.1f} MiB"],
        ["load", f"{found.load_seconds:.2f} s"],
        ["resident, interpreter included", memory],
    ]
    table = _table(["what", "figure"], rows)
    return f"## Cost\n\nOn {found.texts} test texts, one process, one thread of Python.\n\n{table}\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bar(value: Estimate) -> Bar:
    return Bar(value.value, value.low, value.high)


def _shown(value: Estimate) -> str:
    if value.value is None:
        return "–"
    if value.low is None or value.high is None:
        return _number(value.value)
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _number(value: float) -> str:
    return f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}"


def _power_mean(values: Sequence[Estimate]) -> str:
    mean = power_mean([item.value for item in values if item.value is not None])
    return "–" if mean is None else _number(mean)
