"""Finding cases, content and accounts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from moderation.enums import CaseStatus
from moderation.errors import InvalidInput
from moderation.models import Account, Case, ContentRevision, Review, User
from moderation.queries import BadQuery, parse
from moderation.selectors import search
from tests import factories


def found(typed: str, viewer: User) -> list[Case]:
    return list(search.cases(parse(typed), viewer=viewer).rows)


@pytest.fixture
def three(integrator: User) -> list[Case]:
    """An insult, spam in English, and a text without spaces."""
    return [
        factories.case(factories.ABUSIVE, sent_by=integrator, author="rude"),
        factories.case(factories.SPAM, sent_by=integrator, author="seller", language="en-GB"),
        factories.case("Продажа 这个网站卖假药请大家注意", sent_by=integrator, author="buyer", language="zh"),
    ]


@pytest.mark.parametrize(
    ("typed", "places"),
    [
        ("idiot", [0]),
        ("IDIO", [0]),
        ("diot", []),
        ('"gift card"', [1]),
        ('"card gift"', []),
        ("~worthles", [0]),
        ("假药", [2]),
        ("药", [2]),
        ("药假", []),
        ("ПРОДАЖА", [2]),
        ('"продажа 这个"', [2]),
        ("-药", [1, 0]),
        ("-idiot", [2, 1]),
        ("claim prize", [1]),
        ("author:rude,buyer", [2, 0]),
        ("lang:en", [1]),
        ("-lang:en", [2, 0]),
        ("type:message sort:old", [0, 1, 2]),
        ("type:other", []),
        ("is:open is:waiting", [2, 1, 0]),
        ("is:held", []),
        ("is:overdue", []),
        ("age:<1h", [2, 1, 0]),
        ("age:>1h", []),
        ("it's", []),
    ],
)
def test_cases_are_found_by_words_and_filters(
    typed: str, places: list[int], three: list[Case], moderator: User
) -> None:
    assert found(typed, moderator) == [three[place] for place in places]


def test_scores_and_policies_are_asked_for(three: list[Case], moderator: User) -> None:
    spam = three[1]
    spam.refresh_from_db()
    assert spam.policy == "spam"
    assert spam.score is not None
    assert found(f"policy:spam score:>={spam.score - 0.001:.6f}", moderator) == [spam]
    assert found('policy:"Spam and scams"', moderator) == [spam]
    assert spam not in found("-policy:spam", moderator)
    ordered = [case.score for case in found("sort:score", moderator)]
    assert ordered == sorted((case.score for case in Case.objects.filter(score__isnull=False)), reverse=True)


def test_a_word_of_many_hits_is_found_as_well(
    three: list[Case], moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "RARE", 0)
    assert found("idiot", moderator) == [three[0]]
    assert found("~worthles -prize", moderator) == [three[0]]
    assert list(search.contents(parse("prize in:content"), viewer=moderator).rows) == [three[1].content]


@pytest.mark.parametrize("typed", ["policy:scam", "queue:nowhere", "by:nobody-here"])
def test_a_name_that_nothing_has_is_said(typed: str, moderator: User) -> None:
    with pytest.raises(BadQuery) as refused:
        found(f"open {typed}", moderator)
    assert (refused.value.start, refused.value.end) == (5, 5 + len(typed))


def test_decisions_are_asked_for(three: list[Case], moderator: User, colleague: User) -> None:
    factories.decide(factories.claim(three[0], moderator), moderator)
    factories.decide(factories.claim(three[1], colleague), colleague, "ok")
    assert found("is:decided", moderator) == [three[1], three[0]]
    assert found("decided:violates", moderator) == [three[0]]
    assert found("by:me", moderator) == [three[0]]
    assert found("by:colleague,me", moderator) == [three[1], three[0]]
    factories.claim(three[2], moderator)
    assert found("is:held", colleague) == found("is:mine", moderator) == [three[2]]
    assert found("is:mine", colleague) == []


@pytest.mark.parametrize("sort", ["new", "old", "priority", "score", "due"])
def test_pages_by_cursor_hold_every_row_once_in_order(sort: str, moderator: User, integrator: User) -> None:
    cases = [factories.case(f"{factories.SPAM} {n}", sent_by=integrator) for n in range(7)]
    Case.objects.filter(pk__in=[case.pk for case in cases[:4]]).update(
        priority=5.0, score=0.5, due_at=cases[0].due_at, opened_at=F("opened_at")
    )
    whole = [case.pk for case in search.cases(parse(f"sort:{sort}"), viewer=moderator).rows]
    assert sorted(whole) == sorted(case.pk for case in cases)
    walked: list[int] = []
    after = ""
    while True:
        page = search.cases(parse(f"sort:{sort}"), viewer=moderator, after=after, size=2)
        walked += [case.pk for case in page.rows]
        after = page.after
        if not after:
            break
    assert walked == whole


@pytest.mark.parametrize("sort", ["new", "priority"])
@pytest.mark.parametrize("after", ["x", "-1", "9" * 30, "1~", "nan~3", "inf~3", "2026-01-01T00:00:00~3", "~"])
def test_a_cursor_of_no_list_is_refused(after: str, sort: str, moderator: User) -> None:
    with pytest.raises(InvalidInput, match="no place of the list"):
        search.cases(parse(f"sort:{sort}"), viewer=moderator, after=after)


def test_what_is_erased_is_not_found_any_more(three: list[Case], moderator: User) -> None:
    revision = three[0].content.current_revision_id
    ContentRevision.objects.filter(pk=revision).update(text="", erased_at=timezone.now())
    assert found("idiot", moderator) == []
    Account.objects.filter(external_id="rude").update(external_id=None, erased_at=timezone.now())
    assert list(search.accounts(parse("rude in:accounts")).rows) == []


def test_content_and_accounts_are_found(three: list[Case], moderator: User) -> None:
    contents = search.contents(parse("prize in:content"), viewer=moderator).rows
    assert [content.pk for content in contents] == [three[1].content_id]
    assert [case.pk for case in contents[0].latest_cases] == [three[1].pk]  # type: ignore[attr-defined]
    assert [row.external_id for row in search.accounts(parse("SELL in:accounts")).rows] == ["seller"]
    assert [row.external_id for row in search.accounts(parse("~sellr in:accounts")).rows] == ["seller"]
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    assert list(search.accounts(parse(f"seen:>={tomorrow} in:accounts")).rows) == []


def test_a_question_about_scores_neither_finds_nor_misses_a_case_judged_blind(
    moderator: User, integrator: User
) -> None:
    factories.plan(blind_rate=1)
    blind = factories.case(factories.SPAM, sent_by=integrator)
    for typed in ("policy:spam", "-policy:spam", "score:>0.5", "score:<=0.5", "-score:>0.5", "sort:score"):
        assert found(typed, moderator) == [], typed
    assert found("prize is:open", moderator) == [blind]
    assert found("policy:spam", integrator) == [blind], "it reviews nothing"
    hit = search.case_hits([blind], viewer=moderator)[0]
    assert (hit.blind, hit.masked, hit.policy, hit.decision) == (True, True, "", None)


def test_a_question_about_outcomes_tells_nothing_of_a_second_opinion_to_come(
    moderator: User, colleague: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, colleague), colleague)
    assert Review.objects.filter(case=case, kind="second").exists()
    for typed in ("by:colleague", "-by:colleague", "decided:violates", "-decided:violates"):
        assert found(typed, moderator) == [], typed
    assert search.case_hits([case], viewer=moderator)[0].decision is None


def test_a_golden_cases_source_is_not_found_by_whom_it_was_shown_to(
    moderator: User, senior: User, integrator: User
) -> None:
    item = factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    factories.plan(golden_rate=1)
    factories.case(f"{factories.ABUSIVE} again", sent_by=integrator)
    golden = Case.including_golden.get(golden__item=item)
    source = Case.objects.get(content=golden.content)
    assert source.status == CaseStatus.DECIDED
    factories.claim(golden, moderator)
    assert source not in found("idiot", moderator)
    assert golden in found("idiot", moderator)
    held = search.contents(parse("idiot in:content"), viewer=moderator).rows
    assert golden.content_id not in {content.pk for content in held}


def test_the_number_of_statements_is_the_same_for_any_number_of_hits(
    moderator: User, integrator: User, django_assert_num_queries: Any
) -> None:
    def counted(many: int) -> Callable[[], None]:
        for n in range(many):
            factories.case(f"{factories.ABUSIVE} {n} of {many}", sent_by=integrator)

        def look() -> None:
            rows = search.cases(parse("idiot is:open score:>0"), viewer=moderator).rows
            assert rows
            for hit in search.case_hits(rows, viewer=moderator):
                assert hit.case.content.author
                assert hit.case.content.current_revision

        return look

    for many in (1, 4):
        look = counted(many)
        with django_assert_num_queries(6):
            look()
