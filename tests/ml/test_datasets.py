"""Labelled sets are read strictly; held-out texts and sets for evaluation only never reach training."""

import csv
import gzip
from pathlib import Path

import pytest

from ml import datasets
from ml.datasets import DataSet, read
from ml.errors import DataError
from ml.schemas import Example

SET = DataSet("tiny", {"spam": "label"}, "CC0", "invented", trainable=True)
TEST_LINE = "free voucher for every member of the harbour guild, claim it at the lighthouse before noon"


def write(folder: Path, name: str, header: list[str], rows: list[list[str]]) -> None:
    """Write one gzipped set."""
    with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


def test_an_empty_label_is_unknown_and_splits_are_named_in_full(tmp_path: Path) -> None:
    rows = [["a", "1", "train"], ["b", "0.0", "val"], ["c", "", "test"]]
    write(tmp_path, "tiny", ["text", "label", "split"], rows)

    examples = read(SET, tmp_path)

    assert [dict(example.labels) for example in examples] == [{"spam": True}, {"spam": False}, {}]
    assert [example.split for example in examples] == ["train", "validation", "test"]
    assert {example.source for example in examples} == {"tiny"}


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (["text", "split"], ["a", "train"], "no column label"),
        (["text", "label", "split"], ["a", "maybe", "train"], "tiny.csv.gz:2: a label must be"),
        (["text", "label", "split"], ["a", "1", "dev"], "tiny.csv.gz:2: split must be"),
    ],
)
def test_a_malformed_set_is_refused_with_its_place(
    tmp_path: Path, header: list[str], row: list[str], message: str
) -> None:
    write(tmp_path, "tiny", header, [row])

    with pytest.raises(DataError, match=message):
        read(SET, tmp_path)


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no tiny\.csv\.gz"):
        read(SET, tmp_path)
    with pytest.raises(DataError, match="no data set is called 'x'"):
        datasets.find("x")


def test_training_leaves_out_whatever_is_near_a_held_out_text_of_any_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = DataSet("kept", {"spam": "label"}, "CC0", "invented", trainable=True)
    closed = DataSet("closed", {"hate": "label"}, "not established", "invented", trainable=False)
    monkeypatch.setattr(datasets, "SETS", (kept, closed))
    header = ["text", "label", "split"]
    rows = [[TEST_LINE.upper() + "!!", "1", "train"], ["bread and coffee by the river", "0", "train"]]
    write(tmp_path, "kept", header, [*rows, ["a line held out", "1", "test"]])
    write(tmp_path, "closed", header, [[TEST_LINE, "1", "test"], ["only for evaluation", "0", "train"]])

    assert [row.text for row in datasets.training_examples(tmp_path)] == ["bread and coffee by the river"]


def test_written_lines_are_trained_on_and_held_out_with_the_same_care(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "SETS", (SET,))
    write(tmp_path, "tiny", ["text", "label", "split"], [[TEST_LINE, "1", "test"], ["bread and coffee", "0", "train"]])
    written = [
        Example("tea and cake by the fire", {"spam": False}, source="chat"),
        Example(TEST_LINE + "!!", {"spam": True}, source="chat"),
        Example("Bread, and coffee.", {"spam": False}, split="test", source="chat"),
    ]

    examples = datasets.training_examples(tmp_path, written)

    assert [example.text for example in examples] == ["tea and cake by the fire"]


def test_sets_without_an_open_licence_are_not_trainable() -> None:
    closed = {item.name for item in datasets.SETS if not item.trainable}

    assert closed == {"youtube_spam", "olid", "suicidal_tweets"}
