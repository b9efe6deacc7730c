"""The whole assessment: cost, learning curves, report and charts; numbers go out, texts never."""

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ml import artifacts, charts, report
from ml.assessment import assess, set_figures
from ml.charts import Bar, Panel
from ml.cli import main
from ml.cost import measure
from ml.curves import learning_curve
from ml.errors import InputError
from ml.model import Model
from ml.schemas import Example
from ml.train import fit
from tests.ml.conftest import MakeExamples


def test_figures_come_with_intervals_for_what_is_labelled(small_model: Model, make_examples: MakeExamples) -> None:
    rows = [Example(item.text, {"spam": item.labels["spam"]}) for item in make_examples(120, seed=70)]

    [found] = set_figures(small_model, "made up", rows)

    assert (found.source, found.policy, found.n) == ("made up", "spam", 120)
    for value in (found.average_precision, found.roc_auc, found.f1, found.brier, found.ece):
        assert None not in (value.value, value.low, value.high)
    assert found.calibration is not None
    assert found.calibration.ece == pytest.approx(found.ece.value)


def test_a_learning_curve_rises_and_leaves_out_what_cannot_be_fitted(make_examples: MakeExamples) -> None:
    def fitted(rows: Sequence[Example]) -> Model:
        return fit(rows, policies=["spam"])

    points = learning_curve(
        fitted, "spam", make_examples(500, seed=71), make_examples(300, seed=72), [400, 3, 100, 9_999]
    )

    assert [point.size for point in points] == [100, 400]
    assert points[0].positives < points[1].positives
    assert points[1].average_precision.value > points[0].average_precision.value - 0.05  # type: ignore[operator]


def test_cost_is_measured_in_a_process_of_its_own(small_folder: Path, make_examples: MakeExamples) -> None:
    found = measure(small_folder, [item.text for item in make_examples(50, seed=73)])

    assert found.texts == 50
    assert found.artifact_bytes == sum(path.stat().st_size for path in small_folder.iterdir())
    assert 0.0 < found.one_by_one_p50_ms <= found.one_by_one_p95_ms
    assert found.score_per_second > 0.0
    assert found.memory_bytes is None or found.memory_bytes > 10_000_000


def test_charts_are_well_formed_and_say_what_they_show() -> None:
    panels = charts.line_panels("A & B", [Panel("<p>", [(0, 1), (1, 0.5)], True)], x_label="x", y_label="y")
    bars = charts.bars("T", ["s"], [("a", [Bar(0.5, 0.4, 0.6)]), ("b", [Bar(None)])])

    for drawn in (panels, bars):
        root = ElementTree.fromstring(drawn)  # noqa: S314 written a line above
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert "prefers-color-scheme: dark" in drawn
    with pytest.raises(ValueError, match="four series"):
        charts.bars("T", ["s"], [("a", [])])


def test_an_unknown_part_and_a_file_with_a_report_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no part dance"):
        assess(artifacts.starter_path(), tmp_path, parts=["dance"])
    assert main(["evaluate", "rows.csv", "--report", str(tmp_path / "out.md")]) == 1
    assert "not for a FILE" in capsys.readouterr().err


@pytest.mark.data
def test_a_report_holds_numbers_and_no_text_of_any_set(
    capsys: pytest.CaptureFixture[str], base_data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model-report.md"
    arguments = ["evaluate", "--data", str(base_data), "--report", str(path), "--json"]

    assert main([*arguments, "--part", "rationales", "--part", "robustness"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["explanations"]["plausibility"]["texts"] > 1000
    assert {item["kind"] for item in found["robustness"]} >= {"leet", "mixed"}
    assert found["cost"] is None
    written = path.read_text(encoding="utf-8")
    assert "## Explanations" in written
    assert "## Cost" not in written
    assert all((path.parent / report.IMAGES / name).exists() for name in ("robustness.svg",))
    assert max(map(len, written.split())) < 80
