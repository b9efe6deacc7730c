"""Normalised text stands on the right characters of the original."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import InputError
from ml.text import normalise, tokenise


def spans(text: str) -> list[tuple[str, str]]:
    """Return surface and original characters of every token."""
    return [(token.surface, text[token.start : token.end]) for token in tokenise(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World", [("hello", "Hello"), (",", ","), ("world", "World")]),
        ("id\u200biot now", [("idiot", "id\u200biot"), ("now", "now")]),
        ("o\ufb03ce", [("office", "o\ufb03ce")]),
        ("cafe\u0301 bar", [("café", "cafe\u0301"), ("bar", "bar")]),
        ("a 👍🏽 b", [("a", "a"), ("👍🏽", "👍🏽"), ("b", "b")]),
        ("Ｆｕｌｌ width", [("full", "Ｆｕｌｌ"), ("width", "width")]),
        ("Straße", [("strasse", "Straße")]),
        ("don’t stop", [("don't", "don’t"), ("stop", "stop")]),
        ("see https://a.example/b?c now", [("see", "see"), ("url", "https://a.example/b?c"), ("now", "now")]),
        ("hi @some_one!", [("hi", "hi"), ("user", "@some_one"), ("!", "!")]),
        ("हिन्दी ठीक", [("हिन्दी", "हिन्दी"), ("ठीक", "ठीक")]),
        ("\U0001d526\U0001d521 x", [("id", "\U0001d526\U0001d521"), ("x", "x")]),
        ("", []),
        ("\u200b\u200d\ufeff", []),
    ],
)
def test_tokens_stand_on_their_original_characters(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text) == expected


@given(st.text(st.characters(exclude_categories=[])))
def test_normalising_by_runs_equals_normalising_the_whole(text: str) -> None:
    normalised = normalise(text)
    visible = "".join(char for char in text if normalise(char).text)
    whole = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())

    assert "".join(char for char in normalised.text) == "".join(char for char in whole if normalise(char).text)


@given(st.text(st.characters(exclude_categories=[])))
def test_tokens_lie_inside_the_text_in_order(text: str) -> None:
    tokens = tokenise(text)

    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert all(left.start <= right.start for left, right in itertools.pairwise(tokens))


def test_a_text_that_is_no_string_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="must be a string, not bytes"):
        tokenise(b"hello")  # type: ignore[arg-type]
