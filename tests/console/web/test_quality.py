"""The pages of quality: approvals, disagreements, figures, and the review page of what is blind or escalated."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from moderation.models import Case, Decision, Escalation, GoldenItem, Hold, ProtectedAccount, QualityPlan, User
from moderation.services import measuring
from tests import factories


@pytest.fixture
def browser_of_senior(sign_in: Callable[[User], Client], senior: User) -> Client:
    """The senior's browser."""
    return sign_in(senior)


def _held(integrator: User, moderator: User) -> Hold:
    case = factories.case(f"{factories.BENIGN} <b>&", sent_by=integrator)
    ProtectedAccount.objects.get_or_create(account=case.content.author)
    factories.judge(factories.claim(case, moderator), moderator, rationale="<script>x</script>")
    return Hold.objects.get(case=case)


def test_held_decisions_are_approved_and_sent_back(
    browser_of_senior: Client, browser_of_moderator: Client, integrator: User, moderator: User
) -> None:
    assert "Nothing waits for approval" in browser_of_senior.get(reverse("holds")).content.decode()
    hold = _held(integrator, moderator)
    page = browser_of_senior.get(reverse("holds")).content.decode()
    assert "&lt;b&gt;&amp;" in page
    assert "<script>x" not in page
    assert browser_of_moderator.get(reverse("holds")).status_code == 403
    assert (
        "waits for a second person" in browser_of_moderator.get(reverse("case", args=[hold.case_id])).content.decode()
    )
    answer = browser_of_senior.post(reverse("approve_hold", args=[hold.pk]), follow=True)
    assert f"case {hold.case_id} binds" in answer.content.decode()
    again = browser_of_senior.post(reverse("reject_hold", args=[hold.pk]), {"note": "no"}, follow=True)
    assert "has settled this" in again.content.decode()
    other = _held(integrator, moderator)
    nothing = browser_of_senior.post(reverse("reject_hold", args=[other.pk]), {"note": " "}, follow=True)
    assert "Say in a few words" in nothing.content.decode()
    back = browser_of_senior.post(reverse("reject_hold", args=[other.pk]), {"note": "Look again."}, follow=True)
    assert f"case {other.case_id} waits for someone else" in back.content.decode()
    assert Decision.objects.count() == 1


def test_the_ten_thousandth_hold_is_on_a_page_of_its_own(
    browser_of_senior: Client, integrator: User, moderator: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(21):
        _held(integrator, moderator)
    with django_assert_max_num_queries(20):
        page = browser_of_senior.get(reverse("holds")).content.decode()
    assert page.count("Send back") == 20
    assert "Page 1 of 2" in page


def test_disagreements_show_both_sides(
    browser_of_senior: Client, integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    assert "Nobody disagrees" in browser_of_senior.get(reverse("adjudications")).content.decode()
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, moderator), moderator, rationale="a slur")
    factories.judge(factories.claim(case, colleague), colleague, "ok", rationale="banter")
    page = browser_of_senior.get(reverse("adjudications")).content.decode()
    assert "a slur" in page
    assert "banter" in page
    taken = browser_of_senior.post(reverse("claim_case", args=[case.pk]), follow=True)
    assert "They disagree" in taken.content.decode()


def test_a_senior_who_gave_a_judgement_sees_only_their_own(
    browser_of_senior: Client, integrator: User, moderator: User, senior: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, moderator), moderator, rationale="a slur")
    factories.judge(factories.claim(case, senior), senior, "ok", rationale="banter")
    page = browser_of_senior.get(reverse("adjudications")).content.decode()
    assert "You gave one of the judgements" in page
    assert "a slur" not in page


def test_the_note_of_an_escalation_reaches_the_senior(
    browser_of_moderator: Client, browser_of_senior: Client, integrator: User, moderator: User
) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    claim = factories.claim(case, moderator)
    body = {"lease_token": claim.review.lease_token or 0, "rationale": "Is it a <threat>?"}
    answer = browser_of_moderator.post(reverse("escalate", args=[case.pk]), body, follow=True)
    assert reverse("take_back", args=[case.pk]) in answer.content.decode()
    assert Escalation.objects.get().note == "Is it a <threat>?"
    page = browser_of_senior.post(reverse("claim_case", args=[case.pk]), follow=True).content.decode()
    assert "Escalated by moderator" in page
    assert "Is it a &lt;threat&gt;?" in page
    refused = browser_of_moderator.post(reverse("take_back", args=[case.pk]), follow=True)
    assert "someone has gone on with it" in refused.content.decode()


def test_undo_after_an_escalation_undoes_the_escalation(
    browser_of_moderator: Client, integrator: User, moderator: User
) -> None:
    decision = factories.decide(
        factories.claim(factories.case(factories.BENIGN, sent_by=integrator), moderator), moderator, "ok"
    )
    case = factories.case(factories.BENIGN, sent_by=integrator)
    claim = factories.claim(case, moderator)
    browser_of_moderator.post(reverse("escalate", args=[case.pk]), {"lease_token": claim.review.lease_token or 0})
    page = browser_of_moderator.get(reverse("queue", args=[case.queue.slug])).content.decode()
    assert reverse("undo", args=[decision.pk]) not in page
    answer = browser_of_moderator.post(reverse("take_back", args=[case.pk]), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("review_case", args=[case.pk])


def test_quality_for_leads_and_for_oneself(
    browser_of_moderator: Client, browser_of_senior: Client, integrator: User, moderator: User, colleague: User
) -> None:
    assert "Nothing measured yet" in browser_of_moderator.get(reverse("quality")).content.decode()
    factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    for _ in range(3):
        case = factories.case(factories.BENIGN, sent_by=integrator)
        factories.judge(factories.claim(case, moderator), moderator)
        factories.judge(factories.claim(case, colleague), colleague, "ok")
    measuring.measure()
    page = browser_of_senior.get(reverse("quality")).content.decode()
    for words in ("moderator", "colleague", "Harassment", f">{case.pk}</a>", "Measure now", "What is checked"):
        assert words in page
    own = browser_of_moderator.get(reverse("quality")).content.decode()
    assert "colleague" not in own
    assert "Measure now" not in own
    assert browser_of_moderator.post(reverse("measure_quality")).status_code == 403
    assert "A worker measures now" in browser_of_senior.post(reverse("measure_quality"), follow=True).content.decode()


def test_insights_before_and_after_the_first_audit(
    browser_of_senior: Client, browser_of_moderator: Client, integrator: User, moderator: User, settings: Any
) -> None:
    assert "No audit has been judged yet" in browser_of_senior.get(reverse("insights")).content.decode()
    settings.AUDIT_STRATA = ((0.0, 1.0),)
    for n in range(3):
        content = factories.content(f"{factories.BENIGN} {n}", sent_by=integrator)
        factories.score_all()
        factories.judge(factories.claim(Case.objects.get(content=content), moderator), moderator, policies=["spam"])
    measuring.measure()
    page = browser_of_senior.get(reverse("insights")).content.decode()
    assert "Spam and scams" in page
    assert "100 %" in page
    assert browser_of_moderator.get(reverse("insights")).status_code == 403


def test_administrators_manage_golden_items_plans_and_protection(
    sign_in: Callable[[User], Client], admin: User, integrator: User
) -> None:
    browser = sign_in(admin)
    case = factories.case(sent_by=integrator)
    add = reverse("admin:moderation_goldenitem_add")
    assert "There is no content with this id" in browser.post(add, {"content": "nothing"}).content.decode()
    made = browser.post(
        add, {"content": case.content.external_id, "violated": ["hate"], "is_active": "on"}, follow=True
    )
    assert made.status_code == 200
    item = GoldenItem.objects.get()
    assert [slug for slug, violates in item.truth.items() if violates] == ["hate"]
    twice = browser.post(add, {"content": case.content.external_id, "is_active": "on"})
    assert "golden item already" in twice.content.decode()
    change = reverse("admin:moderation_goldenitem_change", args=[item.pk])
    browser.post(change, {"violated": []})
    item.refresh_from_db()
    assert (item.is_active, any(item.truth.values())) == (False, False)
    plan = {"queue": case.queue_id, "golden_rate": "1.5", "double_rate": "0.1", "blind_rate": "0"}
    assert browser.post(reverse("admin:moderation_qualityplan_add"), plan).status_code == 200
    assert not QualityPlan.objects.exists()
    browser.post(reverse("admin:moderation_qualityplan_add"), {**plan, "golden_rate": "0.05"})
    assert QualityPlan.objects.get().golden_rate == 0.05
    protect = reverse("admin:moderation_protectedaccount_add")
    assert "There is no account" in browser.post(protect, {"account": "nobody"}).content.decode()
    browser.post(protect, {"account": "author-1", "reason": "a journalist"})
    assert ProtectedAccount.objects.get().account == case.content.author
