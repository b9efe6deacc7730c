"""What is cut out suffices, is needed, and is proven by scoring the shorter text."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.counterfactual import Counterfactual, counterfactuals, without
from ml.errors import InputError
from ml.model import Model
from tests.ml.conftest import INSULTS
from tests.ml.test_explain import ANY_TEXT, with_context

UNICODE = st.text(st.characters(exclude_categories=[]), max_size=40)


def edges(found: Counterfactual, number: int = 0) -> list[tuple[int, int]]:
    """Return the ranges of one of the sets found."""
    return [(span.start, span.end) for span in found.sets[number].spans]


def rescored(model: Model, text: str, found: Counterfactual, spans: list[tuple[int, int]]) -> bool:
    """Whether the text without `spans` is still flagged, as `Model.explain` says."""
    limits = {found.policy: found.threshold}
    return model.explain([without(text, spans)], policies=[found.policy], thresholds=limits)[0][0].flagged


def check(model: Model, text: str, found: Counterfactual) -> None:
    """Verify everything that an answer claims."""
    flagged = found.score >= found.threshold
    assert (found.verdict == "not_flagged") == (not flagged)
    assert (found.verdict == "found") == bool(found.sets)
    for number, part in enumerate(found.sets):
        spans = edges(found, number)
        assert spans == sorted(spans)
        assert part.score < found.threshold
        assert not rescored(model, text, found, spans)
        if part.minimal:
            proper = [list(few) for size in range(1, len(spans)) for few in itertools.combinations(spans, size)]
            assert all(rescored(model, text, found, few) for few in proper)


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT, st.sampled_from([0.02, 0.1, 0.5]))
def test_every_answer_on_any_text_is_verified_by_scoring_it(starter: Model, text: str, threshold: float) -> None:
    limits = dict.fromkeys(starter.policies, threshold)

    for found in counterfactuals(starter, text, thresholds=limits, max_rescorings=200):
        assert found.rescorings <= 200
        check(starter, text, found)


@settings(max_examples=300, deadline=None)
@given(UNICODE, st.data())
def test_cutting_removes_the_spans_and_nothing_else_that_shows(text: str, data: st.DataObject) -> None:
    marks = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = list(zip(marks[::2], marks[1::2], strict=False))
    gone = {place for start, end in spans for place in range(start, end)}
    kept = [char for place, char in enumerate(text) if place not in gone and not char.isspace()]

    shorter = without(text, spans)

    assert [char for char in shorter if not char.isspace()] == kept
    assert len(shorter) <= len(text)


@pytest.mark.parametrize(
    ("text", "spans", "left"),
    [
        ("you utter toad, go", [(4, 14)], "you , go"),
        ("toad go", [(0, 4)], "go"),
        ("go toad", [(3, 7)], "go "),
        ("un-fair", [(2, 3)], "un fair"),
        ("a\n\nb c", [(3, 4)], "a\n\nc"),
        ("a b", [], "a b"),
        ("toad", [(0, 4)], ""),
    ],
)
def test_cuts_are_joined_so_that_words_stay_words(text: str, spans: list[tuple[int, int]], left: str) -> None:
    assert without(text, spans) == left


@pytest.mark.parametrize("spans", [[(0, 3), (2, 4)], [(-1, 1)], [(2, 9)], [(1, 1)]])
def test_spans_outside_the_text_or_on_each_other_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError, match="must not overlap"):
        without("toads", spans)


def test_one_insult_among_plain_words_is_the_answer(small_model: Model) -> None:
    text = "the castle is near my wa\u200bstrel and the river"
    [found] = counterfactuals(small_model, text, policies=["harassment"])

    assert (found.verdict, found.smallest) == ("found", True)
    assert [text[start:end] for start, end in edges(found)] == ["wa\u200bstrel"]
    assert found.sets[0].minimal
    check(small_model, text, found)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_each_of_several_insults_is_needed(small_model: Model, count: int) -> None:
    plain = ("garden", "bread", "coffee", "window", "winter", "bridge")
    text = " and ".join(f"the {calm} {harsh}" for calm, harsh in zip(plain, INSULTS[:count], strict=False))
    [score] = small_model.explain([without(text, [])], policies=["harassment"])[0]
    limits = {"harassment": 0.05}

    [found] = counterfactuals(small_model, text, policies=["harassment"], thresholds=limits)

    assert score.flagged
    assert found.verdict == "found"
    assert found.sets[0].minimal
    assert len(found.sets[0].spans) >= 2
    check(small_model, text, found)


def test_a_flag_that_context_carries_is_not_put_on_the_text(small_model: Model) -> None:
    model = with_context(small_model)
    context = {"account_age_days": 0.5}
    parts = ["", "the", "castle", "the castle"]
    scores = [score for [score] in model.explain(parts, [context] * 4, policies=["harassment"])]
    alone = model.explain(["the castle"], policies=["harassment"])[0][0].score
    limits = {"harassment": min(score.score for score in scores) - 1e-6}

    [found] = counterfactuals(model, "the castle", context, policies=["harassment"], thresholds=limits)

    assert alone < limits["harassment"]
    assert (found.verdict, found.sets, found.smallest) == ("not_the_text_alone", (), False)
    assert found.score_without_text is not None
    assert found.score_without_text >= found.threshold


def test_context_is_kept_while_the_text_is_cut(small_model: Model) -> None:
    model = with_context(small_model)
    text, context = "my toad is near the castle", {"account_age_days": 0.5}

    [plain] = counterfactuals(model, text, policies=["harassment"])
    [told] = counterfactuals(model, text, context, policies=["harassment"])

    assert edges(plain) == edges(told)
    assert told.sets[0].score > plain.sets[0].score


def test_a_threshold_of_zero_is_met_by_any_text(small_model: Model) -> None:
    for text in ("", "toad", "the castle"):
        [found] = counterfactuals(small_model, text, policies=["spam"], thresholds={"spam": 0.0})
        assert (found.verdict, found.sets) == ("not_the_text_alone", ())


def test_a_long_text_stays_within_the_rescorings_stated(small_model: Model) -> None:
    text = " ".join(f"{harsh} the castle" for harsh in INSULTS * 12)

    [found] = counterfactuals(small_model, text, policies=["harassment"])
    [cut_off] = counterfactuals(small_model, text, policies=["harassment"], max_rescorings=10)

    assert found.rescorings <= 512
    check(small_model, text, found)
    assert cut_off.rescorings <= 10
    assert cut_off.verdict in {"found", "undecided"}
    check(small_model, text, cut_off)


def test_no_rescoring_at_all_is_refused(small_model: Model) -> None:
    with pytest.raises(InputError, match="at least 1"):
        counterfactuals(small_model, "toad", max_rescorings=0)
