"""Shadow mode: a version scores what the champion scored, and nothing hangs on what it says."""

from typing import Any

import pytest
from django.conf import settings

from moderation import tasks
from moderation.enums import ModelStatus
from moderation.errors import Conflict, ModelUnavailable, NotPermitted
from moderation.learning import comparison, registry
from moderation.models import AuditEvent, Case, ModelVersion, PolicyPrediction, Prediction, User
from moderation.selectors import cases, workspace
from moderation.services import evidence, scoring, shadow, training
from tests import factories


@pytest.fixture
def shadowed(admin: User) -> ModelVersion:
    """A second version, in shadow."""
    return shadow.begin(version=registry.register_starter(acting_user=admin), acting_user=admin)


def _made_by(version: ModelVersion) -> int:
    return Prediction.objects.filter(model_version=version).count()


def test_workers_score_live_traffic_with_the_shadow_too(shadowed: ModelVersion, integrator: User) -> None:
    content = factories.content(sent_by=integrator)
    tasks.score_pending()
    champions, shadows = Prediction.objects.filter(revision=content.current_revision).order_by("pk")
    assert (champions.model_version, shadows.model_version) == (registry.champion(), shadowed)
    assert shadows.context == champions.context
    scores = PolicyPrediction.objects.order_by("policy_id")
    assert list(scores.filter(prediction=shadows).values_list("logit", flat=True)) == list(
        scores.filter(prediction=champions).values_list("logit", flat=True)
    )
    tasks.score_pending()
    assert _made_by(shadowed) == 1


def test_what_was_scored_before_the_shadow_began_is_not_scored_by_it(integrator: User, admin: User) -> None:
    factories.case(sent_by=integrator)
    version = shadow.begin(version=registry.register_starter(acting_user=admin), acting_user=admin)
    assert shadow.score_latest(limit=10) == 0
    assert _made_by(version) == 0


def test_a_shadow_never_routes_nor_becomes_evidence(
    shadowed: ModelVersion, integrator: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shadow flags everything graphic; the champion flags nothing, and people see the champion's view alone."""
    content = factories.content(factories.BENIGN, sent_by=integrator)
    factories.score_all()
    real = scoring.scoring.score_texts

    def alarmed(*arguments: Any, **options: Any) -> Any:
        import dataclasses

        return [
            dataclasses.replace(
                scored,
                policies=tuple(
                    dataclasses.replace(row, score=0.99, logit=5.0, flagged=True) for row in scored.policies
                ),
            )
            for scored in real(*arguments, **options)
        ]

    monkeypatch.setattr(scoring.scoring, "score_texts", alarmed)
    assert shadow.score_latest(limit=10) == 1
    assert PolicyPrediction.objects.filter(prediction__model_version=shadowed, flagged=True).exists()
    assert not Case.objects.exists()
    prediction = cases.prediction_of(content.current_revision)
    assert prediction is not None
    assert prediction.model_version == registry.champion()
    monkeypatch.undo()
    case = factories.case(factories.BENIGN, sent_by=integrator, id=content.external_id)
    assert case.content == content
    assert workspace.graphic_policies(case) == []
    shown = evidence.freeze_evidence(case.reviews.get(), shown_to=moderator)
    assert shown.prediction == prediction


def test_a_shadows_word_does_not_stand_in_for_a_champion_that_has_not_spoken(
    shadowed: ModelVersion, integrator: User
) -> None:
    content = factories.content(sent_by=integrator)
    assert content.current_revision is not None
    scoring.append_predictions([content.current_revision], [{}], version=shadowed)
    assert cases.prediction_of(content.current_revision) is None


def test_a_broken_shadow_holds_up_nobody(
    shadowed: ModelVersion, integrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.load

    def fails(version: ModelVersion) -> Any:
        if version == shadowed:
            raise ModelUnavailable("gone")
        return real(version)

    monkeypatch.setattr(registry, "load", fails)
    factories.content(sent_by=integrator)
    assert tasks.score_pending() == 1
    assert _made_by(shadowed) == 0


def test_one_text_the_shadow_cannot_score_keeps_no_other_back(
    shadowed: ModelVersion, integrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = factories.content("bad", sent_by=integrator)
    good = factories.content("good", sent_by=integrator)
    factories.score_all()
    real = scoring.append_predictions

    def fails(revisions: Any, contexts: Any, *, version: ModelVersion) -> None:
        if bad.current_revision in revisions:
            raise ValueError
        real(revisions, contexts, version=version)

    monkeypatch.setattr(scoring, "append_predictions", fails)
    assert shadow.score_latest(limit=settings.SCORING_BATCH) == 1
    assert Prediction.objects.get(model_version=shadowed).revision == good.current_revision


def test_one_shadow_at_a_time_and_never_a_former_champion(shadowed: ModelVersion, admin: User) -> None:
    other = registry.register_starter(acting_user=admin)
    with pytest.raises(Conflict, match="v2 scores in shadow already"):
        shadow.begin(version=other, acting_user=admin)
    shadow.refuse(version=shadowed, acting_user=admin)
    with pytest.raises(Conflict, match="has been champion"):
        shadow.begin(version=registry.champion(), acting_user=admin)
    assert shadow.begin(version=other, acting_user=admin).status == ModelStatus.SHADOW


def test_a_promotion_ends_the_shadow(shadowed: ModelVersion, integrator: User, admin: User) -> None:
    training.promote(version=shadowed, acting_user=admin)
    assert registry.champion() == shadowed
    assert registry.shadow() is None
    factories.content(sent_by=integrator)
    tasks.score_pending()
    assert Prediction.objects.get().model_version == shadowed


def test_a_refusal_ends_the_shadow_and_keeps_what_it_said(
    shadowed: ModelVersion, integrator: User, admin: User
) -> None:
    factories.content(sent_by=integrator)
    tasks.score_pending()
    assert shadow.refuse(version=shadowed, acting_user=admin).status == ModelStatus.REFUSED
    factories.content(sent_by=integrator)
    tasks.score_pending()
    assert _made_by(shadowed) == 1
    kinds = AuditEvent.objects.filter(kind__in=["model.shadowed", "model.refused"]).order_by("pk")
    assert list(kinds.values_list("kind", "actor__username")) == [
        ("model.shadowed", "admin"),
        ("model.refused", "admin"),
    ]
    with pytest.raises(Conflict, match="does not score in shadow"):
        shadow.refuse(version=shadowed, acting_user=admin)


@pytest.mark.parametrize("act", [shadow.begin, shadow.refuse])
def test_only_administrators_begin_and_end_a_shadow(act: Any, shadowed: ModelVersion, senior: User) -> None:
    with pytest.raises(NotPermitted):
        act(version=shadowed, acting_user=senior)


def test_champion_and_shadow_are_compared_on_traffic_and_on_judged_texts(
    shadowed: ModelVersion, integrator: User, moderator: User
) -> None:
    case = factories.case(sent_by=integrator)
    factories.content(factories.BENIGN, sent_by=integrator)
    tasks.score_pending()
    factories.decide(factories.claim(case, moderator), moderator)
    rows = {row.policy: row for row in comparison.compare(shadowed).policies}
    harassment = rows["harassment"]
    assert (harassment.texts, harassment.agreement) == (2, 1.0)
    assert harassment.champion_flag_rate == harassment.shadow_flag_rate == 0.5
    assert harassment.psi is None
    assert (harassment.judged, harassment.violating) == (1, 1)
    assert harassment.shadow == harassment.champion == comparison.Worth(1.0, 1.0, 1.0)
    assert rows["spam"].judged == 0
    assert rows["spam"].shadow == comparison.Worth(None, None, None)


def test_nothing_scored_compares_to_nothing(shadowed: ModelVersion) -> None:
    assert list(comparison.compare(shadowed).policies) == []
