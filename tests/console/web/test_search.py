"""The page of search, and the views one keeps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.web.snippets import LENGTH, snippet
from moderation.models import Batch, Policy, SavedView, User
from moderation.queries import parse
from moderation.services import saved_views
from tests import factories


def looked(browser: Client, typed: str, **more: str) -> Any:
    return browser.get(reverse("search"), {"q": typed, **more})


def test_it_finds_and_marks_the_words(browser_of_moderator: Client, integrator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator)
    page = looked(browser_of_moderator, "prize is:open").content.decode()
    assert reverse("case", args=[case.pk]) in page
    assert "<mark>prize</mark>" in page
    assert "Spam and scams" in page


def test_nothing_of_a_text_is_markup(browser_of_moderator: Client, integrator: User) -> None:
    factories.case('<img src=x onerror="alert(1)"> idiot <b>loser</b>', sent_by=integrator)
    for typed in ("idiot", '"b loser"', "img"):
        page = looked(browser_of_moderator, typed).content.decode()
        assert "<img" not in page
        assert "<b>" not in page
    assert "<script>" not in looked(browser_of_moderator, '"<script>"').content.decode()


def test_what_cannot_be_read_is_a_400_that_marks_the_place(browser_of_moderator: Client) -> None:
    answer = looked(browser_of_moderator, "free scroe:>1")
    assert answer.status_code == 400
    assert "free <mark>scroe:</mark>&gt;1" in answer.content.decode()
    assert "did you mean “score”" in answer.content.decode()


def test_a_cursor_of_no_list_leads_back_to_the_first_page(browser_of_moderator: Client) -> None:
    answer = looked(browser_of_moderator, "is:open", after="zzz")
    assert answer.status_code == 400
    assert 'href="?q=is%3Aopen"' in answer.content.decode()


def test_an_empty_search_explains_itself_and_finds_nothing(browser_of_moderator: Client, integrator: User) -> None:
    factories.case(sent_by=integrator)
    page = looked(browser_of_moderator, "  ")
    assert "results" not in page.context
    assert "score:&gt;0.8" in page.content.decode()
    assert "Nothing found" in looked(browser_of_moderator, "nothingofthiskind").content.decode()


def test_texts_of_graphic_policies_are_shown_when_asked_for_only(
    browser_of_moderator: Client, integrator: User
) -> None:
    Policy.objects.filter(slug="spam").update(graphic=True)
    factories.case(factories.SPAM, sent_by=integrator)
    for typed in ("prize", "prize in:content"):
        assert "it may be graphic" in looked(browser_of_moderator, typed).content.decode()


def test_the_scopes_keep_what_applies_there(browser_of_moderator: Client) -> None:
    page = looked(browser_of_moderator, "is:open lang:en prize").content.decode()
    assert "?q=lang%3Aen+prize+in%3Acontent" in page
    assert "?q=prize+in%3Aaccounts" in page


@pytest.mark.parametrize("typed", ["idiot", "idiot in:content", "author in:accounts"])
def test_the_page_costs_the_same_for_any_number_of_hits(
    typed: str, browser_of_moderator: Client, integrator: User, django_assert_max_num_queries: Any
) -> None:
    for many in (1, 5):
        for n in range(many):
            factories.case(f"{factories.ABUSIVE} {n} of {many}", sent_by=integrator, author=f"author-{n}")
        with django_assert_max_num_queries(10):
            assert len(looked(browser_of_moderator, typed).context["results"]) >= many


def test_views_are_kept_replaced_and_forgotten(browser_of_moderator: Client, moderator: User) -> None:
    keep = reverse("save_view")
    browser_of_moderator.post(keep, {"q": "is:open", "name": "  Mine   now "})
    browser_of_moderator.post(keep, {"q": "is:held", "name": "Mine now"})
    view = SavedView.objects.get()
    assert (view.owner, view.name, view.query) == (moderator, "Mine now", "is:held")
    page = looked(browser_of_moderator, "is:held").content.decode()
    assert "Mine now" in page
    gone = browser_of_moderator.post(reverse("delete_view", args=[view.pk]))
    assert gone["Location"] == f"{reverse('search')}?q=is%3Aheld"
    assert not SavedView.objects.exists()
    again = browser_of_moderator.post(reverse("delete_view", args=[view.pk]), follow=True)
    assert "There is no such view" in again.content.decode()


@pytest.mark.parametrize(("name", "typed"), [("", "is:open"), ("x" * 61, "is:open"), ("bad", "is:nothing")])
def test_a_view_that_cannot_be_kept_is_said(name: str, typed: str, browser_of_moderator: Client) -> None:
    answer = browser_of_moderator.post(reverse("save_view"), {"q": typed, "name": name})
    assert answer.status_code == 302
    assert not SavedView.objects.exists()
    assert "toast-error" in browser_of_moderator.get(reverse("help")).content.decode()


def test_views_are_ones_own(browser_of_moderator: Client, colleague: User, sign_in: Callable[[User], Client]) -> None:
    view = saved_views.save(name="theirs", query="is:open", acting_user=colleague)
    assert "theirs" not in looked(browser_of_moderator, "is:open").content.decode()
    browser_of_moderator.post(reverse("delete_view", args=[view.pk]))
    assert SavedView.objects.filter(pk=view.pk).exists()


def test_picked_cases_are_decided_as_one(
    senior: User, moderator: User, integrator: User, sign_in: Callable[[User], Client]
) -> None:
    cases = [factories.case(f"{factories.SPAM} {n}", sent_by=integrator) for n in range(3)]
    factories.claim(cases[2], moderator)
    browser = sign_in(senior)
    page = browser.get(reverse("picked"), {"case": [case.pk for case in cases]})
    assert page.context["count"] == 2
    assert "One of them is left out" in page.content.decode()
    answer = browser.post(
        reverse("decide_batch"),
        {"mode": "picked", "picked": [cases[0].pk, cases[1].pk], "exceptions": [cases[1].pk], "verdict": "ok"},
    )
    batch = Batch.objects.get()
    assert answer["Location"] == reverse("batch", args=[batch.pk])
    assert [(row.case_id, row.state) for row in batch.cases.all()] == [(cases[0].pk, "decided")]
    assert "Cases picked one by one" in browser.get(answer["Location"]).content.decode()
    browser.post(reverse("undo_batch", args=[batch.pk]))
    cases[0].refresh_from_db()
    assert cases[0].status == "open"


@pytest.mark.parametrize("sent", [{}, {"case": ["x"]}, {"case": [str(n) for n in range(1, 202)]}])
def test_too_few_and_too_many_picked_cases_are_refused(
    sent: dict[str, list[str]], senior: User, sign_in: Callable[[User], Client]
) -> None:
    assert sign_in(senior).get(reverse("picked"), sent).status_code == 400


def test_a_form_without_picked_cases_decides_nothing(senior: User, sign_in: Callable[[User], Client]) -> None:
    sign_in(senior).post(reverse("decide_batch"), {"mode": "picked", "verdict": "ok"})
    assert not Batch.objects.exists()


def test_who_may_not_batch_is_not_offered_to_pick(browser_of_moderator: Client, integrator: User) -> None:
    factories.case(factories.SPAM, sent_by=integrator)
    assert "data-pick" not in looked(browser_of_moderator, "prize").content.decode()


def test_a_snippet_is_the_part_with_the_hit() -> None:
    text = "a" * 500 + " needle " + "b" * 500
    pieces = snippet(text, parse("needle").terms)
    assert [piece.text for piece in pieces if piece.hit] == ["needle"]
    assert "".join(piece.text for piece in pieces).strip("…") in text
    assert len("".join(piece.text for piece in pieces)) == LENGTH + 2
    assert [piece.text for piece in snippet("plain", parse("-other").terms)] == ["plain"]
    assert "".join(piece.text for piece in snippet("a.b a+b", parse("a+b").terms)) == "a.b a+b"
