"""The page of a platform account."""

from django.test import Client
from django.urls import reverse

from moderation.models import Account, User
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
