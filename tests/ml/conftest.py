"""A small invented community: enough text to train a model in a second, none of it real."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ml import artifacts
from ml.model import Model
from ml.schemas import Example
from ml.train import fit

POLICIES = ("harassment", "spam")
PLAIN = (
    *("raid", "guild", "dragon", "map", "potion", "armour", "quest", "level", "forest", "castle", "river", "night"),
    *("morning", "team", "voice", "channel", "patch", "server", "update", "keyboard", "music", "garden", "bread"),
    *("coffee", "train", "window", "paint", "story", "winter", "summer", "bridge", "tower"),
)
GLUE = ("the", "a", "my", "your", "we", "they", "it", "is", "was", "and", "with", "for", "on", "in", "near", "after")
INSULTS = ("clodpate", "numpty", "oaf", "dimwit", "wastrel", "blockhead", "toad", "ninny")
LURES = ("voucher", "discount", "winner", "giveaway", "crypto", "bonus", "jackpot", "claim")

MakeExamples = Callable[..., list[Example]]


def synthetic(count: int, seed: int, *, insults: Sequence[str] = INSULTS) -> list[Example]:
    """Return `count` labelled texts: a third insulting, a third luring, one in fifty labels wrong."""
    random_ = random.Random(seed)
    examples = []
    for number in range(count):
        words = random_.choices(PLAIN, k=5) + random_.choices(GLUE, k=5)
        harassing, luring = random_.random() < 1 / 3, random_.random() < 1 / 3
        words += random_.sample(insults, 2) if harassing else []
        words += random_.sample(LURES, 2) if luring else []
        random_.shuffle(words)
        labels = {"harassment": harassing, "spam": luring}
        if random_.random() < 0.02:
            labels = {policy: not value for policy, value in labels.items()}
        examples.append(Example(" ".join(words), labels, source=f"source-{number % 2}"))
    return examples


@pytest.fixture(scope="session")
def make_examples() -> MakeExamples:
    """The maker of invented labelled texts."""
    return synthetic


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model trained on 1,000 invented texts, saved and loaded."""
    model = fit(synthetic(1000, seed=1), policies=POLICIES, prevalence={"harassment": 0.2, "spam": 0.2})
    folder = tmp_path_factory.mktemp("models") / "small"
    return artifacts.load(folder, sha256=artifacts.save(model, folder))


@pytest.fixture(scope="session")
def starter() -> Model:
    """The starter model that comes with the project."""
    return artifacts.load(artifacts.starter_path())


@pytest.fixture
def small_folder(small_model: Model, tmp_path: Path) -> Path:
    """A folder with the small model, to be spoilt."""
    artifacts.save(small_model, tmp_path / "model")
    return tmp_path / "model"
