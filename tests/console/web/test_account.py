"""The page of a platform account."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from moderation.models import Account, User
from moderation.selectors import related
from moderation.services import decisions
from tests import factories


def test_it_shows_strikes_contents_and_the_record_as_a_reporter(
    browser_of_moderator: Client, moderator: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    factories.decide(factories.claim(case, moderator), moderator)
    author = browser_of_moderator.get(reverse("account", args=[Account.objects.get(external_id="author-1").pk]))
    assert author.context["profile"].record.violating == 1
    assert len(author.context["profile"].record.strikes) == 1
    assert reverse("case", args=[case.pk]) in author.content.decode()
    reporter = browser_of_moderator.get(reverse("account", args=[Account.objects.get(external_id="reporter-1").pk]))
    profile = reporter.context["profile"]
    assert (profile.reports_made, profile.reports_settled, profile.reports_upheld) == (1, 1, 1)


def test_an_undone_strike_does_not_count(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    decision = factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    page = browser_of_moderator.get(reverse("account", args=[Account.objects.get(external_id="author-1").pk]))
    assert page.context["profile"].record.strikes == []


def test_names_are_never_markup(browser_of_moderator: Client, integrator: User) -> None:
    factories.case(sent_by=integrator, author="<img src=x onerror=alert(1)>")
    page = browser_of_moderator.get(
        reverse("account", args=[Account.objects.get(external_id__startswith="<img").pk])
    ).content.decode()
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_an_unknown_account_is_a_404(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.get(reverse("account", args=[999])).status_code == 404


def test_others_with_the_same_text_or_links_are_related(browser_of_moderator: Client, integrator: User) -> None:
    wave = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "
    for author in ("one", "two"):
        factories.case(f"{wave}{author}", sent_by=integrator, author=author)
    factories.case("look at https://win.scam.example/now it is great", sent_by=integrator, author="one")
    factories.case("I never saw such a thing: http://win.scam.example/x", sent_by=integrator, author="three")
    factories.case(factories.ABUSIVE, sent_by=integrator, author="four")
    page = browser_of_moderator.get(reverse("account", args=[Account.objects.get(external_id="one").pk]))
    found = {one.account.external_id: one for one in page.context["profile"].related}
    assert set(found) == {"two", "three"}
    assert (len(found["two"].texts), found["two"].apart, found["two"].domains) == (1, timedelta(), [])
    assert found["three"].domains == ["scam.example", "win.scam.example"]


def test_a_link_that_everybody_has_relates_nobody(
    browser_of_moderator: Client, integrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(related, "COMMON", 1)
    texts = {"one": "have you read", "two": "the best report on gardening is", "three": "my grandmother was in"}
    for author, words in texts.items():
        factories.case(f"{words} https://news.example/{author}", sent_by=integrator, author=author)
    page = browser_of_moderator.get(reverse("account", args=[Account.objects.get(external_id="one").pk]))
    assert page.context["profile"].related == []


def test_contents_come_page_by_page(browser_of_moderator: Client, integrator: User) -> None:
    for n in range(21):
        factories.content(f"{factories.BENIGN} number {n}", sent_by=integrator)
    address = reverse("account", args=[Account.objects.get(external_id="author-1").pk])
    first = browser_of_moderator.get(address)
    second = browser_of_moderator.get(address, {"after": first.context["profile"].contents.after})
    shown = [row["content"].pk for page in (first, second) for row in page.context["rows"]]
    assert len(shown) == len(set(shown)) == 21
    assert second.context["profile"].contents.after == ""
    assert browser_of_moderator.get(address, {"after": "nowhere"}).status_code == 400


def test_the_page_costs_the_same_whatever_the_account_did(
    browser_of_moderator: Client, integrator: User, django_assert_max_num_queries: Any
) -> None:
    for many in (1, 6):
        for n in range(many):
            factories.case(f"{factories.SPAM} https://x{n}.example {many}", sent_by=integrator)
        address = reverse("account", args=[Account.objects.get(external_id="author-1").pk])
        with django_assert_max_num_queries(20):
            browser_of_moderator.get(address)


def test_a_blind_case_shows_neither_policy_nor_outcome_and_masks_its_text(
    browser_of_moderator: Client, integrator: User
) -> None:
    factories.plan(blind_rate=1)
    case = factories.case(factories.SPAM, sent_by=integrator)
    page = browser_of_moderator.get(reverse("account", args=[case.content.author_id]))
    hit = page.context["rows"][0]["hit"]
    assert (hit.policy, hit.decision, hit.masked) == ("", None, True)
