"""A stream of any length is learnt in the memory of one stretch, nearly as well as all at once."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.errors import TrainingError
from ml.evaluate import figures
from ml.schemas import Example
from ml.stream import Stream, fit_stream
from ml.train import fit
from tests.ml.conftest import INSULTS, LURES, POLICIES, MakeExamples

NEW_LURES = ("zorblax", "quindle", "frabjous")


def batches(examples: list[Example], size: int = 100) -> Iterator[list[Example]]:
    """Yield the examples, so many at a time."""
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def precision_of(model: object, test: list[Example], policy: str = "spam") -> float:
    """Return the average precision on `test`."""
    found = figures(model, test)[policy]["average_precision"]  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_stream_of_one_stretch_is_the_fit(make_examples: MakeExamples, tmp_path: Path) -> None:
    examples = make_examples(300, seed=1)
    prevalence = dict.fromkeys(POLICIES, 0.2)

    streamed = fit_stream(batches(examples), Stream(POLICIES, prevalence=prevalence, seed=3))
    fitted = fit(examples, policies=POLICIES, prevalence=prevalence, seed=3)

    assert np.array_equal(streamed.weights, fitted.weights)
    assert streamed.intercept == pytest.approx(fitted.intercept, abs=1e-9)


def test_many_stretches_come_near_to_the_fit_of_all(make_examples: MakeExamples) -> None:
    train, test = make_examples(3000, seed=2), make_examples(1000, seed=3)

    streamed = fit_stream(batches(train), Stream(POLICIES, stretch=500))
    first = fit(train[:500], policies=POLICIES)
    whole = fit(train, policies=POLICIES)

    for policy in POLICIES:
        reached = precision_of(streamed, test, policy)
        assert reached > precision_of(whole, test, policy) - 0.01
        assert reached >= precision_of(first, test, policy) - 0.005


def test_words_that_come_later_are_learnt(make_examples: MakeExamples) -> None:
    def renamed(rows: list[Example]) -> list[Example]:
        found = []
        for number, row in enumerate(rows):
            lure = NEW_LURES[number % 3] if row.labels["spam"] else "tulip"
            words = [word for word in row.text.split() if word not in (*INSULTS, *LURES)]
            found.append(Example(" ".join([*words[:8], lure]), {"spam": row.labels["spam"]}))
        return found

    old, new = make_examples(600, seed=4), renamed(make_examples(1200, seed=5))
    stream = Stream(["spam"], stretch=600)
    stream.add(replace(row, labels={"spam": row.labels["spam"]}) for row in old)
    before = precision_of(stream.model(), renamed(make_examples(500, seed=6)))
    stream.add(new)

    assert "zorblax" in stream.model().space.vocabulary.lexicon.words
    assert precision_of(stream.model(), renamed(make_examples(500, seed=6))) > before + 0.1


def test_probabilities_are_those_of_texts_not_yet_seen(make_examples: MakeExamples) -> None:
    stream = Stream(["spam"], as_seen=True, stretch=500, benign=())
    model = fit_stream(batches(make_examples(2500, seed=7)), stream)
    test = make_examples(2000, seed=8)

    stated = 1.0 / (1.0 + np.exp(-model.decision_function([row.text for row in test])[:, 0]))
    seen = np.mean([row.labels["spam"] for row in test])
    assert stated.mean() == pytest.approx(seen, abs=0.03)


def test_no_more_features_are_kept_than_there_is_room_for(make_examples: MakeExamples) -> None:
    train, test = make_examples(2000, seed=9), make_examples(500, seed=10)
    roomy, tight = (
        fit_stream(batches(train), Stream(["spam"], stretch=500, max_features=most)) for most in (400_000, 1500)
    )

    assert len(tight.space.vocabulary) <= 1500 < len(roomy.space.vocabulary)
    assert precision_of(tight, test) > precision_of(roomy, test) - 0.03


def test_a_streamed_model_explains_itself_and_can_be_stored(make_examples: MakeExamples, tmp_path: Path) -> None:
    model = fit_stream(batches(make_examples(1200, seed=11)), Stream(POLICIES, stretch=400))
    artifacts.save(model, tmp_path / "model")
    stored = artifacts.load(tmp_path / "model")
    text = "the dragon and a jackpot near the oaf"

    [[score]] = stored.explain([text], policies=["spam"])

    assert np.array_equal(stored.decision_function([text]), model.decision_function([text]))
    assert score.base_value + score.absent + sum(item.value for item in score.attributions) == pytest.approx(
        score.logit, abs=1e-9
    )


def test_the_same_stream_gives_the_same_model(make_examples: MakeExamples, tmp_path: Path) -> None:
    examples = make_examples(900, seed=12)
    hashes = {
        artifacts.save(fit_stream(batches(examples, size), Stream(POLICIES, stretch=300)), tmp_path / str(size))
        for size in (50, 128)
    }

    assert len(hashes) == 1


def test_asking_for_the_model_changes_nothing(make_examples: MakeExamples) -> None:
    asked, unasked = Stream(["spam"], stretch=300), Stream(["spam"], stretch=300)
    for batch in batches(make_examples(800, seed=13)):
        asked.add(batch)
        unasked.add(batch)
        if asked.ready:
            asked.model()

    assert np.array_equal(asked.model().weights, unasked.model().weights)


def test_a_policy_that_the_first_stretch_does_not_label_is_refused(make_examples: MakeExamples) -> None:
    rows = [replace(row, labels={"spam": row.labels["spam"]}) for row in make_examples(400, seed=14)]

    with pytest.raises(TrainingError, match="harassment has fewer than 10"):
        fit_stream(batches(rows), Stream(POLICIES, stretch=300))
    with pytest.raises(TrainingError, match="no training example"):
        fit_stream([], Stream(POLICIES))


MEASURED = """
import random, sys
from ml.schemas import Example
from ml.stream import Stream
from ml.train import fit

random_ = random.Random(0)
words = ["".join(random_.choices("abcdefghijklmnopqrstuvwxyz", k=random_.randint(3, 9))) for _ in range(5000)]

def examples(count):
    for number in range(count):
        spam = random_.random() < 0.3
        text = " ".join(random_.choices(words, k=20) + ["voucher"] * (spam and random_.random() < 0.9))
        yield Example(text, {"spam": spam})

if sys.argv[1] == "stream":
    stream = Stream(["spam"], stretch=1000, max_features=60_000)
    stream.add(examples(int(sys.argv[2])))
    stream.model()
else:
    fit(list(examples(int(sys.argv[2]))), policies=["spam"])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="how much memory was used is read from Linux")
def test_twice_the_texts_do_not_take_twice_the_memory() -> None:
    def peak(how: str, texts: int) -> int:
        """Return the most memory a process of its own had resident, in KiB."""
        given = [sys.executable, "-c", MEASURED, how, str(texts)]
        return int(subprocess.run(given, capture_output=True, text=True, check=True, timeout=240).stdout)

    base, some, twice, more = (peak("stream", texts) for texts in (100, 6_000, 12_000, 24_000))
    at_once = peak("at once", 24_000)

    assert twice - base < 1.2 * (some - base)
    assert more - base < 1.2 * (some - base)
    assert at_once - base > 2.0 * (more - base)
