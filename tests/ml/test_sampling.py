"""Near-duplicate keys and splits are frozen: these values may never change."""

from hypothesis import given
from hypothesis import strategies as st

from ml.sampling import (
    frozen_normalise,
    minhash_bands,
    near_duplicate_groups,
    split_of,
    without_near_duplicates,
)

FROZEN_BANDS = (2389883954581168316, -4104652535577773171, 8814505493585866082)
FROZEN_SPLITS = [
    "validation",
    "train",
    "train",
    "train",
    "train",
    "train",
    "train",
    "test",
    "train",
    "train",
    "test",
    "train",
]


def near(left: str, right: str) -> bool:
    """Whether two texts share a band."""
    return any(a == b for a, b in zip(minhash_bands(left), minhash_bands(right), strict=True))


def test_bands_are_what_they_always_were() -> None:
    assert minhash_bands("Join the guild tonight, we raid at nine!")[:3] == FROZEN_BANDS


def test_splits_are_what_they_always_were() -> None:
    assert [split_of(f"group-{number}") for number in range(12)] == FROZEN_SPLITS


def test_splits_come_in_the_promised_shares() -> None:
    sides = [split_of(f"g{number}") for number in range(20_000)]

    assert abs(sides.count("train") / 20_000 - 0.8) < 0.01
    assert abs(sides.count("test") / 20_000 - 0.1) < 0.01


def test_small_changes_stay_near_and_other_texts_do_not() -> None:
    text = "limited offer, claim your free skins at the link below before midnight, only for members of this server"

    assert near(text, text.upper().replace("midnight,", "midnight!!!"))
    assert near(text, text.replace("e", "e\u200b"))
    assert near(text, text + " now")
    assert not near(text, "does anyone know how to get past the second gate in the forest map without a torch")


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_has_sixteen_signed_bands(text: str) -> None:
    bands = minhash_bands(text)

    assert len(bands) == 16
    assert all(-(2**63) <= band < 2**63 for band in bands)
    assert bands == minhash_bands(text)
    assert frozen_normalise(frozen_normalise(text)) == frozen_normalise(text)


def test_groups_follow_chains_of_near_duplicates() -> None:
    base = "selling rank boosts very cheap and very fast, message me for the price list and the proof"
    texts = [base, "hello there", base + " ok", base.replace("cheap", "cheep") + " ok"]

    groups = near_duplicate_groups([minhash_bands(text) for text in texts])

    assert groups[0] == groups[2] == groups[3]
    assert groups[1] != groups[0]


def test_texts_near_a_held_out_one_are_left_out() -> None:
    held = "this exact sentence stands on the test side of some other set"
    bands = [minhash_bands(text) for text in (held + "!", "an unrelated line about bread and coffee")]

    assert without_near_duplicates(bands, [minhash_bands(held)]) == [1]
