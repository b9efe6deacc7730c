"""Why a case is first: the parts, their words, and what makes them new."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.enums import Severity
from moderation.models import Account, Case, Policy, PriorityMark, Review, User
from moderation.services import decisions, intake, priority, scoring
from moderation.services.priority import Reliability
from tests import factories


def _parts(case: Case) -> dict[str, float]:
    case.refresh_from_db()
    return {part["name"]: part["points"] for part in case.priority_parts}


def _follow() -> None:
    while priority.follow_marks():
        pass
    factories.score_all()


@given(st.integers(0, 500), st.integers(0, 500))
def test_reliability_is_between_its_prior_and_what_was_seen(upheld: int, refuted: int) -> None:
    record = Reliability(upheld, upheld + refuted)
    assert 0 < record.weight < 1
    if upheld + refuted:
        seen = upheld / (upheld + refuted)
        assert min(seen, 0.5) <= record.weight <= max(seen, 0.5)
    assert Reliability(upheld + 1, upheld + refuted + 1).weight > record.weight


def test_a_short_record_weighs_less_than_a_long_one_of_the_same_share() -> None:
    assert Reliability(0, 0).weight == 0.5
    assert Reliability(2, 2).weight < Reliability(40, 40).weight
    assert Reliability(0, 2).weight > Reliability(0, 40).weight


def test_the_record_is_shown_with_its_count(integrator: User, moderator: User) -> None:
    for number, verdict in enumerate(("violates", "violates", "ok")):
        case = factories.case(f"{factories.ABUSIVE} {number}", sent_by=integrator, reporter_id="known")
        factories.decide(factories.claim(case, moderator), moderator, verdict)
    case = factories.case(factories.BENIGN, sent_by=integrator, reporter_id="known")
    words = next(part["words"] for part in case.priority_parts if part["name"] == "reports")
    assert words == "1 report, weighing 0.6 by their reporters’ record (2 of their 3 earlier ones upheld)"


@pytest.mark.parametrize(
    ("attributes", "followers", "reach"),
    [
        ({"reach": 25_000}, 10, 25_000),
        ({}, 25_000, 25_000),
        ({"reach": True}, 0, 0),
        ({"reach": "many"}, "many", 0),
        ({"reach": -5}, 0, 0),
    ],
)
def test_reach_is_what_the_platform_tells(
    integrator: User, attributes: dict[str, object], followers: object, reach: int
) -> None:
    content = intake.receive_content(
        submitted=factories.content_input(factories.SPAM, attributes=attributes),
        author=intake.AccountInput(id="a", attributes={"followers": followers}),
        acting_user=integrator,
    )
    assert priority.reach_of(content) == reach
    factories.score_all()
    case = Case.objects.get(content=content)
    words = [part["words"] for part in case.priority_parts if part["name"] == "reach"]
    assert words == (["reaches about 25,000 people"] if reach else [])


def test_reach_that_grows_makes_a_case_more_urgent(integrator: User) -> None:
    for reach in (200, 2_000_000):
        intake.receive_content(
            submitted=factories.content_input(factories.SPAM, id="m", attributes={"reach": reach}),
            author=intake.AccountInput(id="a"),
            acting_user=integrator,
        )
        factories.score_all()
    case = Case.objects.get()
    assert _parts(case)["reach"] == pytest.approx(8.6, abs=0.1)
    assert Review.objects.get().priority == case.priority


def test_a_decision_sorts_the_other_cases_of_its_author_and_its_reporters_anew(
    integrator: User, moderator: User, senior: User
) -> None:
    of_author = factories.case(f"{factories.BENIGN} a", sent_by=integrator, author="bad", reporter_id="r1")
    of_reporter = factories.case(f"{factories.BENIGN} b", sent_by=integrator, author="other", reporter_id="good")
    bystander = factories.case(f"{factories.BENIGN} c", sent_by=integrator, author="third", reporter_id="r3")
    before = {case.pk: _parts(case) for case in (of_author, of_reporter, bystander)}
    judged = factories.case(sent_by=integrator, author="bad", reporter_id="good")
    decision = factories.decide(factories.claim(judged, moderator), moderator)
    assert {mark.account.external_id for mark in PriorityMark.objects.all()} == {"bad", "good"}
    _follow()
    assert not PriorityMark.objects.exists()
    assert _parts(of_author)["author"] == 2.0
    assert _parts(of_reporter)["reports"] > before[of_reporter.pk]["reports"]
    assert _parts(bystander) == before[bystander.pk]
    versions = {case.version for case in Case.objects.filter(status="open")}
    assert versions == {1}, "nothing that was shown has changed"
    decisions.override(decision_id=decision.pk, opinion=decisions.Opinion("ok"), acting_user=senior)
    _follow()
    assert "author" not in _parts(of_author)
    assert _parts(of_reporter)["reports"] < before[of_reporter.pk]["reports"]


def test_marks_of_one_account_are_followed_once(integrator: User) -> None:
    factories.case(factories.BENIGN, sent_by=integrator, author="a")
    account = Account.objects.get(external_id="a")
    PriorityMark.objects.bulk_create(PriorityMark(account=account) for _ in range(5))
    assert priority.follow_marks() == 1
    assert priority.follow_marks() == 0


def test_another_severity_changes_the_order(integrator: User) -> None:
    case = factories.case(factories.SPAM, sent_by=integrator)
    before = _parts(case)["severity"]
    Policy.objects.filter(slug="spam").update(severity=Severity.CRITICAL)
    scoring.request_rescore()
    factories.score_all()
    assert _parts(case)["severity"] > before


def test_waiting_is_told_against_the_queues_time(integrator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    at = case.opened_at + timedelta(minutes=case.queue.sla_minutes)
    part = priority.waiting_part(case, at=at)
    assert part["points"] == pytest.approx(priority.AGEING_POINTS)
    assert part["words"] == "waiting 1 d of the 1 d the queue allows"
    assert priority.current(case, at=at) == pytest.approx(sum(_parts(case).values()) + priority.AGEING_POINTS)


def test_the_sentence_names_what_counts_most() -> None:
    parts = [priority.part("a", 1, "little"), priority.part("b", 9, "much"), priority.part("c", 5, "some")]
    assert priority.sentence(parts) == "Much; some."
    assert priority.sentence([]) == "Nothing makes it urgent."
