"""Random audits: drawn once with a known probability from everything, whatever becomes of it."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.utils import timezone

from console.settings.strata import sampling_strata
from moderation.enums import CaseStatus, DecisionKind, ReviewKind, Split, Standing, WhyShown
from moderation.models import AuditDraw, AuditEvent, Case, Content, Decision, Label, OutboxMessage, TextGroup, User
from moderation.selectors.labels import audited_labels
from moderation.services import draws, outbox, scoring, training
from tests import factories


@pytest.fixture
def all_drawn(settings: Any) -> None:
    """Every text is drawn."""
    settings.AUDIT_STRATA = ((0.0, 1.0),)


def _content(text: str, integrator: User) -> Content:
    content = factories.content(text, sent_by=integrator)
    factories.score_all()
    return content


@pytest.mark.usefixtures("all_drawn")
def test_what_nobody_flagged_or_reported_is_shown_to_people(integrator: User, moderator: User) -> None:
    content = _content(factories.BENIGN, integrator)
    case = Case.objects.get(content=content)
    assert (case.why_shown, case.sampling_probability, case.queue.is_default) == (WhyShown.RANDOM_AUDIT, 1.0, True)
    claim = factories.claim(case, moderator)
    assert claim.evidence.blind
    factories.judge(claim, moderator, policies=["spam"])
    labels = Label.objects.current()
    assert {(label.why_shown, label.sampling_probability) for label in labels} == {("random_audit", 1.0)}
    assert audited_labels("spam").get().value is True
    assert audited_labels("hate").get().value is False
    assert AuditEvent.objects.get(kind="audit.drawn").data["probability"] == 1.0


@pytest.mark.usefixtures("all_drawn")
def test_what_is_flagged_is_an_audit_all_the_same_in_its_own_queue(integrator: User) -> None:
    case = Case.objects.get(content=_content(factories.ABUSIVE, integrator))
    assert case.why_shown == WhyShown.RANDOM_AUDIT
    assert case.queue.slug == "abuse"
    assert case.reviews.get().blind


@pytest.mark.usefixtures("all_drawn")
def test_a_text_is_drawn_once_however_often_it_is_scored(integrator: User, moderator: User) -> None:
    content = _content(factories.BENIGN, integrator)
    for _ in range(2):
        Content.objects.update(scoring_state="pending")
        factories.score_all()
    assert AuditDraw.objects.count() == Case.objects.count() == 1
    case = Case.objects.get()
    factories.judge(factories.claim(case, moderator), moderator, "ok")
    Content.objects.update(scoring_state="pending")
    factories.score_all()
    assert [case.status for case in Case.objects.filter(content=content)] == [CaseStatus.DECIDED]


def test_the_draw_follows_from_seed_and_key_alone(integrator: User, settings: Any) -> None:
    first = [draws.chance("audit", key) for key in range(200)]
    assert first == [draws.chance("audit", key) for key in range(200)]
    settings.SAMPLING_SEED = "another seed"
    assert first != [draws.chance("audit", key) for key in range(200)]
    assert all(0 <= one < 1 for one in first)


def test_each_stratum_has_its_rate(integrator: User, settings: Any) -> None:
    settings.AUDIT_STRATA = ((0.0, 0.01), (0.2, 0.1), (0.6, 0.4))
    assert [draws.audit_rate(score) for score in (0.0, 0.19, 0.2, 0.59, 0.6, 1.0)] == [0.01, 0.01, 0.1, 0.1, 0.4, 0.4]
    settings.AUDIT_STRATA = ((0.0, 0.3),)
    contents = [factories.content(f"{factories.BENIGN} {n}", sent_by=integrator) for n in range(120)]
    factories.score_all()
    drawn = set(AuditDraw.objects.values_list("revision_id", flat=True))
    expected = {
        content.current_revision_id
        for content in contents
        if draws.chance("audit", content.current_revision_id or 0) < 0.3
    }
    assert drawn == expected
    assert 15 <= len(drawn) <= 60


@pytest.mark.usefixtures("all_drawn")
def test_what_was_shown_before_keeps_its_reason(integrator: User, moderator: User, settings: Any) -> None:
    settings.AUDIT_STRATA = ()
    case = factories.case(sent_by=integrator)
    factories.claim(case, moderator)
    settings.AUDIT_STRATA = ((0.0, 1.0),)
    Content.objects.update(scoring_state="pending")
    factories.score_all()
    case.refresh_from_db()
    assert case.why_shown == WhyShown.REPORTED
    assert AuditDraw.objects.count() == 1


def _automated(integrator: User) -> Decision:
    """What a later version of routing does by itself: a removal that no person decided."""
    case = factories.case(sent_by=integrator)
    case.reviews.update(state="cancelled")
    case.reports.update(outcome="upheld")
    decision = Decision.objects.create(
        case=case,
        kind=DecisionKind.AUTOMATED,
        verdict="violates",
        policies=["harassment"],
        actions=["remove"],
        undo_until=timezone.now(),
    )
    outbox.request_actions(decision)
    Case.objects.filter(pk=case.pk).update(status="decided", closed_at=timezone.now())
    return decision


@pytest.mark.usefixtures("all_drawn")
def test_a_confirmed_automated_decision_keeps_its_effects_and_teaches(
    integrator: User, moderator: User, settings: Any
) -> None:
    strata, settings.AUDIT_STRATA = settings.AUDIT_STRATA, ()
    automated = _automated(integrator)
    settings.AUDIT_STRATA = strata
    draws.draw([automated.case.content])
    review = automated.case.reviews.get(kind=ReviewKind.AUDIT)
    assert review.blind
    outcome = factories.judge(factories.claim(automated.case, moderator), moderator)
    assert outcome.standing == Standing.CONFIRMED
    assert outcome.decision is not None
    assert outcome.decision.supersedes == automated
    assert OutboxMessage.objects.count() == 2, "nothing more is asked for"
    assert audited_labels("harassment").get().value is True


@pytest.mark.usefixtures("all_drawn")
def test_an_overturned_automated_decision_is_taken_back(
    integrator: User, moderator: User, senior: User, settings: Any
) -> None:
    strata, settings.AUDIT_STRATA = settings.AUDIT_STRATA, ()
    automated = _automated(integrator)
    OutboxMessage.objects.update(state="delivered", attempts=1, settled_at=timezone.now())
    settings.AUDIT_STRATA = strata
    draws.draw([automated.case.content])
    outcome = factories.judge(factories.claim(automated.case, moderator), moderator, "ok")
    assert outcome.decision is not None
    assert (outcome.standing, outcome.decision.kind) == (Standing.BINDING, DecisionKind.OVERRIDE)
    assert OutboxMessage.objects.filter(topic="action.reversed").count() == 1
    assert audited_labels("harassment").get().value is False


def test_what_automation_rests_on_is_never_trained_on(integrator: User, moderator: User, settings: Any) -> None:
    settings.AUDIT_STRATA = ((0.0, 1.0),)
    settings.RETRAIN_MINIMUM_LABELS = 1
    content = _content(factories.BENIGN, integrator)
    factories.judge(factories.claim(Case.objects.get(), moderator), moderator, "ok")
    group = TextGroup.objects.get(revisions__content=content)
    frozen = training.freeze_training_set()
    if group.split == Split.TRAIN:
        assert frozen is None
        assert audited_labels("spam").count() == 1
    else:
        assert frozen is not None
        assert frozen.label_count == 6
    assert scoring.score_pending(limit=1) == 0


@pytest.mark.parametrize("written", ["0.5:0.1", "0:2", "0:0", "1:0.1", "nonsense", "0:0.1:3", "-1:0.5"])
def test_it_refuses_strata_that_mean_nothing(written: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="AUDIT_STRATA"):
        sampling_strata(written)


def test_strata_are_read_as_written() -> None:
    assert sampling_strata(" 0.5:0.05 , 0:0.01") == ((0.0, 0.01), (0.5, 0.05))
    assert sampling_strata("") == ()


def test_a_rate_below_what_weights_are_bounded_by_stops_the_start(settings: Any) -> None:
    settings.AUDIT_STRATA = ((0.0, 0.001),)
    with pytest.raises(SystemCheckError, match=r"console\.E004"):
        call_command("check")
