"""`python -m ml`: files in, one line or one JSON object a row out, errors in one line."""

import csv
import json
from pathlib import Path

import pytest

from ml import artifacts
from ml.cli import main
from ml.model import Model
from tests.ml.conftest import MakeExamples


@pytest.fixture
def labelled(tmp_path: Path, make_examples: MakeExamples) -> Path:
    """A CSV file of labelled rows, some of them test rows."""
    path = tmp_path / "labelled.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["message", "harassment", "spam", "split"])
        for number, example in enumerate(make_examples(300, seed=50)):
            labels = [int(example.labels[policy]) for policy in ("harassment", "spam")]
            writer.writerow([example.text, *labels, "test" if number % 5 == 0 else "train"])
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str], str]:
    """Run the command; return exit code, lines of output and errors."""
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_train_evaluate_and_continue(capsys: pytest.CaptureFixture[str], labelled: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train = ["train", labelled, "--column", "message", "--json"]

    code, out, _ = run(capsys, *train, "--policies", "harassment,spam", "--output", first)
    assert code == 0
    assert json.loads(out[0])["sha256"] == artifacts.load(first).sha256

    code, out, _ = run(capsys, "evaluate", labelled, "--column", "message", "--model", first, "--json")
    found = [json.loads(line) for line in out]
    assert code == 0
    assert [(row["policy"], row["n"]) for row in found] == [("harassment", 60), ("spam", 60)]

    code, _, _ = run(capsys, *train, "--continue-from", first, "--output", second)
    assert code == 0
    assert artifacts.load(second).manifest["champion"] == artifacts.load(first).sha256


def test_a_file_can_be_trained_on_as_a_stream(
    capsys: pytest.CaptureFixture[str], labelled: Path, tmp_path: Path
) -> None:
    whole, stream = tmp_path / "whole", tmp_path / "stream"
    train = ["train", labelled, "--column", "message", "--policies", "harassment,spam"]

    run(capsys, *train, "--output", whole)
    code, _, _ = run(capsys, *train, "--stream", "--output", stream)
    refused, _, errors = run(capsys, *train, "--stream", "--continue-from", whole, "--output", tmp_path / "third")

    assert (code, refused) == (0, 1)
    assert "leave --continue-from out" in errors
    assert artifacts.load(stream).manifest["kind"] == "stream"
    assert (artifacts.load(stream).weights == artifacts.load(whole).weights).all()


def test_explain_gives_exact_parts_of_json_lines(
    capsys: pytest.CaptureFixture[str], small_folder: Path, small_model: Model, tmp_path: Path
) -> None:
    texts = ["the toad \U0001f44d", ""]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts)))

    code, out, _ = run(capsys, "explain", path, "--model", small_folder, "--json")

    assert code == 0
    for line, text in zip(out, texts, strict=True):
        for found, score in zip(json.loads(line)["policies"], small_model.explain([text])[0], strict=True):
            spans = [(item["start"], item["end"], item["value"]) for item in found["attributions"]]
            assert spans == [(item.start, item.end, item.value) for item in score.attributions]
            assert found["logit"] == score.logit


def test_score_of_one_text_for_people(capsys: pytest.CaptureFixture[str], small_folder: Path) -> None:
    code, out, _ = run(capsys, "score", "--text", "voucher winner bonus jackpot", "--model", small_folder)

    assert code == 0
    assert "spam=" in out[0]
    assert out[0].endswith("!")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", b"body\nhello\n", "rows.csv has no column 'text'"),
        ("rows.jsonl", b'{"text": "a"}\nnot json\n', "rows.jsonl:2: not a JSON value"),
        ("rows.jsonl", b'{"text": 5}\n', "rows.jsonl:1: no text in column 'text'"),
        ("rows.jsonl", b"[1]\n", "rows.jsonl:1: not a JSON object"),
        ("rows.csv", b"text\n\xff\xfe\n", "not readable as UTF-8 CSV"),
        ("rows.txt", b"hello", "expected a .csv, .jsonl or .ndjson file"),
    ],
)
def test_bad_files_are_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], small_folder: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)

    code, _, error = run(capsys, "score", tmp_path / name, "--model", small_folder)

    assert code == 1
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("hello,maybe,train,1", "row 1: spam must be 0, 1, true, false or empty"),
        ("hello,1,dev,1", "row 1: split must be one of train, validation, test"),
        ("hello,1,train,-1", "row 1: weight must be a finite number of at least 0"),
        ("hello,1,train,heavy", "row 1: weight must be a number"),
    ],
)
def test_bad_labels_are_refused_with_their_row(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, row: str, message: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"text,spam,split,weight\n{row}\n")

    code, _, error = run(capsys, "train", path, "--policies", "spam", "--output", tmp_path / "out")

    assert code == 1
    assert message in error


def test_missing_arguments_and_files_are_said_plainly(
    capsys: pytest.CaptureFixture[str], small_folder: Path, tmp_path: Path
) -> None:
    assert run(capsys, "score", "--model", small_folder)[2] == "error: give either a FILE or --text\n"
    assert "No such file" in run(capsys, "score", tmp_path / "none.csv", "--model", small_folder)[2]
    assert "no manifest.json" in run(capsys, "score", "--text", "x", "--model", tmp_path)[2]
    assert "needs a FILE and an --output" in run(capsys, "train")[2]
    with pytest.raises(SystemExit) as stopped:
        main(["dance"])
    assert stopped.value.code == 2
