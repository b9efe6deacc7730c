"""Fits of single sets: every set and policy once, small sets by their folds, the same twice."""

import csv
import gzip
import random
from pathlib import Path

import pytest

from ml import datasets, set_fits
from ml.errors import DataError
from tests.ml.conftest import synthetic

SMALL = datasets.DataSet("tiny", {"spam": "label"}, "none", "made up", trainable=False)
FOLDED = datasets.DataSet(set_fits.FOLDED, {"spam": "S", "harassment": "H"}, "none", "made up", trainable=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one set that has a test part and one in five folds."""
    monkeypatch.setattr(datasets, "SETS", (SMALL, FOLDED))
    rows = synthetic(500, seed=80)
    _write(
        tmp_path / "tiny.csv.gz",
        [
            {"text": row.text, "split": "test" if number % 4 == 0 else "train", "label": int(row.labels["spam"])}
            for number, row in enumerate(rows)
        ],
    )
    dice = random.Random(0)
    _write(
        tmp_path / f"{set_fits.FOLDED}.csv.gz",
        [
            {
                "text": row.text,
                "split": "train",
                "fold": number % 5,
                "S": int(row.labels["spam"]),
                "H": int(row.labels["harassment"]) if dice.random() < 0.5 else "",
            }
            for number, row in enumerate(rows)
        ],
    )
    return tmp_path


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_every_set_and_policy_is_measured(folder: Path) -> None:
    alone, spam, harassment = set_fits.measure(folder)

    assert (alone.figures.source, alone.figures.n) == ("tiny", 125)
    assert alone.fold_average_precision is None
    assert None not in (alone.affine_ece, alone.isotonic_ece, alone.beta_ece)
    assert (spam.figures.n, spam.figures.policy) == (500, "spam")
    assert 200 < harassment.figures.n < 300
    for item in (alone, spam, harassment):
        assert item.figures.average_precision.value > 0.8  # type: ignore[operator]
        assert item.figures.f1.value > 0.7  # type: ignore[operator]
    assert spam.fold_average_precision == pytest.approx(spam.figures.average_precision.value, abs=0.1)
    assert set_fits.measure(folder) == [alone, spam, harassment]


def test_a_set_without_folds_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(DataError, match=r"tiny.csv.gz has no readable column fold"):
        datasets.read_folds(SMALL, folder)


def test_every_labelled_set_has_an_average_precision_to_reach() -> None:
    assert {(item.name, policy) for item in datasets.SETS for policy in item.columns} == set(set_fits.TO_REACH)
