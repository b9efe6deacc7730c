"""What the database itself refuses, whoever asks."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from moderation.enums import DecisionKind, ReviewKind, ReviewState, Split, Verdict
from moderation.models import (
    Account,
    Action,
    Appeal,
    AuditDraw,
    AuditEvent,
    AuditSeal,
    AutomationThreshold,
    Bank,
    BankHit,
    Case,
    Content,
    ContentRevision,
    Decision,
    DeliveryAttempt,
    DriftCheck,
    Escalation,
    Evidence,
    Gate,
    GoldenCase,
    GoldenItem,
    Hold,
    Judgement,
    Label,
    ModelVersion,
    OutboxMessage,
    Policy,
    PolicyPrediction,
    PolicySecondReading,
    PolicyVersion,
    Prediction,
    QualityPlan,
    QualityReport,
    Queue,
    Review,
    ReviewBar,
    ReviewSkip,
    RuleHit,
    SecondReading,
    Strike,
    TextGroup,
    TrainingSet,
    TrainingSetItem,
    User,
    WebhookEndpoint,
)
from moderation.services import claims
from tests import factories

IMMUTABLE = [
    Action,
    AuditDraw,
    AuditEvent,
    AuditSeal,
    AutomationThreshold,
    BankHit,
    Decision,
    DeliveryAttempt,
    DriftCheck,
    Evidence,
    Gate,
    GoldenCase,
    Judgement,
    Label,
    PolicyPrediction,
    PolicySecondReading,
    PolicyVersion,
    Prediction,
    QualityReport,
    ReviewBar,
    ReviewSkip,
    RuleHit,
    SecondReading,
    TrainingSet,
    TrainingSetItem,
]


@pytest.fixture
def history(integrator: User, moderator: User, colleague: User, admin: User) -> Decision:
    """A decided case with a row in every immutable table."""
    factories.bank_entry("text", factories.ABUSIVE, by=admin)
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, colleague)
    claims.skip(case_id=case.pk, token=claim.review.lease_token or 0, reason="other", acting_user=colleague)
    decision: Decision = factories.decide(factories.claim(case, moderator), moderator, rationale="why")
    champion = ModelVersion.objects.get()
    training_set = TrainingSet.objects.create(digest="0" * 64, label_count=1)
    label = Label.objects.order_by("pk").first()
    assert label is not None
    TrainingSetItem.objects.create(training_set=training_set, label=label, split=Split.TRAIN)
    Gate.objects.create(model_version=champion, champion=champion, name="g", passed=True, figures={}, reason="r")
    now = timezone.now()
    DriftCheck.objects.create(
        model_version=champion,
        verdict="insufficient",
        sentence="s",
        before_from=now,
        recent_from=now,
        recent_until=now,
        before_count=0,
        recent_count=0,
        measures=[],
    )
    AutomationThreshold.objects.create(
        policy=label.policy,
        model_version=champion,
        recalibration=1,
        precision=0.9,
        sample_count=0,
        used_count=0,
        delta_spent=0.03,
        sentence="s",
        computed_by=moderator,
    )
    revision = case.content.current_revision
    reading = SecondReading.objects.create(prediction=Prediction.objects.earliest("pk"), reader="0" * 64)
    PolicySecondReading.objects.create(
        reading=reading, policy=label.policy, first_logit=0, second_logit=0, stacked_logit=0, threshold=0.5
    )
    AuditDraw.objects.create(revision=revision, probability=0.5, score=0.1)
    item = GoldenItem.objects.create(revision=revision, truth={})
    golden = Case.including_golden.create(
        content=case.content, queue=case.queue, why_shown="golden", priority=0, opened_at=now, due_at=now
    )
    GoldenCase.objects.create(case=golden, item=item, beside=case)
    ReviewBar.objects.create(review=claim.review, user=colleague)
    QualityReport.objects.create(kind="missed", figures={})
    endpoint = WebhookEndpoint.objects.create(url="https://platform.example/", secret="whsec_")
    DeliveryAttempt.objects.create(endpoint=endpoint, milliseconds=1, started_at=now)
    AuditSeal.objects.create(from_transaction=0, to_transaction=1, event_count=0, digest="0" * 64)
    return decision


def _refused(act: Callable[[], Any], words: str) -> None:
    with pytest.raises(IntegrityError, match=words), transaction.atomic():  # noqa: PT012
        act()
        connection.check_constraints()


@pytest.mark.parametrize("model", IMMUTABLE, ids=lambda model: model.__name__)
def test_it_refuses_to_change_or_delete_what_is_immutable(model: type[models.Model], history: Decision) -> None:
    row = model._default_manager.order_by("pk").first()
    assert row is not None, "the fixture must leave a row in every immutable table"
    table = model._meta.db_table

    def run(statement: str) -> Callable[[], None]:
        def act() -> None:
            with connection.cursor() as cursor:
                cursor.execute(statement, [row.pk])

        return act

    _refused(run(f"UPDATE {table} SET id = id WHERE id = %s"), "immutable")
    _refused(run(f"DELETE FROM {table} WHERE id = %s"), "immutable")


def test_every_model_called_immutable_has_a_guard(db: None) -> None:
    said = {
        model._meta.db_table
        for model in apps.get_app_config("moderation").get_models()
        if "Immutable" in (model.__doc__ or "")
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'immutable' AND tgenabled = 'O'")
        guarded = {table for (table,) in cursor.fetchall()}
    assert said <= guarded
    assert guarded == {model._meta.db_table for model in IMMUTABLE}


def test_a_case_version_never_goes_back(history: Decision) -> None:
    case = history.case
    _refused(lambda: Case.objects.filter(pk=case.pk).update(version=models.F("version") - 1), "never goes back")


def test_a_case_never_changes_its_content(history: Decision, integrator: User) -> None:
    other = factories.content(sent_by=integrator)
    _refused(lambda: Case.objects.filter(pk=history.case_id).update(content=other), "never changes")


def test_a_judged_review_stays_judged(history: Decision) -> None:
    assert history.judgement is not None
    review = Review.objects.filter(pk=history.judgement.review_id)
    _refused(
        lambda: review.update(state=ReviewState.WAITING, reviewer=None, lease_token=None, lease_expires_at=None),
        "stays ended",
    )


def test_a_cancelled_review_stays_cancelled(integrator: User) -> None:
    review = factories.case(sent_by=integrator).reviews.get()
    Review.objects.filter(pk=review.pk).update(state=ReviewState.CANCELLED)
    _refused(lambda: Review.objects.filter(pk=review.pk).update(state=ReviewState.WAITING), "stays ended")


def test_a_fencing_token_never_goes_back(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    review = Review.objects.filter(pk=claim.review.pk)
    _refused(lambda: review.update(lease_token=models.F("lease_token") - 1), "never goes back")


def test_a_lease_is_whole_or_not_there(integrator: User, moderator: User) -> None:
    review = factories.case(sent_by=integrator).reviews.get()
    rows = Review.objects.filter(pk=review.pk)
    _refused(lambda: rows.update(state=ReviewState.LEASED), "review_lease_is_whole")
    _refused(lambda: rows.update(reviewer=moderator), "review_waiting_has_no_owner")


def test_a_wording_can_be_erased_but_never_rewritten(integrator: User) -> None:
    content = factories.content(sent_by=integrator)
    rows = ContentRevision.objects.filter(content=content)
    _refused(lambda: rows.update(text="something else"), "never rewritten")
    _refused(lambda: rows.update(digest="0" * 64), "never rewritten")
    _refused(lambda: rows.update(number=7), "never rewritten")
    _refused(lambda: rows.update(erased_at=timezone.now()), "revision_erased_is_empty")
    assert rows.update(text="", erased_at=timezone.now()) == 1
    _refused(lambda: rows.update(text="back again", erased_at=None), "never rewritten")


def test_a_text_group_stays_on_its_side(integrator: User) -> None:
    group = TextGroup.objects.create(split=Split.TEST)
    _refused(lambda: TextGroup.objects.filter(pk=group.pk).update(split=Split.TRAIN), "for good")


def test_a_revision_never_changes_its_group(integrator: User) -> None:
    factories.case(sent_by=integrator)
    other = TextGroup.objects.create(split=Split.TEST)
    _refused(lambda: ContentRevision.objects.update(group=other), "never rewritten")
    _refused(lambda: ContentRevision.objects.update(group=None), "never rewritten")


def test_a_content_has_one_open_case(integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    copy = {
        "content": case.content,
        "queue": case.queue,
        "why_shown": "reported",
        "priority": 0,
        "opened_at": timezone.now(),
        "due_at": timezone.now(),
    }
    _refused(lambda: Case.objects.create(**copy), "case_one_open_a_content")
    Case.objects.create(**copy, status="decided", closed_at=timezone.now())


def test_a_judgement_names_evidence_of_its_own_review(history: Decision, integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    assert history.judgement is not None
    foreign = history.judgement.evidence
    _refused(
        lambda: Judgement.objects.create(
            review=claim.review, evidence=foreign, reviewer=moderator, verdict=Verdict.OK, seconds=1
        ),
        "judgement_evidence_of_its_review",
    )


def test_a_case_has_one_first_decision_and_no_fork(history: Decision, senior: User) -> None:
    now = timezone.now()
    undo = {"case": history.case, "kind": DecisionKind.UNDO, "decided_by": senior, "undo_until": now}
    _refused(lambda: Decision.objects.create(**undo), "decision_overturn_supersedes")
    automated = dict(undo, kind=DecisionKind.AUTOMATED, verdict=Verdict.OK)
    _refused(lambda: Decision.objects.create(**automated), "decision_one_first_a_case")
    Decision.objects.create(**undo, supersedes=history)
    _refused(lambda: Decision.objects.create(**undo, supersedes=history), "supersedes_id")


def _constraints() -> list[tuple[str, Callable[[dict[str, Any]], Any]]]:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        ("user_role_known", lambda r: User.objects.create(username="x", role="root")),
        ("policy_threshold_is_a_probability", lambda r: Policy.objects.create(slug="x", name="x", threshold=1.0)),
        ("policy_severity_known", lambda r: Policy.objects.create(slug="x", name="x", severity=9)),
        ("queue_sla_positive", lambda r: Queue.objects.create(slug="x", name="x", sla_minutes=0)),
        ("queue_one_default", lambda r: Queue.objects.create(slug="x", name="x", is_default=True)),
        (
            "queue_escalates_elsewhere",
            lambda r: Queue.objects.filter(pk=r["queue"].pk).update(escalates_to=r["queue"].pk),
        ),
        ("routing_rule_state_known", lambda r: factories.rule(queue=r["queue"], state="x")),
        ("routing_rule_boost_is_bounded", lambda r: factories.rule(queue=r["queue"], priority_boost=101)),
        ("routing_rule_audit_only_looks", lambda r: factories.rule(queue=r["queue"], audit_rate=0.1)),
        (
            "routing_rule_acts_under_a_policy",
            lambda r: factories.rule(queue=r["queue"], automatic_actions=["remove"]),
        ),
        (
            "bank_kind_known",
            lambda r: Bank.objects.create(slug="x", name="x", kind="x", policy=Policy.objects.get(slug="spam")),
        ),
        ("content_scoring_known", lambda r: Content.objects.update(scoring_state="x")),
        ("case_status_known", lambda r: Case.objects.update(status="x")),
        ("case_sampling_is_a_probability", lambda r: Case.objects.update(sampling_probability=0)),
        ("case_open_has_no_end", lambda r: Case.objects.update(closed_at=now)),
        ("review_kind_known", lambda r: Review.objects.update(kind="x")),
        ("quality_plan_rates_are_shares", lambda r: QualityPlan.objects.create(queue=r["queue"], golden_rate=1.5)),
        (
            "audit_draw_is_a_probability",
            lambda r: AuditDraw.objects.create(revision=r["case"].content.current_revision, probability=0, score=1),
        ),
        ("review_state_known", lambda r: Review.objects.update(state="x")),
        (
            "review_one_pending_a_case",
            lambda r: Review.objects.create(case=r["case"], kind=ReviewKind.FIRST, queue=r["queue"], priority=0),
        ),
        ("report_source_known", lambda r: r["case"].reports.update(source="x")),
        ("report_outcome_known", lambda r: r["case"].reports.update(outcome="x")),
        ("text_group_split_known", lambda r: TextGroup.objects.create(split="x")),
        ("model_one_champion", lambda r: r["second_champion"]()),
        ("model_status_known", lambda r: ModelVersion.objects.update(status="x")),
    ]


@pytest.mark.parametrize(("name", "act"), _constraints(), ids=[name for name, _ in _constraints()])
def test_it_refuses_rows_that_mean_nothing(name: str, act: Callable[[dict[str, Any]], Any], integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    rows = {
        "case": case,
        "queue": case.queue,
        "second_champion": lambda: ModelVersion.objects.create(
            number=99, status="champion", sha256="0" * 64, folder="v", manifest={}
        ),
    }
    _refused(lambda: act(rows), name)


def test_outcomes_and_effects_are_checked_too(history: Decision, moderator: User) -> None:
    now = timezone.now()
    author = Account.objects.get(external_id="author-1")
    policy = Policy.objects.get(slug="harassment")
    _refused(lambda: Strike.objects.create(account=author, decision=history, policy=policy), "strike_once_a_decision")
    _refused(
        lambda: Appeal.objects.create(decision=history, statement="x", state="upheld", resolved_at=now),
        "appeal_resolved_by_someone",
    )
    _refused(lambda: Action.objects.create(decision=history, kind="shout"), "action_kind_known")
    message = history.outbox.order_by("pk").first()
    assert message is not None
    copy = {
        "topic": message.topic,
        "content": message.content,
        "decision": history,
        "not_before": now,
        "key": uuid.uuid4(),
    }
    _refused(lambda: OutboxMessage.objects.create(**copy, sequence=message.sequence), "outbox_sequence_once")
    _refused(lambda: OutboxMessage.objects.create(**copy, sequence=99, state="x"), "outbox_state_known")
    assert history.undo_until > now - timedelta(hours=1)


def test_an_escalation_stays_as_it_was_but_for_its_note(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    claims.escalate(
        case_id=claim.review.case_id, token=claim.review.lease_token or 0, note="odd", acting_user=moderator
    )
    rows = Escalation.objects.all()
    _refused(lambda: rows.update(note="other words"), "stays as it was")
    _refused(lambda: rows.update(to_queue=claim.review.queue), "stays as it was")
    _refused(rows.delete, "stays as it was")
    assert rows.update(note="", undone_at=timezone.now()) == 1
    _refused(lambda: rows.update(undone_at=None), "stays as it was")


def test_a_settled_hold_stays_settled(history: Decision, senior: User) -> None:
    assert history.judgement is not None
    Hold.objects.create(judgement=history.judgement, case=history.case, reason="severity")
    rows = Hold.objects.all()
    _refused(lambda: rows.update(state="approved"), "hold_settled_by_someone")
    now = timezone.now()
    assert rows.update(state="rejected", settled_by=senior, settled_at=now, note="no") == 1
    _refused(lambda: rows.update(state="approved"), "stays settled")
    _refused(lambda: rows.update(note="yes"), "stays settled")
    assert rows.update(note="") == 1


def test_an_open_golden_case_stands_beside_the_open_case_of_its_content(history: Decision) -> None:
    assert Case.including_golden.filter(content=history.case.content).count() == 2
    assert [case.pk for case in Case.objects.filter(content=history.case.content)] == [history.case_id]
