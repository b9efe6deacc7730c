"""Batches, campaigns and disagreements: by cursor, at one price for any number of rows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.web.views import batches as pages
from moderation.enums import BatchMode
from moderation.models import User
from moderation.services import batches, decisions
from tests import factories

WAVE = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight, number "


@pytest.fixture
def browser(senior: User, sign_in: Callable[[User], Client]) -> Client:
    """The senior's browser."""
    return sign_in(senior)


def _batch(senior: User, integrator: User, words: str) -> None:
    case = factories.case(words, sent_by=integrator)
    scope = batches.Scope(mode=BatchMode.PICKED, picked=frozenset({case.pk}))
    batches.begin(scope=scope, opinion=decisions.Opinion("ok", (), ()), acting_user=senior)


def test_batches_come_page_by_page_at_one_price(
    browser: Client, senior: User, integrator: User, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    for n in range(3):
        _batch(senior, integrator, f"{factories.SPAM} {n}")
        with django_assert_max_num_queries(10):
            first = browser.get(reverse("batches"))
    second = browser.get(reverse("batches"), {"after": first.context["next"]})
    assert [len(page.context["batches"]) for page in (first, second)] == [2, 1]
    assert browser.get(reverse("batches"), {"after": "x"}).status_code == 400


def test_campaigns_cost_the_same_for_any_number(
    browser: Client, integrator: User, django_assert_max_num_queries: Any
) -> None:
    for wave in (WAVE, "the harbour staff asks all sellers to verify their shop role and card before midnight today, "):
        for n in range(3):
            factories.case(f"{wave}{n}", sent_by=integrator, author=f"a{n}")
        with django_assert_max_num_queries(12):
            assert browser.get(reverse("campaigns")).status_code == 200


def test_disagreements_cost_the_same_for_any_number(
    browser: Client, moderator: User, colleague: User, integrator: User, django_assert_max_num_queries: Any
) -> None:
    factories.plan(double_rate=1)
    for n in range(3):
        case = factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator)
        factories.judge(factories.claim(case, moderator), moderator)
        factories.judge(factories.claim(case, colleague), colleague, "ok")
        with django_assert_max_num_queries(12):
            page = browser.get(reverse("adjudications"))
        assert [len(row.judgements) for row in page.context["rows"]] == [2] * (n + 1)
