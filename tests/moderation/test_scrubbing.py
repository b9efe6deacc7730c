"""Nothing that may be about a person is left in scrubbed words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.scrubbing import REMOVED, scrub


@pytest.mark.parametrize(
    "planted",
    [
        "https://people.example/anna",
        "xmpp://chat.example",
        "www.people.example/x",
        "anna.b+c@mail.example",
        "ünïcode@mail.example",
        "@anna_b",
        "192.0.2.17",
        "2001:db8::8a2e:370:7334",
        "DE89 3704 0044 0532 0130 00",
        "DE89370400440532013000",
        "+49 (30) 1234-567",
        "030/1234567",
        "4111 1111 1111 1111",
    ],
)
def test_what_may_name_a_person_is_removed(planted: str) -> None:
    scrubbed = scrub(f"Written by {planted}, they say.")
    assert planted not in scrubbed
    assert REMOVED in scrubbed
    assert scrubbed.startswith("Written by ")
    assert scrubbed.endswith(" they say.")


@pytest.mark.parametrize("harmless", ["Policy “Spam & scams”, version 12.", "Article 16 of 2022", "3 of 10, at 12:30"])
def test_plain_words_stay_as_they_are(harmless: str) -> None:
    assert scrub(harmless) == harmless


def test_names_are_removed_as_whole_words_in_any_case() -> None:
    assert scrub("Anna wrote to annabel and ANNA.", names=["anna"]) == f"{REMOVED} wrote to annabel and {REMOVED}."
    assert scrub("user-7 and user-77", names=["user-7", "user-77"]) == f"{REMOVED} and {REMOVED}"


@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs"]), min_size=3, max_size=20),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_name_between_spaces_never_survives(name: str, before: str, after: str) -> None:
    scrubbed = scrub(f"{before} {name} {after}", names=[name])
    assert f" {name} " not in scrubbed or name in REMOVED
