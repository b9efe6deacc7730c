"""The starter model that comes with the project: small, sensible, honest about what it was trained on."""

from pathlib import Path

import pytest

from ml import artifacts, datasets
from ml.evaluate import figures
from ml.gates import gates, promotable
from ml.model import Model
from ml.probes import BENIGN
from ml.release import false_flags
from ml.sampling import minhash_bands
from ml.train import continue_from
from tests.ml.test_gates import failures, shuffled

# Written for this test: no threshold was set with these.
UNSEEN_BENIGN = (
    "does the shop sell healing potions?",
    "brb dinner",
    "what time does the stream start",
    "that was sick",
    "we lost again, but what a fight",
    "I baked bread today, want the recipe?",
    "my cat knocked the router off the desk lol",
    "the translation of the second chapter is done",
    "could a mod pin the schedule please",
    "ggs everyone, see you tomorrow",
)
BLATANT = {
    "harassment": "you fucking bitch",
    "spam": "Congratulations! You have won a free prize, call now to claim your cash",
    "hate": "women are too stupid to vote",
    "violence": "I will kill you and your family",
    "self-harm": "i want to kill myself",
}


def test_it_is_small_enough_to_ship() -> None:
    total = sum(path.stat().st_size for path in artifacts.starter_path().iterdir())

    assert total <= 12 * 1024 * 1024


@pytest.mark.parametrize("text", [*BENIGN, *UNSEEN_BENIGN])
def test_it_flags_no_benign_text(starter: Model, text: str) -> None:
    assert [score.policy for score in starter.explain([text])[0] if score.flagged] == []


def test_it_flags_few_benign_chat_lines_that_were_held_out(starter: Model) -> None:
    flags = false_flags(starter)

    assert flags["lines"] >= 120
    assert flags["any"] <= 0.05 * flags["lines"]


@pytest.mark.parametrize("policy", BLATANT)
def test_it_flags_what_nobody_would_miss(starter: Model, policy: str) -> None:
    [[score]] = starter.explain([BLATANT[policy]], policies=[policy])

    assert score.flagged


def test_it_serves_every_policy_and_says_which_only_sort(starter: Model) -> None:
    assert starter.policies == datasets.POLICIES
    assert starter.manifest["triage_only"] == ["self-harm", "sexual", "violence"]


def test_its_manifest_trained_on_no_set_for_evaluation_only(starter: Model) -> None:
    data = {entry["name"]: entry["trained_on"] for entry in starter.manifest["data"]}  # type: ignore[attr-defined]

    assert {name for name, count in data.items() if count == 0} == {"youtube_spam", "olid", "suicidal_tweets"}


def test_its_card_is_of_this_model(starter: Model) -> None:
    card = Path(__file__).parents[2] / "docs" / "model-card.md"

    assert starter.sha256 in card.read_text(encoding="utf-8")


@pytest.mark.data
def test_its_figures_hold_on_parts_it_never_saw(starter: Model, base_data: Path) -> None:
    floors = {"davidson": 0.99, "hatexplain": 0.83, "sms_spam": 0.98}
    for name, floor in floors.items():
        data_set = datasets.find(name)
        policy = next(iter(data_set.columns))
        test = [row for row in datasets.read(data_set, base_data) if row.split == "test"]
        precision = figures(starter, test)[policy]["average_precision"]
        assert precision is not None
        assert precision >= floor, name


@pytest.mark.data
def test_no_training_text_is_near_a_held_out_text(base_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = tuple(datasets.find(name) for name in ("sms_spam", "youtube_spam", "openai_moderation"))
    monkeypatch.setattr(datasets, "SETS", sets)  # three sets take seconds, all of them half a minute
    held = {key for row in datasets.held_out(base_data) for key in enumerate(minhash_bands(row.text))}

    examples = datasets.training_examples(base_data)

    assert {row.source for row in examples} == {"sms_spam", "openai_moderation"}
    assert {row.split for row in examples} == {"train"}
    assert not any(key in held for row in examples for key in enumerate(minhash_bands(row.text)))


@pytest.mark.data
def test_a_few_hundred_labels_of_another_community_teach_it_without_forgetting(starter: Model, base_data: Path) -> None:
    community = datasets.read(datasets.find("youtube_spam"), base_data)
    golden = [row for row in community if row.split == "test"]
    old = [row for row in datasets.read(datasets.find("sms_spam"), base_data) if row.split == "test"]

    continued = continue_from(starter, [row for row in community if row.split == "train"][:300])

    before, after = (figures(model, golden)["spam"]["average_precision"] for model in (starter, continued))
    kept, now = (figures(model, old)["spam"]["average_precision"] for model in (starter, continued))
    assert None not in (before, after, kept, now)
    assert after > before + 0.1  # type: ignore[operator]
    assert now > kept - 0.01  # type: ignore[operator]


@pytest.mark.data
def test_gates_pass_honest_labels_and_refuse_shuffled_ones(starter: Model, base_data: Path) -> None:
    community = datasets.read(datasets.find("olid"), base_data)
    new = [row for row in community if row.split == "train"][:600]
    golden = [row for row in community if row.split == "test"]
    old = [row for row in datasets.read(datasets.find("davidson"), base_data) if row.split == "test"][:1500]

    honest = gates(starter, continue_from(starter, new), old, golden)
    assert promotable(honest)[0], promotable(honest)[1]
    poisoned = gates(starter, continue_from(starter, shuffled(new, seed=0)), old, golden)
    assert not promotable(poisoned)[0]
    assert "gain" in failures(poisoned)
