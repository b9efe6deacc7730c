"""`python -m ml train|evaluate|score|explain`: texts in as CSV or JSON Lines, by column name; `--json` out.

Exit codes: 0 done, 1 something given could not be used (one line on stderr says what), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml import artifacts
from ml.errors import InputError, MlError
from ml.model import Model
from ml.schemas import Example, PolicyScore

_SPLITS = ("train", "validation", "test")
_BATCH = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        result: int = options.run(options)
    except MlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        return 1
    return result


def read_rows(path: Path, column: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a `.csv`, `.jsonl` or `.ndjson` file; every row has a text in `column`.

    Raises `InputError` with the line of the first row that is malformed; never quotes its content.
    """
    if path.suffix not in {".csv", ".jsonl", ".ndjson"}:
        raise InputError(f"{path.name}: expected a .csv, .jsonl or .ndjson file")
    rows = _csv_rows(path, column) if path.suffix == ".csv" else _json_rows(path)
    for line, row in rows:
        if not isinstance(row.get(column), str):
            raise InputError(f"{path.name}:{line}: no text in column {column!r}")
        yield row


def read_examples(path: Path, column: str, policies: Sequence[str]) -> Iterator[Example]:
    """Yield labelled rows: a column a policy (0, 1, true, false or empty), and optionally split and weight."""
    for number, row in enumerate(read_rows(path, column), start=1):
        place = f"{path.name}, row {number}"
        yield Example(
            row[column],
            _labels(row, policies, place),
            weight=_weight(row.get("weight"), place),
            group=str(row.get("group") or ""),
            split=_split(row.get("split"), place),
            source=str(row.get("source") or ""),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description="Train, evaluate, score, explain.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _train_parser(commands.add_parser("train", help="train a model and write its folder"))
    _context_parser(commands.add_parser("train-context", help="make the second reader (needs torch and onnx)"))
    evaluate = commands.add_parser("evaluate", help="figures on labelled rows, or all there is on the data sets")
    _evaluate_parser(evaluate)
    score = commands.add_parser("score", help="scores of texts, a line each")
    explain = commands.add_parser("explain", help="scores of texts with their attributions")
    for command, run in ((score, _score), (explain, _explain)):
        command.add_argument("file", type=Path, nargs="?", help="CSV or JSON Lines")
        command.add_argument("--text", help="one text instead of a file")
        command.set_defaults(run=run)
    for command in (evaluate, score, explain):
        command.add_argument("--model", type=Path, default=artifacts.starter_path(), help="model folder")
        command.add_argument("--column", default="text", help="name of the text column (default: text)")
        command.add_argument("--json", action="store_true", help="one JSON object a line (data sets: one in all)")
    return parser


def _evaluate_parser(evaluate: argparse.ArgumentParser) -> None:
    evaluate.add_argument("file", type=Path, nargs="?", help="labelled rows; left out: the labelled data sets")
    evaluate.add_argument("--split", choices=_SPLITS, default="test", help="rows of which split (default: test)")
    evaluate.add_argument("--data", type=Path, help="folder of the labelled data sets (default: EVENHAND_BASE_DATA)")
    evaluate.add_argument("--report", type=Path, help="Markdown file to write, charts in images/model beside it")
    evaluate.add_argument(
        "--part",
        action="append",
        help="one part only, repeatable: figures, robustness, subgroups, "
        "rationales, cost, sets, forgetting, or curves, which are left out by default (they take minutes)",
    )
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)


def _train_parser(train: argparse.ArgumentParser) -> None:
    train.add_argument("file", type=Path, nargs="?", help="labelled rows, a column a policy")
    train.add_argument("--starter", action="store_true", help="build the starter model and its model card")
    train.add_argument("--policies", help="comma-separated policy columns (default: the champion's)")
    train.add_argument("--continue-from", type=Path, metavar="MODEL", help="champion to continue from")
    train.add_argument("--stream", action="store_true", help="in bounded memory: for files larger than memory")
    train.add_argument("--output", type=Path, help="model folder to write")
    train.add_argument("--column", default="text", help="name of the text column (default: text)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--json", action="store_true", help="one JSON object")
    train.set_defaults(run=_train)


def _context_parser(train: argparse.ArgumentParser) -> None:
    train.add_argument("--weights", type=Path, required=True, help="folder of the pretrained encoder")
    train.add_argument("--checkpoint", type=Path, required=True, help="trained arrays: read if there, else written")
    train.add_argument("--minutes", type=float, default=60.0, help="how long to train (default: 60)")
    train.add_argument("--output", type=Path, help="folder to write (default: the starter's)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--json", action="store_true", help="one JSON object")
    train.set_defaults(run=_train_context)


def _train_context(options: argparse.Namespace) -> int:
    from ml.contextual import artifact, release

    folder = options.output or artifact.starter_path()
    parts = release.build(folder, options.weights, options.checkpoint, minutes=options.minutes, seed=options.seed)
    found = {"sha256": parts.manifest["sha256"], "policies": list(parts.heads.policies)}
    print(json.dumps(found) if options.json else f"the second reader is in {folder}; sha256 {found['sha256']}")
    return 0


def _train(options: argparse.Namespace) -> int:
    from ml import train

    if options.starter:
        return _train_starter(options)
    if options.file is None or options.output is None:
        raise InputError("train needs a FILE and an --output folder, or --starter")
    if options.stream and options.continue_from is not None:
        raise InputError("--stream trains from nothing; leave --continue-from out")
    if options.continue_from is not None:
        champion = artifacts.load(options.continue_from)
        examples = list(read_examples(options.file, options.column, champion.policies))
        model = train.continue_from(champion, examples, seed=options.seed)
    elif options.policies:
        policies = tuple(name.strip() for name in options.policies.split(",") if name.strip())
        rows = read_examples(options.file, options.column, policies)
        model = _streamed(rows, policies, options.seed) if options.stream else _fitted(rows, policies, options.seed)
    else:
        raise InputError("train needs --policies, or a champion to --continue-from")
    artifacts.save(model, options.output)
    _say_trained(model, options)
    return 0


def _fitted(rows: Iterator[Example], policies: Sequence[str], seed: int) -> Model:
    from ml import train

    return train.fit(list(rows), policies=policies, seed=seed)


def _streamed(rows: Iterator[Example], policies: Sequence[str], seed: int) -> Model:
    from ml.stream import Stream, fit_stream

    return fit_stream([rows], Stream(policies, seed=seed))


def _train_starter(options: argparse.Namespace) -> int:
    from ml import release

    model = release.build(options.output or artifacts.starter_path(), seed=options.seed)
    _say_trained(model, options)
    return 0


def _say_trained(model: Model, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({"sha256": model.sha256, "policies": model.policies, "thresholds": model.thresholds}))
    else:
        print(f"trained {', '.join(model.policies)}; sha256 {model.sha256}")


def _evaluate(options: argparse.Namespace) -> int:
    return _evaluate_sets(options) if options.file is None else _evaluate_file(options)


def _evaluate_sets(options: argparse.Namespace) -> int:
    from ml import assessment, datasets, report

    data = options.data or datasets.base_data_folder()
    parts = options.part or assessment.DEFAULT_PARTS
    found = assessment.assess(options.model, data, parts=parts, seed=options.seed)
    if options.report is not None:
        report.write(found, options.report)
    if options.json:
        print(json.dumps(found.as_json()))
    elif options.report is None:
        print(report.markdown(found))
    return 0


def _evaluate_file(options: argparse.Namespace) -> int:
    from ml.evaluate import figures

    if options.report is not None or options.data is not None or options.part:
        raise InputError("--data, --report and --part are for the labelled data sets, not for a FILE")
    model = artifacts.load(options.model)
    examples = list(read_examples(options.file, options.column, model.policies))
    chosen = [example for example in examples if example.split == options.split]
    if not chosen:
        raise InputError(f"{options.file.name} has no row of split {options.split}")
    for policy, values in figures(model, chosen).items():
        if options.json:
            print(json.dumps({"set": options.file.stem, "policy": policy, **values}))
        else:
            shown = ", ".join(f"{key} {_shown(value)}" for key, value in values.items())
            print(f"{options.file.stem} {policy}: {shown}")
    return 0


def _score(options: argparse.Namespace) -> int:
    for row, scores in _scored(options):
        if options.json:
            print(json.dumps({**_identity(row), "policies": [_score_fields(score) for score in scores]}))
        else:
            print("  ".join(f"{score.policy}={score.score:.3f}{'!' if score.flagged else ''}" for score in scores))
    return 0


def _explain(options: argparse.Namespace) -> int:
    for row, scores in _scored(options):
        if options.json:
            print(json.dumps({**_identity(row), "policies": [_explanation_fields(score) for score in scores]}))
            continue
        for score in scores:
            print(f"{score.policy}: score {score.score:.3f}, threshold {score.threshold:.3f}")
            print(f"  {score.base_value:+8.3f}  expected\n  {score.absent:+8.3f}  what is absent")
            for item in score.attributions:
                print(f"  {item.value:+8.3f}  {row['text'][item.start : item.end]}")
    return 0


def _scored(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], tuple[PolicyScore, ...]]]:
    if (options.text is None) == (options.file is None):
        raise InputError("give either a FILE or --text")
    model = artifacts.load(options.model)
    rows = (
        iter([{"text": options.text}])
        if options.file is None
        else ({**row, "text": row[options.column]} for row in read_rows(options.file, options.column))
    )
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield from zip(batch, model.explain([item["text"] for item in batch]), strict=True)
            batch = []
    yield from zip(batch, model.explain([item["text"] for item in batch]), strict=True)


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["id"]} if "id" in row else {}


def _score_fields(score: PolicyScore) -> dict[str, Any]:
    return {
        "policy": score.policy,
        "score": score.score,
        "logit": score.logit,
        "threshold": score.threshold,
        "flagged": score.flagged,
    }


def _explanation_fields(score: PolicyScore) -> dict[str, Any]:
    return {
        **_score_fields(score),
        "base_value": score.base_value,
        "absent": score.absent,
        "attributions": [{"start": item.start, "end": item.end, "value": item.value} for item in score.attributions],
        "context_attributions": [
            {"feature": item.feature, "value": item.value, "contribution": item.contribution}
            for item in score.context_attributions
        ],
    }


def _csv_rows(path: Path, column: str) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            if column not in (reader.fieldnames or ()):
                raise InputError(f"{path.name} has no column {column!r}")
            for row in reader:
                yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path.name}:{reader.line_num}: not readable as UTF-8 CSV") from error


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path.name}:{number}: not a JSON value in UTF-8") from error
            if not isinstance(row, dict):
                raise InputError(f"{path.name}:{number}: not a JSON object")
            yield number, row


def _labels(row: Mapping[str, Any], policies: Sequence[str], place: str) -> dict[str, bool]:
    labels = {}
    for policy in policies:
        value = row.get(policy)
        if value is None or value == "":
            continue
        text = str(value).lower()
        if text not in {"0", "1", "true", "false", "0.0", "1.0"}:
            raise InputError(f"{place}: {policy} must be 0, 1, true, false or empty")
        labels[policy] = text in {"1", "true", "1.0"}
    return labels


def _weight(value: Any, place: str) -> float:
    if value is None or value == "":
        return 1.0
    try:
        weight = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: weight must be a number") from error
    if not 0.0 <= weight < float("inf"):
        raise InputError(f"{place}: weight must be a finite number of at least 0")
    return weight


def _split(value: Any, place: str) -> str:
    split = value or "train"
    if split not in _SPLITS:
        raise InputError(f"{place}: split must be one of {', '.join(_SPLITS)}")
    return str(split)


def _shown(value: float | int | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
