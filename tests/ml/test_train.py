"""Training learns, repeats itself bit for bit, and continues without forgetting."""

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.corpus import Corpus, Rows, corpus_of, rows_of
from ml.errors import TrainingError
from ml.evaluate import figures
from ml.explain import sigmoid
from ml.model import Model
from ml.schemas import Example
from ml.train import continue_from, fit
from tests.ml import reference
from tests.ml.conftest import PLAIN, POLICIES, MakeExamples

NEW_INSULTS = ["grumblefig", "snortlet"]


def test_a_model_ranks_texts_it_has_not_seen(small_model: Model, make_examples: MakeExamples) -> None:
    found = figures(small_model, make_examples(400, seed=2))

    for policy in POLICIES:
        precision = found[policy]["average_precision"]
        assert precision is not None
        assert precision > 0.8


def test_the_same_arguments_give_the_same_model(make_examples: MakeExamples, tmp_path: Path) -> None:
    examples = make_examples(200, seed=3)
    hashes = {artifacts.save(fit(examples, policies=POLICIES, seed=5), tmp_path / name) for name in ("a", "b")}
    other = artifacts.save(fit(make_examples(200, seed=4), policies=POLICIES, seed=5), tmp_path / "c")

    assert len(hashes) == 1
    assert other not in hashes


def plain_corpus(texts: list[str]) -> Corpus:
    """The corpus of unlabelled texts."""
    return corpus_of(texts, np.full((len(texts), 1), -1, dtype=np.int8), min_document_frequency=1)


def dense(rows: Rows) -> np.ndarray:
    """Return the rows as a dense array (n_texts, n_features)."""
    found = np.zeros((len(rows), rows.columns))
    found[np.repeat(np.arange(len(rows)), np.diff(rows.indptr)), rows.indices] = rows.values
    return found


def test_training_sees_the_values_that_serving_gives(make_examples: MakeExamples) -> None:
    texts = [example.text for example in make_examples(80, seed=7)]
    corpus = plain_corpus([*texts, "", "!?"])

    served = rows_of([*texts, "", "!?"], corpus.vocabulary, corpus.idf)

    assert np.allclose(dense(corpus.rows), dense(served), atol=1e-6)
    assert served.values.size == corpus.rows.values.size


def scaled(values: np.ndarray, typical: float) -> np.ndarray:
    """Return what scikit-learn calls values before it normalises them as this package scales a block."""
    return np.array([row * reference.block_scale(row, typical=typical) if row.any() else row for row in values])


def test_features_have_the_values_that_scikit_learn_gives_them(make_examples: MakeExamples) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [example.text for example in make_examples(80, seed=7)]
    corpus = plain_corpus(texts)
    place = {int(key): number for number, key in enumerate(corpus.vocabulary.keys)}
    ours = dense(corpus.rows)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, norm=None)
    theirs = scaled(chars.fit_transform(texts).toarray(), 44.0)
    columns = [place[reference.chars_key(gram)] for gram in chars.get_feature_names_out()]

    assert len(columns) == len(corpus.vocabulary) - corpus.vocabulary.n_words
    assert np.allclose(ours[:, columns], theirs, atol=1e-6)


def test_words_and_pairs_have_the_values_that_scikit_learn_gives_them(make_examples: MakeExamples) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    def words_of(text: str) -> list[int]:
        words = text.split()
        return [
            *map(reference.word_key, words),
            *(reference.pair_key(*pair) for pair in itertools.pairwise(words)),
            *(reference.pair_key(*pair, skip=True) for pair in zip(words, words[2:], strict=False)),
        ]

    texts = [example.text for example in make_examples(80, seed=7)]
    corpus = plain_corpus(texts)
    ours = dense(corpus.rows)[:, : corpus.vocabulary.n_words]
    known = {int(key): number for number, key in enumerate(corpus.vocabulary.keys[: corpus.vocabulary.n_words])}
    words = TfidfVectorizer(analyzer=words_of, sublinear_tf=True, vocabulary=known, lowercase=False, norm=None)

    assert np.allclose(ours, scaled(words.fit_transform(texts).toarray(), 36.0), atol=1e-6)


def test_the_declared_prevalence_shifts_the_intercept_alone(make_examples: MakeExamples) -> None:
    examples = make_examples(300, seed=9)
    rare, common = (fit(examples, policies=["spam"], prevalence={"spam": share}) for share in (0.01, 0.5))

    assert np.array_equal(rare.weights, common.weights)
    assert common.intercept[0] - rare.intercept[0] == pytest.approx(np.log(99.0), abs=1e-9)


def test_a_benign_text_lies_below_every_threshold(make_examples: MakeExamples) -> None:
    examples = make_examples(300, seed=10)
    careless = fit(examples, policies=["harassment"], benign=())
    unseen = [example.text for example in make_examples(100, seed=13)]
    flagged = {
        text: score.score for text, [score] in zip(unseen, careless.explain(unseen), strict=True) if score.flagged
    }
    benign = [min(flagged, key=flagged.__getitem__)]

    careful = fit(examples, policies=["harassment"], benign=benign)
    assert not any(score.flagged for [score] in careful.explain(benign))


def test_held_out_examples_are_not_trained_on(make_examples: MakeExamples, tmp_path: Path) -> None:
    train = make_examples(200, seed=11)
    unseen = make_examples(50, seed=12)
    others = [replace(example, split=split) for split in ("validation", "test") for example in unseen]

    alone = artifacts.save(fit(train, policies=POLICIES), tmp_path / "a")
    assert artifacts.save(fit([*train, *others], policies=POLICIES), tmp_path / "b") == alone


def test_a_policy_with_one_class_is_refused_by_name() -> None:
    examples = [Example(f"text number {number}", {"spam": False}) for number in range(50)]

    with pytest.raises(TrainingError, match="spam has fewer than 10"):
        fit(examples, policies=["spam"])


def test_continuing_learns_new_words_and_forgets_nothing(small_model: Model, make_examples: MakeExamples) -> None:
    new_train, new_test = (make_examples(300, seed=seed, insults=NEW_INSULTS) for seed in (20, 21))
    old_test = make_examples(500, seed=22)

    continued = continue_from(small_model, new_train)

    before, after = (figures(model, new_test)["harassment"]["average_precision"] for model in (small_model, continued))
    kept, now = (figures(model, old_test)["harassment"]["average_precision"] for model in (small_model, continued))
    assert None not in (before, after, kept, now)
    assert after > before + 0.2  # type: ignore[operator]
    assert now > kept - 0.01  # type: ignore[operator]


def test_a_harder_pull_stays_closer(small_model: Model, make_examples: MakeExamples) -> None:
    examples = make_examples(100, seed=23, insults=NEW_INSULTS)
    loose, tight = (continue_from(small_model, examples, pull=pull) for pull in (0.1, 100.0))

    def moved(model: Model) -> float:
        return float(np.abs(model.weights - small_model.weights).sum())

    assert 0.0 < moved(tight) < moved(loose) / 5


def test_a_policy_without_new_labels_stays_as_it_is(small_model: Model, make_examples: MakeExamples) -> None:
    examples = [replace(example, labels={"spam": example.labels["spam"]}) for example in make_examples(100, seed=24)]
    continued = continue_from(small_model, examples)

    column = small_model.column("harassment")
    assert np.array_equal(continued.weights[:, column], small_model.weights[:, column])
    assert continued.intercept[column] == small_model.intercept[column]
    assert not np.array_equal(continued.weights, small_model.weights)


def test_continuing_is_deterministic_and_names_its_champion(
    small_model: Model, make_examples: MakeExamples, tmp_path: Path
) -> None:
    examples = make_examples(80, seed=25)
    hashes = [artifacts.save(continue_from(small_model, examples), tmp_path / name) for name in ("a", "b")]

    assert hashes[0] == hashes[1]
    assert artifacts.load(tmp_path / "a").manifest["champion"] == small_model.sha256


@pytest.mark.parametrize(("over", "lowered"), [(-0.1, 0.0), (0.2, 0.21), (3.0, 0.5)])
def test_a_benign_text_that_continuing_would_flag_lowers_the_intercept(
    small_model: Model, make_examples: MakeExamples, tmp_path: Path, over: float, lowered: float
) -> None:
    examples = make_examples(300, seed=26, insults=NEW_INSULTS)
    column = small_model.column("harassment")
    benign = "the castle and the river"
    careless = continue_from(small_model, examples, benign=())
    [logits] = careless.decision_function([benign])
    artifacts.save(small_model, tmp_path / "champion")
    champion = artifacts.load(tmp_path / "champion")
    champion.thresholds = {**champion.thresholds, "harassment": sigmoid(logits[column] - over)}

    careful = continue_from(champion, examples, benign=(benign,))

    assert careless.intercept[column] - careful.intercept[column] == pytest.approx(lowered, abs=1e-6)
    assert careful.explain([benign], policies=["harassment"])[0][0].flagged == (lowered < over)


def test_continuing_on_nothing_is_refused(small_model: Model) -> None:
    with pytest.raises(TrainingError, match="no training example has a label"):
        continue_from(small_model, [Example("hello", {})])


def served(examples: list[Example], *, every: int, benign: bool) -> list[Example]:
    """Return examples with the word of their source in front; every so many-th is of the source `chat`."""
    found = []
    for number, example in enumerate(examples):
        source = "chat" if number % every == 0 else "posts"
        labels = dict.fromkeys(POLICIES, False) if benign and source == "chat" and number % 5 else example.labels
        found.append(replace(example, text=f"{source}word {example.text}", labels=labels, source=source))
    return found


def test_how_often_the_served_source_violates_is_not_learnt_as_a_sign(make_examples: MakeExamples) -> None:
    examples = served(make_examples(600, seed=21), every=2, benign=True)
    blind = fit(examples, policies=["spam"])
    told = fit(examples, policies=["spam"], served_like="chat")

    gaps = [
        float(np.ptp(model.decision_function([f"{source}word garden bread" for source in ("chat", "posts")])))
        for model in (blind, told)
    ]
    assert gaps[1] < gaps[0] / 2


def test_the_served_source_weighs_its_share(make_examples: MakeExamples) -> None:
    luring = {True: "voucher", False: "tulip"}  # the two sources disagree on which of the two is spam
    examples = [
        Example(
            f"{example.text} {luring[example.labels['spam'] != (number % 10 == 0)]}",
            {"spam": example.labels["spam"]},
            source="chat" if number % 10 == 0 else "posts",
        )
        for number, example in enumerate(make_examples(600, seed=22))
    ]
    light, heavy = (
        fit(examples, policies=["spam"], served_like="chat", served_share={"spam": share}) for share in (0.05, 4.0)
    )

    gaps = [
        float(np.diff(model.decision_function(["garden bread tulip", "garden bread voucher"])[:, 0])[0])
        for model in (light, heavy)
    ]
    assert gaps[1] < gaps[0]


def test_a_threshold_gives_up_recall_for_an_even_chance_that_a_flag_is_right() -> None:
    # One lure is spam in 7 of 10 texts, two nearly always; F2 alone would flag one lure, at precision 0.3.
    def texts(count: int, seed: int) -> list[Example]:
        random_ = random.Random(seed)
        found = []
        for _ in range(count):
            lures = random_.randrange(3)
            words = random_.choices(PLAIN, k=6) + ["voucher", "jackpot"][:lures]
            found.append(Example(" ".join(words), {"spam": random_.random() < (0.0, 0.7, 0.98)[lures]}))
        return found

    model = fit(texts(1500, seed=24), policies=["spam"], prevalence={"spam": 0.1}, benign=())
    fresh = texts(1500, seed=25)
    limit = np.log(model.thresholds["spam"] / (1.0 - model.thresholds["spam"]))
    flags = model.decision_function([row.text for row in fresh])[:, 0] >= limit
    labels = np.array([row.labels["spam"] for row in fresh])

    hits, alarms = 0.1 * flags[labels].mean(), 0.9 * flags[~labels].mean()
    assert flags[labels].mean() > 0.3
    assert hits / (hits + alarms) >= 0.5


def test_a_served_source_without_examples_is_refused(make_examples: MakeExamples) -> None:
    with pytest.raises(TrainingError, match="no training example is of source 'chat'"):
        fit(make_examples(100, seed=23), policies=["spam"], served_like="chat")
