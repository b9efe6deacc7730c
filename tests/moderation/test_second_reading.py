"""The second reader reads what people will: nothing lost, nothing twice, and the console works without it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from moderation import tasks
from moderation.learning import second_reader
from moderation.models import Policy, PolicyPrediction, PolicySecondReading, SecondReading, User
from moderation.selectors import second_readings, workspace
from moderation.services import scoring, second_reading
from tests import factories

POISON = "this text breaks the second reader"
READER = "a" * 64
STARTER = Path(__file__).resolve().parents[2] / "ml" / "starter_context"


class Sum:
    """A stack that weighs both readers alike."""

    def logits(self, first: Any, second: Any) -> Any:
        """The plain sum."""
        return first + second


class Double:
    """A second reader that is sure nothing is harassment; one text breaks it, and it can fail after its work."""

    version = READER
    policies = ("harassment", "unheard of")
    stacks: dict[str, Sum] = {"harassment": Sum(), "unheard of": Sum()}
    dies = False

    def score(self, texts: Sequence[str]) -> Any:
        """One row a text."""
        if self.dies:
            raise OperationalError("the worker is gone")
        if POISON in texts:
            raise ValueError(f"cannot read {texts}")
        return np.full((len(texts), 2), -4.0)


@pytest.fixture
def reader(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Double:
    """A second reader that is on."""
    settings.SECOND_READER = "/nowhere"
    double = Double()
    monkeypatch.setattr(second_reader, "_load", lambda: double)
    return double


def test_each_open_case_is_read_once_with_both_readers_scores(reader: Double, integrator: User) -> None:
    cases = [factories.case(f"{factories.ABUSIVE} {number}", sent_by=integrator) for number in range(3)]
    versions = [case.version for case in cases]
    assert tasks.read_a_second_time() == 3
    assert tasks.read_a_second_time() == 0
    assert SecondReading.objects.filter(reader=READER).count() == 3
    for row in PolicySecondReading.objects.select_related("reading"):
        first = PolicyPrediction.objects.get(prediction=row.reading.prediction_id, policy=row.policy)
        assert (row.first_logit, row.second_logit) == (first.logit, -4.0)
        assert row.stacked_logit == pytest.approx(first.logit - 4.0)
    for case, version in zip(cases, versions, strict=True):
        case.refresh_from_db()
        assert case.version == version


def test_a_new_version_reads_what_the_old_one_had_read(reader: Double, integrator: User) -> None:
    factories.case(sent_by=integrator)
    tasks.read_a_second_time()
    reader.version = "b" * 64
    assert tasks.read_a_second_time() == 1
    assert SecondReading.objects.count() == 2


def test_a_text_that_breaks_it_holds_up_no_other(reader: Double, integrator: User) -> None:
    for text in (factories.ABUSIVE, POISON, factories.SPAM):
        factories.case(text, sent_by=integrator)
    assert tasks.read_a_second_time() == 3
    assert tasks.read_a_second_time() == 0
    failed = SecondReading.objects.exclude(failure="")
    assert [(row.failure, row.prediction.revision.text) for row in failed] == [("ValueError", POISON)]


def test_what_was_under_way_when_the_worker_went_is_read_by_the_next(reader: Double, integrator: User) -> None:
    factories.case(sent_by=integrator)
    reader.dies = True
    with pytest.raises(OperationalError):
        second_reading.read_waiting(limit=10)
    assert not SecondReading.objects.exists()
    reader.dies = False
    assert second_reading.read_waiting(limit=10) == 1


def test_a_missing_artifact_stops_nothing_else(settings: Any, tmp_path: Any, integrator: User) -> None:
    settings.SECOND_READER = str(tmp_path)
    case = factories.case(sent_by=integrator)
    assert tasks.read_a_second_time() == 0
    assert scoring.score_pending(limit=10) == 0
    assert case.queue is not None


def test_readiness_tells_that_texts_wait_too_long(reader: Double, settings: Any, integrator: User) -> None:
    cache.clear()
    assert Client().get("/readyz").json()["second_reader"] == "ok"
    settings.SECOND_READER_SECONDS = -1.0
    factories.case(sent_by=integrator)
    cache.clear()
    ready = Client().get("/readyz").json()
    assert (ready["status"], ready["second_reader"]) == ("degraded", "unavailable")
    tasks.read_a_second_time()
    cache.clear()
    assert Client().get("/readyz").json()["second_reader"] == "ok"
    cache.clear()


def test_evidence_keeps_what_had_been_read_by_then(
    reader: Double, integrator: User, moderator: User, colleague: User
) -> None:
    early, late = (factories.case(text, sent_by=integrator) for text in (factories.ABUSIVE, factories.SPAM))
    before = factories.claim(early, moderator).evidence
    tasks.read_a_second_time()
    after = factories.claim(late, colleague).evidence
    assert second_readings.opinion_in(before) == second_readings.SecondOpinion(is_read=False, opinions=[])
    told = second_readings.opinion_in(after)
    assert told is not None
    assert told.is_read
    assert before.second_reading is None


def test_the_page_says_in_words_that_the_readers_disagree(
    reader: Double, integrator: User, moderator: User, client: Client
) -> None:
    case = factories.case(sent_by=integrator)
    flagged = PolicyPrediction.objects.get(prediction__revision__content=case.content, policy__slug="harassment")
    assert flagged.flagged
    client.force_login(moderator)
    tasks.read_a_second_time()
    evidence = factories.claim(case, moderator).evidence
    told = workspace.workspace_of(evidence).second
    assert told is not None
    assert [opinion.policy.slug for opinion in told.disagreements] == ["harassment"]
    assert "The readers disagree on" in client.get(reverse("review_case", args=[case.pk])).content.decode()
    evidence.blind = True  # as a blind review would have frozen it
    assert second_readings.opinion_in(evidence) is None


def test_the_starter_itself_reads_any_text_that_people_will(settings: Any, integrator: User) -> None:
    settings.SECOND_READER = str(STARTER)
    texts = [factories.ABUSIVE, "word " * 4000, "\u202e\u200b", "🐒" * 50]
    for number, text in enumerate(texts):
        factories.case(f"{text} {number}", sent_by=integrator)
    assert tasks.read_a_second_time() == len(texts)
    assert not SecondReading.objects.exclude(failure="").exists()
    rows = PolicySecondReading.objects.all()
    assert len(rows) == len(texts) * len(Policy.objects.filter(is_active=True))
    assert all(np.isfinite([row.second_logit, row.stacked_logit]).all() for row in rows)


def test_an_altered_artifact_is_never_read_with(settings: Any, tmp_path: Path, integrator: User) -> None:
    folder = shutil.copytree(STARTER, tmp_path / "altered")
    with (folder / "heads.npz").open("ab") as file:
        file.write(b"x")
    settings.SECOND_READER = str(folder)
    factories.case(sent_by=integrator)
    assert tasks.read_a_second_time() == 0
    assert not SecondReading.objects.exists()
