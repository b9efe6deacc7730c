"""Sketches: similar texts share a number, different ones do not, and both stay as they are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ml import likeness


def _shared(one: str, other: str) -> int:
    return len(set(likeness.bands(one)) & set(likeness.bands(other)))


def test_similar_texts_meet_and_others_do_not() -> None:
    insult = "you are a worthless pathetic idiot and everyone here hates you, loser"
    assert _shared(insult, "you are a pathetic idiot and everyone hates you loser") > 0
    assert _shared(insult, "does anyone have a good recipe for lentil soup?") == 0


def test_sketches_are_the_same_on_every_machine() -> None:
    assert sum(likeness.bands("the same text")) == 5386947497
    assert likeness.marks(["The SAME", "the same "]) == [-367894366]


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_has_a_sketch_the_database_can_hold(text: str, phrases: list[str]) -> None:
    numbers = [*likeness.bands(text), *likeness.marks(phrases)]
    assert 0 < len(likeness.bands(text)) <= likeness.BANDS
    assert all(-(2**31) <= number < 2**31 for number in numbers)
    assert likeness.bands(text) == likeness.bands(text)
