"""Exposure is counted from what was shown, is one's own, tells nothing of blind cases; breaks are suggested."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from moderation.enums import Severity
from moderation.models import Case, Policy, User
from moderation.selectors.exposure import exposure_of, grave_today
from tests import factories

SUGGESTED = "A short break would do you good"


@pytest.fixture
def grave_case(integrator: User) -> Case:
    """Flagged under harassment, which is severe here."""
    Policy.objects.filter(slug="harassment").update(severity=Severity.SEVERE)
    return factories.case(sent_by=integrator)


def _counts(user: User) -> dict[Severity | None, int]:
    return {severity: count for severity, count in exposure_of(user) if count}


def test_a_case_counts_once_by_its_gravest_policy_and_for_who_saw_it(
    grave_case: Case, moderator: User, colleague: User
) -> None:
    assert _counts(moderator) == {}
    factories.claim(grave_case, moderator)
    Case.objects.filter(pk=grave_case.pk).update(version=2)
    factories.claim(Case.objects.get(pk=grave_case.pk), moderator)  # shown again: more evidence, the same case
    expected = max(
        Policy.objects.get(slug=row["policy"]).severity
        for row in grave_case.evidence.latest("pk").policies
        if row["flagged"] or row["reported"]
    )
    assert _counts(moderator) == {Severity(expected): 1}
    assert grave_today(moderator) == 1
    assert (_counts(colleague), grave_today(colleague)) == ({}, 0)


def test_what_was_shown_yesterday_is_not_of_today(
    grave_case: Case, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = factories.claim(grave_case, moderator).evidence
    tomorrow = evidence.created_at + timedelta(days=1)
    monkeypatch.setattr("moderation.selectors.exposure.timezone.now", lambda: tomorrow)
    assert (_counts(moderator), grave_today(moderator)) == ({}, 0)


def test_a_blind_case_counts_only_once_judged(moderator: User, integrator: User) -> None:
    factories.plan(blind_rate=1)
    Policy.objects.filter(slug="harassment").update(severity=Severity.SEVERE)
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    assert claim.review.blind
    assert (_counts(moderator), grave_today(moderator)) == ({}, 0)
    factories.judge(claim, moderator)
    assert sum(_counts(moderator).values()) == 1


def test_the_page_shows_ones_own_figures_and_home_leads_to_it(
    browser_of_moderator: Client, grave_case: Case, moderator: User, colleague: User
) -> None:
    factories.claim(grave_case, colleague)
    assert browser_of_moderator.get(reverse("wellbeing")).context["total"] == 0
    assert reverse("wellbeing") in browser_of_moderator.get(reverse("home")).content.decode()


def test_a_break_is_suggested_once_each_so_many(
    browser_of_moderator: Client, integrator: User, grave_case: Case, settings: Settings
) -> None:
    settings.BREAK_EVERY_GRAVE = 1
    address = reverse("queue", args=[grave_case.queue.slug])
    assert SUGGESTED in browser_of_moderator.post(address, follow=True).content.decode()
    assert SUGGESTED not in browser_of_moderator.post(address, follow=True).content.decode()  # the same lease again


def test_no_break_is_suggested_where_none_is_wished(
    browser_of_moderator: Client, grave_case: Case, settings: Settings
) -> None:
    settings.BREAK_EVERY_GRAVE = 0
    address = reverse("queue", args=[grave_case.queue.slug])
    assert SUGGESTED not in browser_of_moderator.post(address, follow=True).content.decode()
