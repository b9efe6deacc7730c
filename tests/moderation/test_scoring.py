"""Scoring what waits: exact, append-only, once in effect."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import DataError, OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown

from moderation import enqueue, tasks
from moderation.enums import CaseStatus, ModelStatus, ScoringState
from moderation.errors import ModelUnavailable
from moderation.learning import registry
from moderation.learning import scoring as learning_scoring
from moderation.models import (
    AuditEvent,
    Case,
    Content,
    ModelVersion,
    Policy,
    PolicyPrediction,
    Prediction,
    Report,
    Review,
    User,
)
from moderation.services import claims, scoring, training
from moderation.services.intake import receive_report
from tests import factories
from tests.launcher.conftest import until
from tests.moderation.concurrency import at_once

POISON = "this text breaks the model"


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that one text breaks."""
    real = learning_scoring.score_texts

    def score_texts(texts: Sequence[str], contexts: Sequence[Any], **options: Any) -> Any:
        if POISON in texts:
            raise ValueError(f"cannot score {texts}")
        return real(texts, contexts, **options)

    monkeypatch.setattr(learning_scoring, "score_texts", score_texts)


@pytest.fixture
def second_champion(admin: User) -> Callable[[], ModelVersion]:
    """Promotes a second version with the starter's files."""

    def promote() -> ModelVersion:
        return training.promote(version=registry.register_starter(acting_user=admin), acting_user=admin)

    return promote


@pytest.fixture
def not_eager() -> Iterator[None]:
    """Nudges go out as they do in production."""
    current_app.conf.task_always_eager = False
    yield
    current_app.conf.task_always_eager = True


def test_stored_scores_add_up_exactly_and_spans_lie_on_the_text(integrator: User) -> None:
    texts = [factories.ABUSIVE, factories.SPAM, factories.BENIGN, "", "👩‍👩‍👧 ｙｏｕ   𝓲𝓭𝓲𝓸𝓽!! k1ll u", "i͏d­iot " * 50]
    for text in texts:
        factories.content(text, sent_by=integrator)
    factories.score_all()
    rows = PolicyPrediction.objects.select_related("prediction__revision", "policy")
    assert rows.count() == len(texts) * Policy.objects.filter(is_active=True).count()
    for row in rows:
        text = row.prediction.revision.text
        total = math.fsum(
            [
                row.base_value,
                row.absent,
                *(value for _, _, value in row.attributions),
                *(contribution for _, _, contribution in row.context_attributions),
            ]
        )
        assert total == pytest.approx(row.logit, abs=1e-9)
        assert 1 / (1 + math.exp(-row.logit)) == pytest.approx(row.score, abs=1e-12)
        assert row.flagged == (row.score >= row.threshold)
        end_before = 0
        for start, end, _ in row.attributions:
            assert end_before <= start < end <= len(text)
            assert text[start:end].strip()
            end_before = end


def test_the_insult_carries_the_insult(integrator: User) -> None:
    text = "🦄🦄 hello there, you pathetic idiot"
    factories.content(text, sent_by=integrator)
    factories.score_all()
    row = PolicyPrediction.objects.get(policy__slug="harassment")
    start, end, _ = max(row.attributions, key=lambda attribution: attribution[2])
    assert text[start:end] in {"idiot", "pathetic", "pathetic idiot"}


def test_a_policy_switched_off_is_not_scored(integrator: User) -> None:
    Policy.objects.filter(slug="spam").update(is_active=False)
    factories.content(factories.SPAM, sent_by=integrator)
    factories.score_all()
    assert not PolicyPrediction.objects.filter(policy__slug="spam").exists()


def test_an_own_threshold_outranks_the_models(integrator: User) -> None:
    factories.content(factories.SPAM, sent_by=integrator)
    Policy.objects.filter(slug="violence").update(threshold=1e-9)
    Policy.objects.filter(slug="spam").update(threshold=1 - 1e-15)
    factories.score_all()
    flagged = dict(PolicyPrediction.objects.values_list("policy__slug", "flagged"))
    assert (flagged["violence"], flagged["spam"]) == (True, False)
    assert PolicyPrediction.objects.get(policy__slug="violence").threshold == 1e-9


def test_benign_content_opens_no_case(integrator: User) -> None:
    content = factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    content.refresh_from_db()
    assert content.scoring_state == ScoringState.SCORED
    assert Prediction.objects.count() == 1
    assert not Case.objects.exists()


def test_the_task_may_run_twice(integrator: User) -> None:
    for _ in range(3):
        factories.content(factories.SPAM, sent_by=integrator)
    assert tasks.score_pending() == 3
    before = list(Prediction.objects.values_list("pk", flat=True))
    assert tasks.score_pending() == 0
    tasks.sweep()
    assert list(Prediction.objects.values_list("pk", flat=True)) == before
    assert Case.objects.count() == 3


def test_contents_marked_pending_again_keep_their_prediction(integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    Content.objects.update(scoring_state=ScoringState.PENDING)
    factories.score_all()
    assert Prediction.objects.count() == 1
    assert Case.objects.get() == case


def test_a_rescore_adds_a_prediction_and_changes_none(
    integrator: User, second_champion: Callable[[], ModelVersion]
) -> None:
    case = factories.case(sent_by=integrator)
    first = list(PolicyPrediction.objects.order_by("pk").values())
    version = second_champion()
    factories.score_all()
    assert Prediction.objects.filter(revision=case.content.current_revision).count() == 2
    assert list(PolicyPrediction.objects.filter(pk__in=[row["id"] for row in first]).order_by("pk").values()) == first
    assert Prediction.objects.order_by("-pk")[0].model_version == version
    before = case.version
    case.refresh_from_db()
    assert case.version == before


def test_a_promotion_is_no_conflict_for_who_holds_a_case(
    integrator: User, moderator: User, second_champion: Callable[[], ModelVersion]
) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    second_champion()
    factories.score_all()
    decision = factories.decide(claim, moderator)
    assert decision.judgement.evidence.prediction.model_version.number == 1


def test_after_a_rollback_people_see_what_the_champion_says(
    integrator: User, moderator: User, admin: User, second_champion: Callable[[], ModelVersion]
) -> None:
    case = factories.case(sent_by=integrator)
    second_champion()
    factories.score_all()
    training.roll_back(acting_user=admin)
    factories.score_all()
    evidence = factories.claim(case, moderator).evidence
    assert evidence.prediction is not None
    assert evidence.prediction.model_version.status == ModelStatus.CHAMPION


def test_only_open_cases_are_scored_anew(
    integrator: User, moderator: User, second_champion: Callable[[], ModelVersion]
) -> None:
    decided = factories.case(sent_by=integrator)
    factories.decide(factories.claim(decided, moderator), moderator)
    opened = factories.case(sent_by=integrator)
    factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    second_champion()
    pending = Content.objects.filter(scoring_state=ScoringState.PENDING)
    assert list(pending) == [opened.content]


def test_a_case_decided_while_its_rescore_waited_stays_decided(
    integrator: User, moderator: User, second_champion: Callable[[], ModelVersion]
) -> None:
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    second_champion()
    factories.decide(claim, moderator)
    factories.score_all()
    assert list(Case.objects.values_list("pk", "status")) == [(case.pk, CaseStatus.DECIDED)]


def test_one_bad_text_never_holds_up_the_others(integrator: User, poisoned: None) -> None:
    good = [factories.content(sent_by=integrator), factories.content(sent_by=integrator)]
    bad = factories.content(POISON, sent_by=integrator)
    late = factories.content(sent_by=integrator)
    for _ in range(settings.SCORING_ATTEMPTS):
        scoring.score_pending(limit=10)
    states = {content.pk: content.scoring_state for content in Content.objects.all()}
    assert {states[content.pk] for content in [*good, late]} == {ScoringState.SCORED}
    assert states[bad.pk] == ScoringState.FAILED
    assert AuditEvent.objects.filter(kind="content.scoring_failed").count() == settings.SCORING_ATTEMPTS
    assert not Case.objects.filter(content=bad).exists()


def test_a_reported_text_that_breaks_the_model_is_shown_unscored(
    integrator: User, moderator: User, poisoned: None
) -> None:
    report = receive_report(submitted=factories.report_input(POISON), acting_user=integrator)
    for attempt in range(settings.SCORING_ATTEMPTS):
        report.refresh_from_db()
        assert report.case is None, f"given up after {attempt} attempts"
        scoring.score_pending(limit=10)
    report.refresh_from_db()
    assert report.case is not None
    claim = factories.claim(report.case, moderator)
    assert claim.evidence.prediction is None
    assert all(row["shown"] and row["score"] is None for row in claim.evidence.policies)
    assert factories.decide(claim, moderator).verdict == "violates"


def test_a_failure_is_logged_without_the_text(
    integrator: User, poisoned: None, caplog: pytest.LogCaptureFixture
) -> None:
    factories.content(POISON, sent_by=integrator)
    scoring.score_pending(limit=10)
    assert "ValueError" in caplog.text
    assert "breaks the model" not in caplog.text


def test_data_the_database_refuses_is_one_bad_text_too(integrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    real = scoring._predict

    def predict(contents: Sequence[Content], **options: Any) -> None:
        if any(content.current_revision and content.current_revision.text == POISON for content in contents):
            raise DataError("not a number")
        real(contents, **options)

    monkeypatch.setattr(scoring, "_predict", predict)
    factories.content(POISON, sent_by=integrator)
    good = factories.content(sent_by=integrator)
    scoring.score_pending(limit=10)
    good.refresh_from_db()
    assert good.scoring_state == ScoringState.SCORED


def test_an_outage_counts_as_nobodys_failure(integrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection")

    content = factories.content(sent_by=integrator)
    monkeypatch.setattr(scoring, "_predict", fail)
    with pytest.raises(OperationalError):
        scoring.score_pending(limit=10)
    content.refresh_from_db()
    assert (content.scoring_state, content.scoring_attempts) == (ScoringState.PENDING, 0)


def test_without_a_model_the_reported_is_shown_unscored_and_scored_later(integrator: User, moderator: User) -> None:
    ModelVersion.objects.update(status=ModelStatus.RETIRED)
    report = receive_report(submitted=factories.report_input(), acting_user=integrator)
    unreported = factories.content(sent_by=integrator)
    with pytest.raises(ModelUnavailable):
        scoring.score_pending(limit=10)
    tasks.score_pending()
    tasks.score_pending()
    report.refresh_from_db()
    assert report.case is not None
    assert Case.objects.count() == 1
    assert factories.claim(report.case, moderator).evidence.prediction is None
    assert Content.objects.filter(scoring_state=ScoringState.PENDING).count() == 2

    ModelVersion.objects.update(status=ModelStatus.CHAMPION)
    tasks.score_pending()
    unreported.refresh_from_db()
    assert unreported.scoring_state == ScoringState.SCORED
    assert Case.objects.filter(content=report.content).count() == 1
    assert Prediction.objects.filter(revision=report.revision).count() == 1


def test_context_is_snapshotted_as_it_was(integrator: User) -> None:
    case = factories.case("see https://one.example and www.two.example", sent_by=integrator)
    prediction = Prediction.objects.get(revision=case.content.current_revision)
    receive_report(
        submitted=factories.report_input(id=case.content.external_id or "", reporter_id="another"),
        acting_user=integrator,
    )
    prediction.refresh_from_db()
    assert (prediction.context["links"], prediction.context["reports"]) == (2.0, 1.0)


def test_evidence_shows_which_policies_are_a_reason(integrator: User, moderator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator, policy="spam")
    evidence = factories.claim(case, moderator).evidence
    rows = {row["policy"]: row for row in evidence.policies}
    assert rows["spam"]["reported"]
    assert {slug for slug, row in rows.items() if row["shown"]} == {"spam"}
    assert all(row["policy_version"] for row in rows.values())


def test_a_reason_less_case_shows_every_policy(integrator: User, moderator: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    evidence = factories.claim(case, moderator).evidence
    assert {row["policy"] for row in evidence.policies if row["shown"]} == set(
        Policy.objects.values_list("slug", flat=True)
    )


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_score_nothing_twice(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    for number in range(60):
        receive_report(submitted=factories.report_input(f"you idiot number {number}"), acting_user=platform)
    results = at_once([lambda: scoring.score_pending(limit=10) for _ in range(4)])
    assert [result for result in results if isinstance(result, Exception)] == []
    factories.score_all()
    assert Prediction.objects.count() == 60
    assert Case.objects.count() == 60
    assert not Report.objects.filter(case__isnull=True).exists()
    assert not Content.objects.exclude(scoring_state=ScoringState.SCORED).exists()
    assert AuditEvent.objects.filter(kind="content.scored").count() == 60


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_neither_raises_nor_holds_up(
    db: None, not_eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []

    class Unreachable:
        def __init__(self, name: str) -> None:
            self.name = name

        def apply_async(self, **options: Any) -> None:
            assert options == {"retry": False}
            published.append(self.name)
            gone.wait(30)
            raise BrokerDown("connection refused")

    gone = threading.Event()
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    monkeypatch.setattr(enqueue, "signature", Unreachable)
    monkeypatch.setattr(enqueue, "_nudger", enqueue._Nudger())
    receive_report(submitted=factories.report_input(), acting_user=platform)
    until(lambda: published == [enqueue.SCORE], what="a nudge goes out")
    for _ in range(4):
        receive_report(submitted=factories.report_input(), acting_user=platform)
    assert Report.objects.count() == 5, "accepted while a nudge still hangs in the broker's connection"
    gone.set()
    until(lambda: published == [enqueue.SCORE] * 2, what="the four others became one nudge")
    receive_report(submitted=factories.report_input(), acting_user=platform)
    until(lambda: published == [enqueue.SCORE] * 3, what="a refused nudge has not ended the nudger")


def test_leases_are_swept_with_the_same_task(integrator: User, moderator: User) -> None:
    claim = factories.claim(factories.case(sent_by=integrator), moderator)
    Review.objects.filter(pk=claim.review.pk).update(lease_expires_at=timezone.now())
    tasks.sweep()
    assert Review.objects.get(pk=claim.review.pk).state == "waiting"
    assert claims.expire_leases() == 0
