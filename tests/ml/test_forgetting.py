"""A champion that is pulled towards its weights learns new labels without forgetting; one that is not, forgets."""

from dataclasses import replace

from ml.continuation import PULL
from ml.forgetting import LOOSE, forgetting_curve
from ml.model import Model
from ml.schemas import Example
from tests.ml.conftest import MakeExamples

SLANG = ("grumblefig", "snortlet")


def contrary(examples: list[Example]) -> list[Example]:
    """Return a community's examples: insults of its own, and the old ones are no insults there."""
    found = []
    for number, row in enumerate(examples):
        insulting = row.labels["harassment"]
        text = f"{row.text} {SLANG[number % 2]}" if insulting else row.text
        found.append(Example(text, {"harassment": insulting}, source="community"))
    return found


def test_the_curve_shows_what_the_pull_is_for(small_model: Model, make_examples: MakeExamples) -> None:
    # The community says nothing about the old insults but that its calm texts hold them.
    train = contrary(make_examples(500, seed=50, insults=("the", "and")))
    spoilt = [
        replace(row, text=f"{row.text} oaf toad numpty") if not row.labels["harassment"] else row for row in train
    ]
    test = [replace(row, split="test") for row in contrary(make_examples(300, seed=51, insults=("the", "and")))]
    old = [replace(row, split="test", source="old") for row in make_examples(500, seed=52)]

    points = forgetting_curve(small_model, "harassment", [*spoilt, *test], {"old": old}, sizes=[0, 40, 120, 9_999])
    by_key = {(item.pull, item.source, item.size): item.average_precision.value or 0.0 for item in points}

    assert {item.size for item in points} == {0, 40, 120}
    assert by_key[PULL, "old", 0] == by_key[LOOSE, "old", 0]
    assert by_key[PULL, "community", 120] > by_key[PULL, "community", 0] + 0.2
    lost = {pull: by_key[pull, "old", 0] - by_key[pull, "old", 120] for pull in (PULL, LOOSE)}
    assert lost[LOOSE] > 0.1
    assert lost[PULL] < lost[LOOSE] / 2
