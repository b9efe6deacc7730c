"""The chat lines written for this project: read strictly, and unlike anything the model is judged on."""

import json
from itertools import chain
from pathlib import Path

import pytest

from ml import chat, datasets
from ml.errors import DataError
from ml.probes import BENIGN
from ml.sampling import frozen_normalise, minhash_bands, near_duplicate_groups
from tests.ml.test_starter import BLATANT, UNSEEN_BENIGN

COMMUNITY = Path(__file__).parents[2] / "moderation" / "demo" / "community.jsonl"
LINES = chat.examples(datasets.POLICIES)
SPAM = '{"text": "coins for sale", "policies": ["spam"], "not": ["hate"]}'


def read(folder: Path, negatives: str, positives: str) -> list[dict[str, bool]]:
    """Write both files, read them, and return the labels of every line."""
    (folder / "benign.txt").write_text(negatives, encoding="utf-8")
    (folder / "violating.jsonl").write_text(positives, encoding="utf-8")
    found = chat.examples(("spam", "hate"), negatives=folder / "benign.txt", positives=folder / "violating.jsonl")
    return [dict(example.labels) for example in found]


def test_no_line_is_near_a_text_that_the_model_is_judged_on() -> None:
    community = [json.loads(line)["text"] for line in COMMUNITY.read_text(encoding="utf-8").splitlines()]
    judged = [*BENIGN, *UNSEEN_BENIGN, *BLATANT.values(), *community]
    same = {frozen_normalise(text) for text in judged}
    bands = set(chain.from_iterable(enumerate(minhash_bands(text)) for text in judged))

    near = [
        line.text
        for line in LINES
        if frozen_normalise(line.text) in same or bands.intersection(enumerate(minhash_bands(line.text)))
    ]

    assert near == []


def test_no_two_lines_are_near_each_other() -> None:
    groups = near_duplicate_groups([minhash_bands(line.text) for line in LINES])

    assert len(set(groups)) == len(LINES)


def test_a_benign_line_violates_nothing_and_every_policy_has_violations() -> None:
    benign = [line for line in LINES if not any(line.labels.values())]

    assert len(benign) >= 600
    assert all(set(line.labels) == set(datasets.POLICIES) for line in benign)
    for policy in datasets.POLICIES:
        assert sum(line.labels.get(policy, False) for line in LINES) >= 40, policy


def test_about_a_fifth_is_held_out() -> None:
    held = sum(line.split != "train" for line in LINES)

    assert 0.15 <= held / len(LINES) <= 0.25


def test_what_a_row_does_not_name_is_unknown(tmp_path: Path) -> None:
    assert read(tmp_path, "good morning\n", SPAM + "\n") == [
        {"spam": False, "hate": False},
        {"spam": True, "hate": False},
    ]


@pytest.mark.parametrize(
    ("negatives", "positives", "message"),
    [
        ("hi there\n", "{", r"violating\.jsonl:1: not JSON"),
        ("hi there\n", '{"text": "a", "policies": ["spam"]}', "a row has text, policies and not"),
        ("hi there\n", '{"text": 5, "policies": ["spam"], "not": []}', "a row has text, policies and not"),
        ("hi there\n", '{"text": "a", "policies": "spam", "not": []}', "are lists of names"),
        ("hi there\n", '{"text": "a", "policies": ["rude"], "not": []}', "policies must be known"),
        ("hi there\n", '{"text": "a", "policies": ["spam"], "not": ["spam"]}', "each named once"),
        ("hi there\n", '{"text": "a", "policies": [], "not": ["spam"]}', "one be violated"),
        ("hi there\nHi  there!\n", SPAM, "chat line 2, .* is there twice"),
        ("Coins, for sale\n", SPAM, "chat line 2, .* is there twice"),
        ("hi there\n\n", SPAM, "chat line 2, .* is blank"),
    ],
)
def test_a_malformed_line_is_refused_with_its_place(
    tmp_path: Path, negatives: str, positives: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, negatives, positives)
