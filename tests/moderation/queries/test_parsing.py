"""The language of search: whatever is typed parses, or is refused with its place."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from moderation.queries import FILTERS, SORTS, BadQuery, Filter, Known, Query, Scope, Sort, parse
from moderation.queries.parsing import LONGEST

_PIECES = st.sampled_from(
    ["is:", "open", "score:", ">0.8", "0.2..0.9", "-", "~", '"', "\\", ",", " ", "policy:spam", "in:accounts", "sort:"]
)
TYPED = st.one_of(
    st.text(max_size=60),
    st.lists(_PIECES, max_size=9).map("".join),
    st.lists(st.sampled_from([known.example for known in FILTERS.values()]), max_size=5).map(" ".join),
)


def _read(typed: str) -> tuple[Query | None, BadQuery | None]:
    try:
        return parse(typed), None
    except BadQuery as error:
        return None, error


@given(TYPED)
@example("\0")
@example('say "cheese')
@example("-")
@example("x" * (LONGEST + 1))
def test_any_text_parses_or_is_refused_with_its_place(typed: str) -> None:
    query, refused = _read(typed)
    if refused is not None:
        assert 0 <= refused.start < refused.end <= len(typed)
        assert refused.detail
        assert refused.extra == {"start": refused.start, "end": refused.end}
    if query is not None:
        assert query.scope in Scope
        assert query.sort in SORTS[query.scope]


@given(TYPED)
@example('-~"a \\" b" author:"x, y" -is:open,held')
@example("--no ~~way http://x.example/a?b:c")
def test_what_is_understood_is_written_such_that_it_is_understood_the_same(typed: str) -> None:
    query, _refused = _read(typed)
    assume(query is not None)
    assert query is not None
    assume(len(query.written()) <= LONGEST)
    assert parse(query.written()) == query
    assert parse(query.written()).written() == query.written()


@given(TYPED, st.sampled_from(Scope))
def test_the_same_search_elsewhere_is_one_that_can_be_read(typed: str, scope: Scope) -> None:
    found, _refused = _read(typed)
    assume(found is not None)
    assert found is not None
    query = found.within(scope)
    assume(len(query.written()) <= LONGEST)
    assert parse(query.written()) == query


def test_a_search_is_words_and_filters() -> None:
    query = parse('policy:spam is:open score:>0.8 prize "gift card" -~viagra sort:score')
    assert [(one.key, one.comparison, one.values) for one in query.filters] == [
        ("policy", "", ("spam",)),
        ("is", "", ("open",)),
        ("score", ">", ("0.8",)),
    ]
    assert [(term.text, term.phrase, term.alike, term.negated) for term in query.terms] == [
        ("prize", False, False, False),
        ("gift card", True, False, False),
        ("viagra", False, True, True),
    ]
    assert (query.scope, query.sort) == (Scope.CASES, Sort.SCORE)


@pytest.mark.parametrize("known", FILTERS.values(), ids=FILTERS)
def test_every_filters_example_can_be_read(known: Known) -> None:
    scope = "" if Scope.CASES in known.scopes else f" in:{min(known.scopes)}"
    parse(known.example + scope)


@pytest.mark.parametrize(
    ("typed", "at_fault", "words"),
    [
        ("free scroe:>0.8", "scroe:", "did you mean “score”"),
        ("zzz:1", "zzz:", "Filters: is, queue"),
        ("is:closed", "is:closed", "open, decided, withdrawn"),
        ("spam score:>2 x", "score:>2", "score:>0.8"),
        ("score:0.9..0.1", "score:0.9..0.1", "lower end"),
        ("score:0.1,0.2", "score:0.1,0.2", "score:>0.8"),
        ("age:>2y", "age:>2y", "age:>2h"),
        ("opened:2026-02-30", "opened:2026-02-30", "opened:2026"),
        ("queue:", "queue:", "queue:abuse"),
        ("queue:a,", "queue:a,", "queue:abuse"),
        ('author:"x"y z', 'author:"x"y', "author:user-17"),
        ('one "two three', '"two three', "never closed"),
        ("one !!! two", "!!!", "nothing to look for"),
        ("one ~ab", "~ab", "three letters"),
        ("in:content is:open", "is:open", "says nothing about content"),
        ("in:cases in:content", "in:content", "once only"),
        ("-sort:new", "-sort:new", "new, old"),
        ("in:accounts sort:score", "sort:score", "new, old"),
        ("a b c d e f g h i j k l m n", "m n", "at most 12"),
        ("a\0b", "\0", "NUL"),
    ],
)
def test_what_cannot_be_read_is_said_where_it_stands(typed: str, at_fault: str, words: str) -> None:
    with pytest.raises(BadQuery, match=words) as refused:
        parse(typed)
    assert typed[refused.value.start : refused.value.end] == at_fault


def test_places_are_no_part_of_what_is_asked() -> None:
    assert parse("  is:open   x") == parse("is:open x")
    assert isinstance(next(parse("is:open").of("is")), Filter)
