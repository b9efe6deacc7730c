"""Normalised text stands on the right characters of the original."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.errors import InputError
from ml.lexicon import Lexicon
from ml.text import tokenise

NOTHING = Lexicon()
LEXICON = Lexicon(["url", "user", "you", "idiot", "an"], targets=[3], common=[False, False, True, True, True])


def spans(text: str, lexicon: Lexicon = NOTHING) -> list[tuple[str, str]]:
    """Return surface and original characters of every token."""
    return [(token.surface, text[token.start : token.end]) for token in tokenise(text, lexicon)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World", [("hello", "Hello"), (",", ","), ("world", "World")]),
        ("id\u200biot now", [("idiot", "id\u200biot"), ("now", "now")]),
        ("o\ufb03ce", [("office", "o\ufb03ce")]),
        ("cafe\u0301 bar", [("cafe", "cafe\u0301"), ("bar", "bar")]),
        ("a 👍🏽 b", [("a", "a"), ("👍", "👍🏽"), ("b", "b")]),
        ("Ｆｕｌｌ width", [("full", "Ｆｕｌｌ"), ("width", "width")]),
        ("Straße", [("strasse", "Straße")]),
        ("don’t stop", [("don't", "don’t"), ("stop", "stop")]),
        (
            "see https://a.example/b?c now",
            [("see", "see"), ("url", "https://a.example/b?c"), ("a.example", "a.example"), ("now", "now")],
        ),
        ("hi @some_one!", [("hi", "hi"), ("user", "@some_one"), ("!", "!")]),
        ("हिन्दी ठीक", [("हिन्दी", "हिन्दी"), ("ठीक", "ठीक")]),
        ("\U0001d526\U0001d521 x", [("id", "\U0001d526\U0001d521"), ("x", "x")]),
        ("", []),
        ("\u200b\u200d\ufeff", []),
    ],
)
def test_tokens_stand_on_their_original_characters(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("you 1d1ot!!", [("you", "you"), ("idiot", "1d1ot"), ("!!", "!!")]),
        ("an !d!0t.", [("an", "an"), ("idiot", "!d!0t"), (".", ".")]),
        ("i d i o t", [("idiot", "i d i o t")]),
        ("you i.d.i.o.t you", [("you", "you"), ("idiot", "i.d.i.o.t"), ("you", "you")]),
        ("i - d - i - o - t", [("idiot", "i - d - i - o - t")]),
        ("id iot", [("idiot", "id iot")]),
        ("id*ot id**t i****", [("idiot", "id*ot"), ("idiot", "id**t"), ("idiot", "i****")]),
        ("iiidiooott", [("idiot", "iiidiooott")]),
        ("idoit", [("idiot", "idoit")]),
        ("іԁіоt", [("idiot", "іԁіоt")]),
        ("ⓘⓓⓘⓞⓣ", [("idiot", "ⓘⓓⓘⓞⓣ")]),
        ("i\u0336d\u0336i\u0336o\u0336t\u0336", [("idiot", "i\u0336d\u0336i\u0336o\u0336t\u0336")]),
        ("(idiot)", [("(", "("), ("idiot", "idiot"), (")", ")")]),
        ("🇮🇩🇮🇴🇹", [("idiot", "🇮🇩🇮🇴🇹")]),
        ("i_d_i_o_t", [("idiot", "i_d_i_o_t")]),
        ("i d 1 0 t", [("idiot", "i d 1 0 t")]),
        ("i...d...i...o...t", [("idiot", "i...d...i...o...t")]),
        ("i🔥d🔥i🔥o🔥t", [("idiot", "i🔥d🔥i🔥o🔥t")]),
        ("scuм", [("scum", "scuм")]),
        ("iԁӏоt", [("idiot", "iԁӏоt")]),
        ("y - o - u", [("you", "y - o - u")]),
    ],
)
def test_a_known_word_is_found_behind_its_disguise(text: str, expected: list[tuple[str, str]]) -> None:
    assert spans(text, LEXICON) == expected


RANKED = Lexicon(
    ["url", "user", "niter", "nitter", "lair", "liar", "ass", "as", "asses", "shoe", "hoe", "duck", "suck", "slap"],
    targets=[3, 6, 8, 10, 11, 12],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nniitterr", "nitter"),  # both known words are it with letters repeated
        ("niiter", "niter"),  # the other has a letter twice that this has once
        ("nit*er", "nitter"),
        ("a*s*s", "ass"),
        ("aaass", "ass"),
        ("heo", "hoe"),
        ("ѕӏаp", "slap"),
        ("$uck", "suck"),  # a sign that stands for a letter says more than one that hides it
        ("lair", "lair"),
    ],
)
def test_where_a_disguise_fits_several_words_it_is_the_one_most_wanted(text: str, expected: str) -> None:
    assert spans(text, RANKED) == [(expected, text)]


@pytest.mark.parametrize(
    "text", ["great!!! you", "100% of it", "$5 for you", "привет, мир", "24/7", "👍 🇩🇪", "a b c", "well-known", "don't"]
)
def test_what_hides_nothing_stays_as_it_is(text: str) -> None:
    assert spans(text, LEXICON) == spans(text)


@given(st.text(st.characters(exclude_categories=[])))
def test_tokens_lie_inside_the_text_in_order(text: str) -> None:
    tokens = tokenise(text, LEXICON)

    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert all(token.surface for token in tokens)
    assert all(left.start <= right.start for left, right in itertools.pairwise(tokens))


def test_a_text_that_is_no_string_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="must be a string, not bytes"):
        tokenise(b"hello", NOTHING)  # type: ignore[arg-type]
