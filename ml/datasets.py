"""The labelled data sets: which columns serve which policy, under which licence, and what may be trained on.

Files are read from the folder named by `EVENHAND_BASE_DATA`. A set whose licence does not clearly allow it is
for evaluation only and never reaches training. Nothing of the data is ever stored in a model but n-grams.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ml.errors import DataError
from ml.sampling import minhash_bands, near_duplicate_groups, without_near_duplicates
from ml.schemas import Example

POLICIES = ("harassment", "hate", "spam", "self-harm", "sexual", "violence")
_SPLITS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class DataSet:
    """One labelled set: `columns` maps a policy to the column that labels it."""

    name: str
    columns: Mapping[str, str]
    licence: str
    origin: str
    trainable: bool


SETS = (
    DataSet(
        "davidson",
        {"harassment": "offensive", "hate": "hate"},
        "MIT",
        "t-davidson/hate-speech-and-offensive-language",
        trainable=True,
    ),
    DataSet(
        "hatexplain",
        # "Hateful or offensive": its negatives as negatives of hate made every other set's hate score worse.
        {"harassment": "label"},
        "MIT, CC-BY-4.0",
        "hate-alert/HateXplain",
        trainable=True,
    ),
    DataSet("edos_sexism", {"hate": "label"}, "CC0", "rewire-online/edos", trainable=True),
    DataSet("stormfront_hate", {"hate": "label"}, "CC-BY-SA-3.0", "Vicomtech/hate-speech-dataset", trainable=True),
    DataSet("hatemoji_build", {"hate": "label"}, "CC-BY-4.0", "HannahKirk/Hatemoji", trainable=True),
    DataSet("sms_spam", {"spam": "label"}, "free for all purposes", "UCI SMS Spam Collection", trainable=True),
    DataSet("spamassassin", {"spam": "label"}, "PDDL, CC0", "SpamAssassin public corpus (stdlib)", trainable=True),
    DataSet(
        "openai_moderation",
        {"sexual": "S", "hate": "H", "violence": "V", "harassment": "HR", "self-harm": "SH"},
        "MIT",
        "openai/moderation-api-release",
        trainable=True,
    ),
    DataSet("youtube_spam", {"spam": "label"}, "not established", "UCI YouTube Spam Collection", trainable=False),
    DataSet("olid", {"harassment": "label"}, "not established", "idontflow/OLID", trainable=False),
    DataSet("suicidal_tweets", {"self-harm": "label"}, "not established", "suicidal tweets set", trainable=False),
)


def base_data_folder() -> Path:
    """Return the folder of the labelled data: `EVENHAND_BASE_DATA`, by default `../shared/data`."""
    stated = os.environ.get("EVENHAND_BASE_DATA")
    return Path(stated) if stated else Path(__file__).resolve().parents[2] / "shared" / "data"


def find(name: str) -> DataSet:
    """Return the set of that name; raises `DataError` where there is none."""
    for data_set in SETS:
        if data_set.name == name:
            return data_set
    raise DataError(f"no data set is called {name!r}; there are {', '.join(item.name for item in SETS)}")


def read(data_set: DataSet, folder: Path) -> list[Example]:
    """Return every row of one set, whatever its split; raises `DataError` for a missing or malformed file."""
    path = folder / f"{data_set.name}.csv.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = {"text", "split", *data_set.columns.values()} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{path.name} has no column {', '.join(sorted(missing))}")
            return [_example(data_set, row, f"{path.name}:{reader.line_num}") for row in reader]
    except FileNotFoundError as error:
        raise DataError(f"no {path.name} in the labelled-data folder (EVENHAND_BASE_DATA)") from error
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} cannot be read: {error}") from error


def read_folds(data_set: DataSet, folder: Path) -> list[int]:
    """Return the cross-validation fold of every row that `read` returns, in its order; raises `DataError`."""
    path = folder / f"{data_set.name}.csv.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            return [int(row["fold"]) for row in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path.name} has no readable column fold") from error


def held_out(folder: Path, sets: Sequence[DataSet] | None = None) -> list[Example]:
    """Return the validation and test rows of `sets` (default: all): nothing like them may be trained on."""
    return [
        row for data_set in (SETS if sets is None else sets) for row in read(data_set, folder) if row.split != "train"
    ]


def training_examples(folder: Path, written: Sequence[Example] = ()) -> list[Example]:
    """Return the rows a model to be given away may be trained on, each with its near-duplicate group.

    These are the train rows of the sets whose licence allows it and of `written`, less every text that is, or is
    nearly, on the validation or test side of any set or of `written`, for any policy.
    """
    open_rows = [row for data_set in SETS if data_set.trainable for row in read(data_set, folder)]
    rows = [row for row in [*open_rows, *written] if row.split == "train"]
    kept_apart = [*held_out(folder), *(row for row in written if row.split != "train")]
    bands = [minhash_bands(row.text) for row in rows]
    allowed = without_near_duplicates(bands, (minhash_bands(row.text) for row in kept_apart))
    groups = near_duplicate_groups([bands[number] for number in allowed])
    return [replace(rows[number], group=group) for number, group in zip(allowed, groups, strict=True)]


def _example(data_set: DataSet, row: Mapping[str, str], place: str) -> Example:
    split = _SPLITS.get(row["split"])
    if split is None:
        raise DataError(f"{place}: split must be train, val or test")
    labels = {}
    for policy, column in data_set.columns.items():
        value = _label(row[column], place)
        if value is not None:
            labels[policy] = value
    return Example(row["text"], labels, split=split, source=data_set.name)


def _label(cell: str, place: str) -> bool | None:
    if cell == "":
        return None
    if cell in {"0", "0.0", "1", "1.0"}:
        return cell.startswith("1")
    raise DataError(f"{place}: a label must be 0, 1 or empty")
