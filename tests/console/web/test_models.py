"""The pages of model versions."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from moderation import enqueue, tasks
from moderation.enums import ModelStatus
from moderation.learning import registry
from moderation.models import Gate, ModelVersion, User
from tests import factories


@pytest.fixture
def candidate(installation: None) -> ModelVersion:
    """A version refused by one of its gates."""
    champion = registry.champion()
    version = registry.register(registry.load(champion), acting_user=None, parent=champion, note="Retrained")
    version.status = ModelStatus.REFUSED
    version.save(update_fields=["status"])
    Gate.objects.create(
        model_version=version,
        champion=champion,
        name="insertion_probe",
        passed=False,
        figures={"recall_before": 0.91, "recall_after": 0.42, "policy": "spam", "missing": None},
        reason="One word too many turns violations into fine texts.",
    )
    return version


@pytest.fixture
def browser_of_admin(sign_in: Callable[[User], Client], admin: User) -> Client:
    """The administrator's browser."""
    return sign_in(admin)


def test_versions_are_listed_with_their_gates(browser_of_moderator: Client, candidate: ModelVersion) -> None:
    page = browser_of_moderator.get(reverse("models")).content.decode()
    assert "Champion" in page
    assert "Refused</span>" in page
    assert "1 refused" in page
    assert "Retrain</button>" not in page


def test_a_refusal_is_shown_with_its_reason_and_figures(browser_of_moderator: Client, candidate: ModelVersion) -> None:
    page = browser_of_moderator.get(reverse("model", args=[candidate.number])).content.decode()
    assert "One word too many" in page
    assert "recall_after 0.42" in page
    assert "missing —" in page
    assert reverse("promote", args=[candidate.number]) not in page


def test_words_that_weigh_most_are_shown_folded_away(browser_of_moderator: Client, candidate: ModelVersion) -> None:
    assert (
        reverse("model_words", args=[candidate.number])
        in browser_of_moderator.get(reverse("model", args=[candidate.number])).content.decode()
    )

    answer = browser_of_moderator.get(reverse("model_words", args=[candidate.number]))

    page = answer.content.decode()
    assert page.count("<details") == len(candidate.manifest["policies"])
    assert "<details open" not in page
    raising = answer.context["policies"][0].raising
    assert raising[0].value > 0.0
    assert raising[0].word in page


def test_gates_without_evidence_stand_apart(browser_of_moderator: Client, candidate: ModelVersion) -> None:
    Gate.objects.create(
        model_version=candidate,
        champion=registry.champion(),
        name="ranking:violence",
        passed=False,
        insufficient=True,
        figures={"positives": 3},
        reason="Too little evidence: 3 test positives, 50 are needed.",
    )
    profile = browser_of_moderator.get(reverse("model", args=[candidate.number])).context["profile"]
    assert [gate.name for gate in profile.judged] == ["insertion_probe"]
    assert [gate.name for gate in profile.unjudged] == ["ranking:violence"]


def test_an_unknown_version_is_a_404(browser_of_moderator: Client) -> None:
    assert browser_of_moderator.get(reverse("model", args=[99])).status_code == 404


def test_an_administrator_promotes_and_rolls_back(browser_of_admin: Client, candidate: ModelVersion) -> None:
    before = registry.champion()
    answer = browser_of_admin.post(reverse("promote", args=[candidate.number]), follow=True)
    assert b"scores from now on" in answer.content
    assert registry.champion() == candidate
    answer = browser_of_admin.post(reverse("roll_back"), follow=True)
    assert b"earlier model scores again" in answer.content
    assert registry.champion() == before


def test_a_promotion_that_cannot_be_is_said(browser_of_admin: Client) -> None:
    answer = browser_of_admin.post(reverse("promote", args=[registry.champion().number]), follow=True)
    assert b"champion already" in answer.content


def test_a_roll_back_without_an_earlier_champion_is_said(browser_of_admin: Client) -> None:
    answer = browser_of_admin.post(reverse("roll_back"), follow=True)
    assert b"No earlier champion" in answer.content


def test_training_on_nothing_is_refused_in_words(browser_of_admin: Client) -> None:
    answer = browser_of_admin.post(reverse("retrain"), follow=True)
    assert b"There are 0 labels to learn from" in answer.content


def test_an_administrator_asks_for_training(
    browser_of_admin: Client, admin: User, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRAIN_MINIMUM_LABELS = 0
    asked: list[dict[str, int]] = []
    monkeypatch.setattr(enqueue, "retrain", lambda **ids: asked.append(ids))
    answer = browser_of_admin.post(reverse("retrain"), follow=True)
    assert asked == [{"user_id": admin.pk}]
    assert b"Training has been asked for" in answer.content


def test_a_shadow_is_begun_compared_and_refused(
    browser_of_admin: Client, candidate: ModelVersion, integrator: User
) -> None:
    answer = browser_of_admin.post(reverse("begin_shadow", args=[candidate.number]), follow=True)
    assert b"scores in shadow from now on" in answer.content
    assert b"No text has been scored by both yet" in answer.content
    factories.content(sent_by=integrator)
    tasks.score_pending()
    page = browser_of_admin.get(reverse("model", args=[candidate.number])).content.decode()
    assert "In shadow, beside v1" in page
    assert "100.0 %" in page
    page = browser_of_admin.get(reverse("model", args=[registry.champion().number])).content.decode()
    assert "scores the same traffic in shadow" in page
    answer = browser_of_admin.post(reverse("refuse_shadow", args=[candidate.number]), follow=True)
    assert b"is refused and scores no more" in answer.content
    assert registry.shadow() is None


def test_a_champion_cannot_score_in_shadow(browser_of_admin: Client) -> None:
    answer = browser_of_admin.post(reverse("begin_shadow", args=[registry.champion().number]), follow=True)
    assert b"has been champion" in answer.content


def test_moderators_see_a_shadow_but_cannot_change_it(browser_of_moderator: Client, candidate: ModelVersion) -> None:
    page = browser_of_moderator.get(reverse("model", args=[candidate.number])).content.decode()
    assert reverse("begin_shadow", args=[candidate.number]) not in page


def test_the_champions_page_says_what_the_drift_check_found(browser_of_moderator: Client) -> None:
    address = reverse("model", args=[registry.champion().number])
    assert b"Not checked yet" in browser_of_moderator.get(address).content
    tasks.check_drift()
    page = browser_of_moderator.get(address).content.decode()
    assert "Too little data to tell: this model has scored 0 texts of the last 7 days" in page


def test_an_administrator_calibrates_a_policy(browser_of_admin: Client) -> None:
    answer = browser_of_admin.post(reverse("calibrate", args=["harassment"]), {"precision": "0.9"}, follow=True)
    page = answer.content.decode()
    assert "The 0 audited texts promise a precision of 90.0% at no score" in page
    assert "calibration 1" in page


@pytest.mark.parametrize("precision", ["", "many", "0.2", "1"])
def test_a_precision_that_is_none_is_said(browser_of_admin: Client, precision: str) -> None:
    answer = browser_of_admin.post(reverse("calibrate", args=["harassment"]), {"precision": precision}, follow=True)
    assert b"must be a number between 0.5 and 0.999" in answer.content


def test_an_unknown_policy_is_a_404(browser_of_admin: Client) -> None:
    assert browser_of_admin.post(reverse("calibrate", args=["nothing"]), {"precision": "0.9"}).status_code == 404


def test_a_moderator_sees_no_calibration_form(browser_of_moderator: Client) -> None:
    page = browser_of_moderator.get(reverse("model", args=[registry.champion().number])).content.decode()
    assert "Guaranteed precision" in page
    assert reverse("calibrate", args=["harassment"]) not in page
