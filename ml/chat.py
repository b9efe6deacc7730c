"""Chat lines written for this project: benign ones and violating ones, as no public set has them.

The public sets hold tweets, mails and posts gathered for their abuse; none shows what ordinary chat looks like.
`data/chat_negatives.txt` holds a benign line a line, negative for every policy. `data/chat_positives.jsonl` holds
violating lines: `policies` they violate, `not` those they do not; any other policy is unknown. Nobody wrote them
in earnest: they are synthetic, and figures on them say less than figures on texts of real people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ml.errors import DataError
from ml.sampling import frozen_normalise, split_of
from ml.schemas import Example

NAME = "chat"
NEGATIVES = Path(__file__).parent / "data" / "chat_negatives.txt"
POSITIVES = Path(__file__).parent / "data" / "chat_positives.jsonl"


def examples(policies: tuple[str, ...], *, negatives: Path = NEGATIVES, positives: Path = POSITIVES) -> list[Example]:
    """Return every line with its labels for `policies` and its split by `split_of`, benign ones first.

    A line is its own near-duplicate group. Raises `DataError` where a line is blank or repeated, or a row is not
    `{"text", "policies", "not"}` with known, disjoint policies; `OSError` where a file cannot be read.
    """
    found = [_example(text, dict.fromkeys(policies, False)) for text in negatives.read_text("utf-8").splitlines()]
    for number, line in enumerate(positives.read_text("utf-8").splitlines(), start=1):
        found.append(_positive(line, policies, f"{positives.name}:{number}"))
    seen: set[str] = set()
    for number, example in enumerate(found, start=1):
        if not frozen_normalise(example.text):
            raise DataError(f"chat line {number}, counting benign ones first, is blank")
        if example.group in seen:
            raise DataError(f"chat line {number}, counting benign ones first, is there twice")
        seen.add(example.group)
    return found


def _positive(line: str, policies: tuple[str, ...], place: str) -> Example:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON ({error.msg})") from error
    if not isinstance(row, Mapping) or row.keys() != {"text", "policies", "not"} or not isinstance(row["text"], str):
        raise DataError(f"{place}: a row has text, policies and not")
    violated, kept = _names(row["policies"], place), _names(row["not"], place)
    labels = dict.fromkeys(violated, True) | dict.fromkeys(kept, False)
    if not violated or not labels.keys() <= set(policies) or len(labels) < len(violated) + len(kept):
        raise DataError(f"{place}: policies must be known, each named once, and one be violated")
    return _example(row["text"], labels)


def _names(value: object, place: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError(f"{place}: policies and not are lists of names")
    return value


def _example(text: str, labels: Mapping[str, bool]) -> Example:
    group = f"{NAME}:{frozen_normalise(text)}"
    return Example(text, labels, group=group, split=split_of(group), source=NAME)
