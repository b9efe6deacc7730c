"""Drift checks of live traffic, and automation thresholds from audited texts."""

import hashlib
import random
import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from moderation import tasks
from moderation.enums import DriftVerdict, Split, WhyShown
from moderation.errors import Conflict, InvalidInput, NotPermitted
from moderation.learning import registry
from moderation.models import (
    AuditEvent,
    AutomationThreshold,
    Case,
    Content,
    ContentRevision,
    Decision,
    DriftCheck,
    Evidence,
    Judgement,
    Label,
    Policy,
    PolicyPrediction,
    Prediction,
    Queue,
    Review,
    TextGroup,
    TrainingSet,
    TrainingSetItem,
    User,
)
from moderation.selectors.labels import audited_labels
from moderation.services import automation, monitoring
from tests import factories

ABUSE = [
    "you are a worthless pathetic idiot and everyone here hates you, loser",
    "nobody likes you, you stupid worthless piece of garbage",
    "shut up you disgusting pathetic loser, go away idiot",
]


def _revisions(texts: Sequence[str], *, days_ago: float = 1, split: str = Split.TEST) -> list[ContentRevision]:
    now = timezone.now()
    contents = Content.objects.bulk_create(
        Content(external_id=f"m-{uuid.uuid4()}", type="message", created_at=now, scoring_state="scored") for _ in texts
    )
    groups = TextGroup.objects.bulk_create(TextGroup(split=split) for _ in texts)
    revisions = ContentRevision.objects.bulk_create(
        ContentRevision(
            content=content, number=1, text=text, digest=hashlib.sha256(text.encode()).hexdigest(), group=group
        )
        for content, group, text in zip(contents, groups, texts, strict=True)
    )
    ContentRevision.objects.filter(pk__in=[row.pk for row in revisions]).update(
        received_at=now - timedelta(days=days_ago)
    )
    return revisions


def _traffic(count: int, *, days_ago: float, logit: float, links: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts scored on arrival, with logits around ``logit`` and about ``links`` links each."""
    drawn = random.Random(days_ago)
    moment = timezone.now() - timedelta(days=days_ago)
    revisions = _revisions(["text"] * count, days_ago=days_ago)
    with monkeypatch.context() as clock:
        clock.setattr(timezone, "now", lambda: moment)
        predictions = Prediction.objects.bulk_create(
            Prediction(
                revision=revision,
                model_version=registry.champion(),
                context={"links": float(drawn.random() < links), "reports": 0.0},
            )
            for revision in revisions
        )
    policy = Policy.objects.get(slug="harassment")
    logits = [drawn.gauss(logit, 1.0) for _ in predictions]
    PolicyPrediction.objects.bulk_create(
        PolicyPrediction(
            prediction=prediction, policy=policy, score=0.5, logit=value, threshold=0.5, flagged=value > 0,
            base_value=0.0, absent=value,
        )
        for prediction, value in zip(predictions, logits, strict=True)
    )  # fmt: skip


def _audit(
    texts: Sequence[str],
    values: Sequence[bool],
    person: User,
    *,
    probability: float = 0.1,
    split: str = Split.TEST,
    why: str = WhyShown.RANDOM_AUDIT,
) -> list[Label]:
    """Decided cases of audited texts, with a label of harassment each."""
    now = timezone.now()
    queue = Queue.objects.get(slug="abuse")
    policy = Policy.objects.get(slug="harassment")
    labels = []
    for revision, value in zip(_revisions(texts, split=split), values, strict=True):
        case = Case.objects.create(
            content=revision.content, queue=queue, status="decided", why_shown=why, sampling_probability=probability,
            priority=0, opened_at=now, due_at=now, closed_at=now,
        )  # fmt: skip
        review = Review.objects.create(case=case, queue=queue, state="judged", reviewer=person, priority=0)
        evidence = Evidence.objects.create(
            review=review, case=case, case_version=1, revision=revision, shown_to=person, policies=[], rule_hits=[],
            report_ids=[], priority_parts=[], why_shown=why, sampling_probability=probability,
        )  # fmt: skip
        verdict = {"verdict": "violates", "policies": [policy.slug]} if value else {"verdict": "ok", "policies": []}
        judgement = Judgement.objects.create(review=review, evidence=evidence, reviewer=person, seconds=1, **verdict)
        decision = Decision.objects.create(
            case=case, judgement=judgement, kind="review", decided_by=person, undo_until=now, **verdict
        )
        labels.append(
            Label.objects.create(
                revision=revision, policy=policy, value=value, why_shown=why, sampling_probability=probability,
                decision=decision, evidence=evidence,
            )
        )  # fmt: skip
    return labels


# Drift


def test_too_little_traffic_says_so(installation: None) -> None:
    check = monitoring.check_drift()
    assert check.verdict == DriftVerdict.INSUFFICIENT
    assert check.sentence == (
        "Too little data to tell: this model has scored 0 texts of the last 7 days, 0 of the 28 days before."
    )


def test_the_same_traffic_is_steady(installation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _traffic(400, days_ago=10, logit=-2.0, links=0.1, monkeypatch=monkeypatch)
    _traffic(300, days_ago=2, logit=-2.0, links=0.1, monkeypatch=monkeypatch)
    check = monitoring.check_drift()
    assert check.verdict == DriftVerdict.STEADY
    assert (check.before_count, check.recent_count) == (400, 300)
    names = {row["name"]: row["verdict"] for row in check.measures}
    assert names["score of harassment"] == names["links"] == names["all together"] == "steady"
    assert names["share of harassment"] == "insufficient"


def test_changed_traffic_has_drifted_and_is_named(installation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _traffic(400, days_ago=10, logit=-2.0, links=0.1, monkeypatch=monkeypatch)
    _traffic(300, days_ago=2, logit=0.0, links=0.1, monkeypatch=monkeypatch)
    check = monitoring.check_drift()
    assert check.verdict == DriftVerdict.DRIFTED
    assert "What comes in has clearly changed: score of harassment" in check.sentence


def test_a_rescore_of_old_texts_is_no_traffic(installation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _traffic(10, days_ago=2, logit=0.0, links=0.1, monkeypatch=monkeypatch)
    ContentRevision.objects.update(received_at=timezone.now() - timedelta(days=6))
    assert monitoring.check_drift().recent_count == 0


def test_the_task_checks_once_a_day_and_lives_without_a_model(installation: None) -> None:
    assert tasks.check_drift() == tasks.check_drift() == DriftCheck.objects.get().pk


def test_the_task_lives_without_a_model(db: None) -> None:
    assert tasks.check_drift() is None


# Audited labels


def test_only_random_audits_people_judged_and_nothing_was_trained_on_count(moderator: User) -> None:
    (kept,) = _audit(["one"], [True], moderator)
    (trained,) = _audit(["two"], [True], moderator, split=Split.TRAIN)
    _audit(["three"], [True], moderator, why=WhyShown.FLAGGED)
    training_set = TrainingSet.objects.create(digest="0" * 64, label_count=2)
    TrainingSetItem.objects.create(training_set=training_set, label=trained, split=Split.TRAIN)
    TrainingSetItem.objects.create(training_set=training_set, label=kept, split=Split.TEST)
    assert list(audited_labels("harassment")) == [kept]
    assert not audited_labels("spam").exists()


def test_a_near_duplicate_of_what_was_trained_on_does_not_count(moderator: User) -> None:
    trained, near = _audit(["one", "one!"], [True, True], moderator, split=Split.TRAIN)
    twin = ContentRevision.objects.create(
        content=near.revision.content, number=2, text="one?", digest="0" * 64, group=trained.revision.group
    )
    Label.objects.create(
        revision=twin, policy=near.policy, value=True, why_shown=near.why_shown, sampling_probability=0.1,
        decision=near.decision, evidence=near.evidence,
    )  # fmt: skip
    training_set = TrainingSet.objects.create(digest="0" * 64, label_count=1)
    TrainingSetItem.objects.create(training_set=training_set, label=trained, split=Split.TRAIN)
    assert list(audited_labels("harassment")) == [near]


# Automation


def _calibrate(admin: User, precision: float = 0.9) -> AutomationThreshold:
    return automation.calibrate(policy=Policy.objects.get(slug="harassment"), precision=precision, acting_user=admin)


def test_enough_right_flags_guarantee_a_precision(moderator: User, admin: User, settings: LazySettings) -> None:
    settings.AUDIT_SMALLEST_PROBABILITY = 0.1
    _audit(ABUSE * 40 + [factories.BENIGN] * 40, [True] * 120 + [False] * 40, moderator)
    found = _calibrate(admin)
    assert found.threshold is not None
    assert found.lower_bound is not None
    assert found.lower_bound >= 0.9
    assert (found.sample_count, found.recalibration) == (160, 1)
    assert found.used_count <= 120
    event = AuditEvent.objects.get(kind="automation.calibrated")
    assert (event.actor, event.data["threshold"]) == (admin, found.threshold)


def test_wrong_flags_guarantee_nothing(moderator: User, admin: User, settings: LazySettings) -> None:
    settings.AUDIT_SMALLEST_PROBABILITY = 0.1
    _audit(ABUSE * 40, [True, False] * 60, moderator)
    found = _calibrate(admin)
    assert (found.threshold, found.lower_bound, found.used_count) == (None, None, 120)


def test_every_calibration_spends_less_of_one_budget(admin: User) -> None:
    spent = [_calibrate(admin).delta_spent for _ in range(3)]
    assert spent == pytest.approx([0.0304, 0.0076, 0.0034], abs=1e-4)
    other = automation.calibrate(policy=Policy.objects.get(slug="spam"), precision=0.9, acting_user=admin)
    assert other.recalibration == 1


def test_an_audit_below_its_smallest_probability_is_refused_and_spends_nothing(moderator: User, admin: User) -> None:
    _audit([ABUSE[0]], [True], moderator, probability=0.0001)
    with pytest.raises(Conflict, match="smallest sampling probability"):
        _calibrate(admin)
    assert not AutomationThreshold.objects.exists()


@pytest.mark.parametrize("precision", [0.1, 1.0])
def test_a_precision_that_is_none_is_refused(precision: float, admin: User) -> None:
    with pytest.raises(InvalidInput):
        _calibrate(admin, precision)


def test_a_policy_the_model_does_not_know_is_refused(admin: User) -> None:
    policy = Policy.objects.create(slug="new", name="New")
    with pytest.raises(InvalidInput, match="does not know"):
        automation.calibrate(policy=policy, precision=0.9, acting_user=admin)


def test_only_administrators_calibrate(senior: User) -> None:
    with pytest.raises(NotPermitted):
        _calibrate(senior)
