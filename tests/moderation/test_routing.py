"""From a scored content to a case in a queue, with a priority that explains itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation.enums import ReportOutcome, ReportSource, WhyShown
from moderation.errors import ModerationError
from moderation.models import Bank, BankEntry, Case, Queue, Report, Review, User
from moderation.services import decisions, priority, routing
from moderation.services.intake import receive_report
from tests import factories


def _legal() -> dict[str, Any]:
    return {"fact": "report_sources", "is": "any_of", "value": [ReportSource.LEGAL_NOTICE]}


def _scored(text: str, integrator: User) -> Case | None:
    content = factories.content(text, sent_by=integrator)
    factories.score_all()
    return Case.objects.filter(content=content).select_related("queue").first()


def test_flagged_content_goes_where_its_policys_rule_says(integrator: User) -> None:
    case = _scored(factories.SPAM, integrator)
    assert case is not None
    assert (case.queue.slug, case.why_shown) == ("spam", WhyShown.FLAGGED)
    review = Review.objects.get(case=case)
    assert (review.queue, review.priority, review.state) == (case.queue, case.priority, "waiting")
    assert case.due_at == case.opened_at + timedelta(minutes=case.queue.sla_minutes)


def test_what_no_rule_matches_goes_to_the_default_queue(integrator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    assert (case.queue.slug, case.why_shown) == ("reports", WhyShown.REPORTED)
    assert case.rule_hits == []


def test_a_default_queue_that_is_switched_off_takes_nothing(integrator: User) -> None:
    Queue.objects.filter(is_default=True).update(is_active=False)
    case = factories.case(factories.BENIGN, sent_by=integrator)
    assert case.queue.is_active


def test_the_first_rule_that_matches_wins(integrator: User) -> None:
    last = Queue.objects.get(slug="abuse")
    factories.rule(_legal(), name="first", queue=last)
    legal = factories.case(factories.SPAM, sent_by=integrator, source=ReportSource.LEGAL_NOTICE)
    user = factories.case(factories.SPAM, sent_by=integrator)
    assert (legal.queue.slug, user.queue.slug) == ("abuse", "spam")
    assert legal.rule_hits[0]["name"] == "first"


def test_only_live_rules_to_open_queues_route(integrator: User) -> None:
    queue = Queue.objects.get(slug="abuse")
    closed = Queue.objects.create(slug="closed", name="Closed", is_active=False)
    for state in ("draft", "shadow", "retired"):
        factories.rule(name=state, queue=queue, state=state)
    factories.rule(name="to closed", queue=closed)
    assert factories.case(factories.SPAM, sent_by=integrator).queue.slug == "spam"


def test_a_rule_may_ask_for_a_score_a_number_of_people_and_a_boost(integrator: User) -> None:
    queue = Queue.objects.get(slug="urgent")
    sure_of_it = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.9}
    factories.rule(sure_of_it, name="sure", queue=queue, priority_boost=7)
    factories.rule({"fact": "reports", "is": "at_least", "value": 3}, name="crowd", queue=queue, priority_boost=3)
    sure = _scored(factories.SPAM, integrator)
    assert sure is not None
    assert sure.queue == queue
    assert {"name": "rule", "points": 7.0, "words": "rule “sure”"} in sure.priority_parts
    for reporter in ("a", "b", "b", "b"):
        receive_report(
            submitted=factories.report_input(factories.BENIGN, id="two", reporter_id=reporter), acting_user=integrator
        )
    for reporter in ("a", "b", "c"):
        receive_report(
            submitted=factories.report_input(factories.BENIGN, id="three", reporter_id=reporter), acting_user=integrator
        )
    factories.score_all()
    assert Case.objects.get(content__external_id="two").queue.slug == "reports"
    assert Case.objects.get(content__external_id="three").queue == queue


def test_a_named_policy_routes_what_the_model_finds_fine(integrator: User) -> None:
    assert factories.case(factories.BENIGN, sent_by=integrator, policy="violence").queue.slug == "urgent"


def test_a_known_bad_text_is_found_through_its_disguise(integrator: User, admin: User) -> None:
    entry = factories.bank_entry("text", "buy lentils at my shop", by=admin)
    case = _scored("Вuy  LENTILS—at my shóp!", integrator)
    assert case is not None
    assert (case.why_shown, case.queue.slug) == (WhyShown.RULE, "abuse")
    assert {"kind": "bank", "id": entry.pk, "name": "text bank", "policy": "hate"} in case.rule_hits
    assert "bank" in {part["name"] for part in case.priority_parts}
    assert _scored("buy lentils at my shop, please", integrator) is None


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("look: https://bad.example/soup", True),
        ("look: HTTP://WWW.BAD.EXAMPLE.", True),
        ("(www.deep.sub.bad.example)", True),
        ("https://user:pw@bad.example:8443/?q=1", True),
        ("https://notbad.example/soup", False),
        ("https://bad.example.org/soup", False),
        ("bad.example is a name in a sentence", False),
        ("https://[::1/soup", False),
    ],
)
def test_a_known_bad_domain_is_found_in_links(text: str, hit: bool, integrator: User, admin: User) -> None:
    factories.bank_entry("domain", "bad.example", by=admin)
    case = _scored(text, integrator)
    found = case is not None and any(row["kind"] == "bank" for row in case.rule_hits)
    assert found is hit


def test_an_expired_or_inactive_entry_matches_nothing(integrator: User, admin: User) -> None:
    entry = factories.bank_entry("domain", "bad.example", by=admin)
    BankEntry.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert _scored(f"{factories.BENIGN} ours is at https://bad.example/soup", integrator) is None
    BankEntry.objects.filter(pk=entry.pk).update(expires_at=None)
    Bank.objects.update(is_active=False)
    assert _scored(f"{factories.BENIGN} ours is at https://bad.example/soups", integrator) is None


def test_priority_is_the_sum_of_its_named_parts(integrator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator, source=ReportSource.TRUSTED_FLAGGER)
    at = case.opened_at + timedelta(minutes=case.queue.sla_minutes)
    parts = {part["name"]: part["points"] for part in case.priority_parts}
    assert set(parts) == {"severity", "reports", "source"}
    assert all(part["words"] for part in case.priority_parts)
    assert priority.current(case, at=case.opened_at) == pytest.approx(sum(parts.values()))
    assert priority.current(case, at=at) == pytest.approx(sum(parts.values()) + priority.AGEING_POINTS)


@given(
    points=st.lists(st.floats(0, 100), min_size=2, max_size=2),
    minutes=st.lists(st.integers(0, 60 * 24 * 400), min_size=2, max_size=2),
    later=st.integers(0, 60 * 24 * 30),
    sla=st.integers(1, 60 * 24 * 7),
)
def test_waiting_never_changes_the_order_of_a_queue(
    points: list[float], minutes: list[int], later: int, sla: int
) -> None:
    queue = Queue(sla_minutes=sla)
    start = routing.EPOCH + timedelta(days=900)
    at = start + timedelta(minutes=max(minutes) + later)
    cases = [
        Case(
            queue=queue,
            opened_at=start + timedelta(minutes=minute),
            priority_parts=[{"points": point}],
        )
        for point, minute in zip(points, minutes, strict=True)
    ]
    for case in cases:
        case.priority = priority.index_key(case.priority_parts, queue=queue, opened_at=case.opened_at)
    by_key = cases[0].priority - cases[1].priority
    now = priority.current(cases[0], at=at) - priority.current(cases[1], at=at)
    assert by_key == pytest.approx(now, rel=1e-6, abs=1e-4)


def test_new_reports_raise_the_priority_and_leave_version_and_queue(integrator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, id="m")
    receive_report(
        submitted=factories.report_input(factories.BENIGN, id="m", reporter_id="r2", policy="violence"),
        acting_user=integrator,
    )
    factories.score_all()
    after = Case.objects.get(pk=case.pk)
    assert after.priority > case.priority
    assert (after.version, after.queue) == (case.version, case.queue)
    assert Review.objects.get(case=case).priority == after.priority
    assert after.reports.count() == 2


def test_a_reporters_record_weighs(integrator: User, moderator: User) -> None:
    for verdict, reporter in (("violates", "good"), ("ok", "bad")):
        for _ in range(3):
            case = factories.case(sent_by=integrator, reporter_id=reporter)
            factories.decide(factories.claim(case, moderator), moderator, verdict)
    weights = {}
    for reporter in ("good", "bad", "new"):
        report = receive_report(
            submitted=factories.report_input(factories.BENIGN, reporter_id=reporter), acting_user=integrator
        )
        assert report.reporter is not None
        weights[reporter] = priority.reliability_of([report.reporter])[report.reporter.pk]
    assert weights == {"good": 5 / 7, "bad": 2 / 7, "new": 1 / 2}
    factories.score_all()
    points = [
        next(part["points"] for part in case.priority_parts if part["name"] == "reports")
        for case in Case.objects.filter(status="open").order_by("reports__reporter__external_id")
    ]
    bad, good, new = points
    assert bad < new < good


def test_an_authors_strikes_weigh_until_they_are_lifted(integrator: User, moderator: User, senior: User) -> None:
    first = factories.case(sent_by=integrator, author="repeat")
    decision = factories.decide(factories.claim(first, moderator), moderator)
    second = factories.case(factories.BENIGN, sent_by=integrator, author="repeat")
    assert {"author"} <= {part["name"] for part in second.priority_parts}
    decisions.override(decision_id=decision.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    third = factories.case(factories.BENIGN, sent_by=integrator, author="repeat")
    assert "author" not in {part["name"] for part in third.priority_parts}


def test_a_settled_wording_opens_no_case_whatever_marks_it_pending(
    integrator: User, moderator: User, admin: User
) -> None:
    case = _scored(factories.SPAM, integrator)
    assert case is not None
    factories.decide(factories.claim(case, moderator), moderator, "ok")
    type(case.content).objects.update(scoring_state="pending")
    factories.bank_entry("text", factories.SPAM, by=admin)
    factories.rule(queue=case.queue, opens_cases=True)
    factories.score_all()
    assert Case.objects.count() == 1


def test_settled_reports_do_not_count_again(integrator: User, moderator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, id="m")
    factories.decide(factories.claim(case, moderator), moderator, "ok")
    receive_report(
        submitted=factories.report_input(factories.BENIGN, id="m", source=ReportSource.LEGAL_NOTICE),
        acting_user=integrator,
    )
    factories.score_all()
    again = Case.objects.get(status="open")
    assert Report.objects.filter(outcome=ReportOutcome.NOT_UPHELD).count() == 1
    (words,) = [part["words"] for part in again.priority_parts if part["name"] == "reports"]
    assert words.startswith("1 report,")


def test_without_any_queue_it_says_what_to_do(integrator: User) -> None:
    Queue.objects.update(is_active=False)
    report = receive_report(submitted=factories.report_input(), acting_user=integrator)
    with pytest.raises(ModerationError, match="administrator"):
        routing.route(report.content, {})


def test_a_queue_with_a_new_sla_is_sorted_and_dated_anew(integrator: User, moderator: User) -> None:
    old = factories.case(factories.BENIGN, sent_by=integrator, source=ReportSource.LEGAL_NOTICE)
    Queue.objects.filter(pk=old.queue_id).update(sla_minutes=60)
    queue = Queue.objects.get(pk=old.queue_id)
    assert priority.reorder(queue) == 1
    new = factories.case(f"{factories.BENIGN} again", sent_by=integrator)
    old.refresh_from_db()
    assert old.due_at == old.opened_at + timedelta(minutes=60)
    assert old.priority > new.priority
    assert old.priority - new.priority < 100, "both keys count from one rate"
    assert Review.objects.get(case=old).priority == old.priority
