"""Taking in content and reports."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.digests import keyed_digest
from moderation.enums import (
    CaseStatus,
    ReportOutcome,
    ReportSource,
    ReviewState,
    ScoringState,
    Verdict,
)
from moderation.errors import InvalidInput, LeaseLost, NotFound
from moderation.models import Account, AuditEvent, Case, Content, ContentRevision, Report, Review, User
from moderation.services import decisions
from moderation.services.intake import AccountInput, receive_content, receive_report, withdraw_content
from tests import factories
from tests.moderation.concurrency import at_once


def _report(sent_by: User, text: str = factories.ABUSIVE, **fields: Any) -> Report:
    return receive_report(submitted=factories.report_input(text, **fields), acting_user=sent_by)


def _kinds(content: Content) -> list[str]:
    return list(AuditEvent.objects.filter(content_id=content.pk).order_by("pk").values_list("kind", flat=True))


def test_a_first_report_brings_content_revision_accounts_and_events(integrator: User) -> None:
    report = _report(
        integrator,
        "hello 👋🏽",
        id="m-1",
        author="a",
        reporter_id="r",
        language="en",
        thread=[{"author": "b", "text": "before", "created_at": "2026-01-01T00:00:00+00:00"}],
    )
    content = Content.objects.get(external_id="m-1")
    revision = content.current_revision
    assert revision is not None
    assert (revision.number, revision.text, revision.digest) == (1, "hello 👋🏽", keyed_digest("hello 👋🏽"))
    assert revision.thread == [{"author": "b", "text": "before", "created_at": "2026-01-01T00:00:00+00:00"}]
    assert content.scoring_state == ScoringState.PENDING
    assert content.author is not None
    assert (content.author.external_id, content.language) == ("a", "en")
    assert report.reporter is not None
    assert (report.revision, report.case, report.outcome) == (revision, None, ReportOutcome.PENDING)
    assert _kinds(content) == ["content.received", "report.received"]


def test_audit_events_hold_no_text_and_no_identifier(integrator: User) -> None:
    _report(integrator, "a very secret text", id="secret-id", author="secret-author", note="secret note")
    factories.score_all()
    assert "secret" not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_a_repeated_report_joins_the_same_content_and_wording(integrator: User) -> None:
    first = _report(integrator, id="m", reporter_id="r1")
    second = _report(integrator, id="m", reporter_id="r2")
    assert first.pk != second.pk
    assert (first.content_id, first.revision_id) == (second.content_id, second.revision_id)
    assert ContentRevision.objects.count() == 1


def test_another_text_is_a_new_revision_and_the_open_case_moves_on(integrator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    receive_content(
        submitted=factories.content_input("edited", id="m"), author=AccountInput("author-1"), acting_user=integrator
    )
    before = case.version
    case.refresh_from_db()
    content = case.content
    content.refresh_from_db()
    assert case.version == before + 1
    assert content.current_revision is not None
    assert (content.current_revision.number, content.current_revision.text) == (2, "edited")
    assert content.scoring_state == ScoringState.PENDING
    assert "content.revised" in _kinds(content)
    factories.score_all()
    assert Case.objects.filter(content=content).count() == 1


def test_a_return_to_an_earlier_text_is_a_third_revision(integrator: User) -> None:
    for text in ("one", "two", "one"):
        factories.content(text, sent_by=integrator, id="m")
    assert list(ContentRevision.objects.order_by("number").values_list("text", flat=True)) == ["one", "two", "one"]


def test_the_same_text_again_changes_nothing(integrator: User) -> None:
    factories.content("same", sent_by=integrator, id="m")
    factories.score_all()
    factories.content("same", sent_by=integrator, id="m")
    content = Content.objects.get(external_id="m")
    assert ContentRevision.objects.count() == 1
    assert content.scoring_state == ScoringState.SCORED
    assert _kinds(content).count("content.received") == 1


def test_an_erased_wording_that_is_sent_again_is_a_new_revision(integrator: User) -> None:
    content = factories.content("same", sent_by=integrator, id="m")
    ContentRevision.objects.filter(content=content).update(text="", erased_at=datetime(2026, 1, 1, tzinfo=UTC))
    again = factories.content("same", sent_by=integrator, id="m")
    assert again.current_revision is not None
    assert (again.current_revision.number, again.current_revision.text) == (2, "same")


def test_a_brigade_makes_one_case_with_all_its_reports(integrator: User) -> None:
    for number in range(30):
        _report(integrator, id="m", reporter_id=f"r{number}")
    factories.score_all()
    case = Case.objects.get()
    assert case.reports.count() == 30
    assert not Report.objects.filter(case__isnull=True).exists()


def test_repeating_oneself_adds_no_weight(integrator: User) -> None:
    alone = factories.case(sent_by=integrator, reporter_id="r1")
    for _ in range(20):
        _report(integrator, id="loud", reporter_id="r2")
    factories.score_all()
    loud = Case.objects.get(content__external_id="loud")
    points = [{part["name"]: part["points"] for part in case.priority_parts}["reports"] for case in (alone, loud)]
    assert points[0] == points[1]


@pytest.mark.parametrize(
    ("verdict", "outcome"), [(Verdict.OK, ReportOutcome.NOT_UPHELD), (Verdict.VIOLATES, ReportOutcome.UPHELD)]
)
def test_a_report_on_a_decided_wording_takes_its_outcome(
    verdict: str, outcome: str, integrator: User, moderator: User
) -> None:
    case = factories.case(sent_by=integrator, id="m")
    factories.decide(factories.claim(case, moderator), moderator, verdict)
    late = _report(integrator, id="m", reporter_id="late")
    assert (late.outcome, late.case_id) == (outcome, case.pk)
    factories.score_all()
    assert Case.objects.count() == 1


@pytest.mark.parametrize("source", [ReportSource.TRUSTED_FLAGGER, ReportSource.LEGAL_NOTICE])
def test_a_weighty_report_on_a_decided_wording_opens_a_new_case(source: str, integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    factories.decide(factories.claim(case, moderator), moderator, Verdict.OK)
    late = _report(integrator, id="m", source=source)
    factories.score_all()
    late.refresh_from_db()
    assert late.outcome == ReportOutcome.PENDING
    assert late.case is not None
    assert late.case.pk != case.pk
    assert late.case.status == CaseStatus.OPEN


def test_a_report_on_another_wording_than_the_decided_opens_a_new_case(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    factories.decide(factories.claim(case, moderator), moderator, Verdict.OK)
    late = _report(integrator, "you are all worthless idiots", id="m")
    factories.score_all()
    late.refresh_from_db()
    assert late.case is not None
    assert late.case.pk != case.pk


def test_an_undone_decision_settles_nothing(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    decision = factories.decide(factories.claim(case, moderator), moderator, Verdict.OK)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    late = _report(integrator, id="m", reporter_id="late")
    assert (late.outcome, late.case_id) == (ReportOutcome.PENDING, case.pk)


def test_a_report_in_flight_while_the_case_is_decided_opens_no_second_case(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    claim = factories.claim(case, moderator)
    late = _report(integrator, id="m", reporter_id="late")
    factories.decide(claim, moderator)
    factories.score_all()
    late.refresh_from_db()
    assert late.outcome == ReportOutcome.UPHELD
    assert Case.objects.count() == 1


def test_deletion_upstream_closes_what_is_open(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator, id="m")
    claim = factories.claim(case, moderator)
    withdraw_content(external_id="m", acting_user=integrator)
    case.refresh_from_db()
    assert case.status == CaseStatus.WITHDRAWN
    assert case.closed_at is not None
    assert Review.objects.get().state == ReviewState.CANCELLED
    assert Report.objects.get().outcome == ReportOutcome.WITHDRAWN
    with pytest.raises(LeaseLost, match="deleted"):
        factories.decide(claim, moderator)


def test_deletion_before_scoring_scores_nothing(integrator: User) -> None:
    content = factories.content(sent_by=integrator, id="m")
    withdraw_content(external_id="m", acting_user=integrator)
    factories.score_all()
    content.refresh_from_db()
    assert content.scoring_state == ScoringState.CLOSED
    assert not Case.objects.exists()


def test_deleting_twice_is_deleting_once(integrator: User) -> None:
    content = factories.content(sent_by=integrator, id="m")
    first = withdraw_content(external_id="m", acting_user=integrator)
    second = withdraw_content(external_id="m", acting_user=integrator)
    assert first.withdrawn_at == second.withdrawn_at
    assert _kinds(content).count("content.withdrawn") == 1


def test_deleting_the_unknown_is_not_found(integrator: User) -> None:
    with pytest.raises(NotFound):
        withdraw_content(external_id="nowhere", acting_user=integrator)


def test_content_that_comes_back_is_looked_at_again(integrator: User) -> None:
    factories.case(sent_by=integrator, id="m")
    withdraw_content(external_id="m", acting_user=integrator)
    _report(integrator, id="m", reporter_id="again")
    factories.score_all()
    content = Content.objects.get(external_id="m")
    assert content.withdrawn_at is None
    assert content.scoring_state == ScoringState.SCORED
    assert Case.objects.filter(content=content, status=CaseStatus.OPEN).count() == 1


def test_an_unknown_policy_is_refused_and_leaves_nothing(integrator: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        _report(integrator, policy="no-such-policy")
    assert refused.value.pointer == "/policy"
    assert not Content.objects.exists()
    assert not Account.objects.exists()


def test_an_inactive_policy_is_unknown(integrator: User) -> None:
    from moderation.models import Policy

    Policy.objects.filter(slug="spam").update(is_active=False)
    with pytest.raises(InvalidInput):
        _report(integrator, policy="spam")


def test_accounts_are_made_in_id_order(integrator: User) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        _report(integrator, author="zz", reporter_id="aa")
    inserts = [query["sql"] for query in queries if query["sql"].startswith('INSERT INTO "moderation_account"')]
    assert len(inserts) == 1
    assert inserts[0].index("'aa'") < inserts[0].index("'zz'")


def test_an_account_keeps_what_was_told_and_takes_over_what_is_told_anew(integrator: User) -> None:
    born = datetime(2020, 1, 1, tzinfo=UTC)
    for account in (
        AccountInput("a", born, {"tier": "gold"}),
        AccountInput("a"),
        AccountInput("a", None, {"tier": "free"}),
    ):
        receive_content(submitted=factories.content_input(), author=account, acting_user=integrator)
    row = Account.objects.get(external_id="a")
    assert (row.created_at, row.attributes) == (born, {"tier": "free"})


def test_a_self_report_needs_one_account(integrator: User) -> None:
    report = _report(integrator, author="me", reporter_id="me")
    assert report.reporter == report.content.author
    assert Account.objects.count() == 1


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(_texts, min_size=1, max_size=4))
def test_whatever_the_text_it_is_kept_to_the_code_point(texts: list[str], integrator: User) -> None:
    content = None
    for text in texts:
        content = factories.content(text, sent_by=integrator, id="kept-" + texts[0])
    assert content is not None
    stored = Content.objects.select_related("current_revision").get(pk=content.pk).current_revision
    assert stored is not None
    assert stored.text == texts[-1]


@pytest.mark.django_db(transaction=True)
def test_reports_on_one_new_content_at_the_same_moment_make_one_content(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")

    def send(number: int) -> Mapping[str, int]:
        report = _report(platform, id="m", author=f"a{number % 2}", reporter_id=f"a{(number + 1) % 2}")
        return {"content": report.content_id}

    results = at_once([lambda number=number: send(number) for number in range(12)])  # type: ignore[misc]
    assert [result for result in results if isinstance(result, Exception)] == []
    assert Content.objects.count() == 1
    assert ContentRevision.objects.count() == 1
    assert Report.objects.count() == 12
