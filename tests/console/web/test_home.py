"""The start page and its polled part."""

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.test import Client
from django.urls import reverse

from moderation.models import Case, Queue, User
from moderation.selectors.queues import day_of, queue_summaries
from moderation.services import census, claims, decisions, saved_views
from tests import factories


def test_it_counts_what_waits_what_is_leased_and_what_is_late(
    moderator: User, colleague: User, integrator: User
) -> None:
    cases = [factories.case(f"{factories.ABUSIVE} {n} times", sent_by=integrator) for n in range(3)]
    queue = cases[0].queue
    factories.claim(cases[0], colleague)
    Case.objects.filter(pk=cases[1].pk).update(due_at=F("opened_at") - timedelta(hours=1))
    census.keep_fresh()
    line = next(s for s in queue_summaries(moderator, seniors=False) if s.queue == queue)
    assert (line.waiting, line.leased, line.overdue) == (2, 1, 1)
    assert line.oldest == min(case.opened_at for case in cases)


def test_what_one_has_skipped_waits_but_not_for_them(moderator: User, integrator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    claims.skip(
        case_id=claim.review.case_id, token=claim.review.lease_token or 0, reason="language", acting_user=moderator
    )
    census.keep_fresh()
    line = next(s for s in queue_summaries(moderator, seniors=False) if s.queue == claim.review.queue)
    assert (line.waiting, line.for_me) == (1, 0)


def test_it_offers_to_resume_what_one_holds(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    page = browser_of_moderator.get(reverse("home")).content.decode()
    assert reverse("review_case", args=[claim.review.case_id]) in page


def test_the_tally_leaves_undone_decisions_out(moderator: User, integrator: User) -> None:
    for n in range(2):
        decision = factories.decide(
            factories.claim(factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator), moderator), moderator
        )
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    tally = day_of(moderator)
    assert (tally.decided, tally.violating, tally.undone) == (1, 1, 1)


def test_senior_queues_cannot_be_started_by_moderators(browser_of_moderator: Client) -> None:
    senior = Queue.objects.get(seniors_only=True)
    page = browser_of_moderator.get(reverse("home")).content.decode()
    assert f'formaction="{reverse("queue", args=[senior.slug])}"' not in page


def test_unchanged_counts_are_a_304(browser_of_moderator: Client, integrator: User) -> None:
    first = browser_of_moderator.get(reverse("counts"))
    again = browser_of_moderator.get(reverse("counts"), headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    factories.case(sent_by=integrator)
    changed = browser_of_moderator.get(reverse("counts"), headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200


def test_an_installation_without_queues_says_so(browser_of_moderator: Client) -> None:
    Queue.objects.update(is_active=False)
    assert b"No queues yet" in browser_of_moderator.get(reverse("home")).content


def test_it_shows_how_soon_cases_should_be_seen_and_ones_own_views(
    browser_of_moderator: Client, moderator: User
) -> None:
    Queue.objects.filter(is_default=True).update(sla_minutes=240)
    saved_views.save(name="Mine now", query="is:mine", acting_user=moderator)
    page = browser_of_moderator.get(reverse("home")).content.decode()
    assert "to be seen within 4 h" in page
    assert "?q=is%3Amine" in page


def test_the_page_costs_the_same_for_any_number_of_cases(
    browser_of_moderator: Client, integrator: User, django_assert_max_num_queries: Any
) -> None:
    for many in (1, 5):
        for n in range(many):
            factories.case(f"{factories.ABUSIVE} {n} of {many}", sent_by=integrator)
        census.keep_fresh(share=0.0)
        with django_assert_max_num_queries(16):
            browser_of_moderator.get(reverse("home"))


def test_the_queue_leads_to_its_whole_list(browser_of_moderator: Client, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    page = browser_of_moderator.get(reverse("queue", args=[case.queue.slug])).content.decode()
    address = f"{reverse('search')}?q=queue%3A{case.queue.slug}+is%3Aopen+sort%3Apriority"
    assert address in page
    assert reverse("case", args=[case.pk]) in browser_of_moderator.get(address).content.decode()
