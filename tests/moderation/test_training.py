"""Retraining with the real model: what is learnt from, what the gates let through, what follows a promotion."""

import hashlib
import itertools
import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.core.management import CommandError, call_command
from django.utils import timezone
from kombu.exceptions import OperationalError

from ml import artifacts, train
from moderation import enqueue, tasks
from moderation.enums import ModelStatus, ScoringState, Split
from moderation.errors import BrokerUnavailable, Conflict, InvalidInput, ModelUnavailable, ModerationError, NotPermitted
from moderation.learning import registry
from moderation.learning import training as learning
from moderation.models import (
    AuditEvent,
    Case,
    Content,
    ContentRevision,
    Decision,
    Evidence,
    Gate,
    GoldenItem,
    Judgement,
    Label,
    ModelVersion,
    Policy,
    Prediction,
    Queue,
    Review,
    TextGroup,
    TrainingSet,
    User,
)
from moderation.services import decisions, training
from tests import factories
from tests.moderation.concurrency import at_once

_INSULTS = ["worthless", "pathetic", "loser", "clown", "disgusting", "coward", "useless", "trash"]
_WORDS = ["garden", "train", "paint", "music", "window", "river", "letter", "coffee", "winter", "bicycle"]


def _insult(number: int) -> str:
    chosen = random.Random(number)
    return f"{' '.join(chosen.sample(_WORDS, 2))} you {' '.join(chosen.sample(_INSULTS, 3))} {chosen.choice(_WORDS)}"


def _chat(number: int) -> str:
    chosen = random.Random(number)
    return f"{' '.join(chosen.sample(_WORDS, 4))} and you like {chosen.choice(_WORDS)}"


def _label(texts: Sequence[str], values: Sequence[bool], *, split: str, person: User) -> None:
    """Decided cases with a label each, as the services would leave them, in a few statements."""
    now = timezone.now()
    policy = Policy.objects.get(slug="harassment")
    queue = Queue.objects.get(slug="abuse")
    contents = Content.objects.bulk_create(
        Content(external_id=f"t-{uuid.uuid4()}", type="message", created_at=now, scoring_state=ScoringState.SCORED)
        for _ in texts
    )
    groups = TextGroup.objects.bulk_create(TextGroup(split=split) for _ in texts)
    revisions = ContentRevision.objects.bulk_create(
        ContentRevision(
            content=content, number=1, text=text, digest=hashlib.sha256(text.encode()).hexdigest(), group=group
        )
        for content, group, text in zip(contents, groups, texts, strict=True)
    )
    cases = Case.objects.bulk_create(
        Case(
            content=content, queue=queue, status="decided", why_shown="reported", priority=0, opened_at=now, due_at=now,
            closed_at=now,
        )
        for content in contents
    )  # fmt: skip
    reviews = Review.objects.bulk_create(
        Review(case=case, queue=queue, state="judged", reviewer=person, priority=0) for case in cases
    )
    evidence = Evidence.objects.bulk_create(
        Evidence(
            review=review, case=case, case_version=1, revision=revision, shown_to=person, policies=[], rule_hits=[],
            report_ids=[], priority_parts=[], why_shown="reported", sampling_probability=1.0,
        )
        for review, case, revision in zip(reviews, cases, revisions, strict=True)
    )  # fmt: skip
    opinions = [{"verdict": "violates", "policies": [policy.slug]} if value else {"verdict": "ok"} for value in values]
    judgements = Judgement.objects.bulk_create(
        Judgement(review=review, evidence=shown, reviewer=person, seconds=1, **opinion)
        for review, shown, opinion in zip(reviews, evidence, opinions, strict=True)
    )
    made = Decision.objects.bulk_create(
        Decision(case=case, judgement=judgement, kind="review", decided_by=person, undo_until=now, **opinion)
        for case, judgement, opinion in zip(cases, judgements, opinions, strict=True)
    )
    Label.objects.bulk_create(
        Label(
            revision=revision, policy=policy, value=value, why_shown="reported", sampling_probability=1.0,
            decision=decision, evidence=shown,
        )
        for revision, value, decision, shown in zip(revisions, values, made, evidence, strict=True)
    )  # fmt: skip


def _teach(person: User, *, train: int = 120, test: int = 240, truth: Callable[[bool], bool] = bool) -> None:
    """Insults and chat, half and half; ``truth`` turns what a text is into what the train side says of it."""
    numbers = itertools.count()
    for split, size in ((Split.TRAIN, train), (Split.TEST, test)):
        kinds = [bool(number % 2) for number in range(size)]
        texts = [_insult(next(numbers)) if kind else _chat(next(numbers)) for kind in kinds]
        values = [truth(kind) if split == Split.TRAIN else kind for kind in kinds]
        _label(texts, values, split=split, person=person)


# What is learnt from


def test_too_few_labels_train_nothing(moderator: User) -> None:
    _teach(moderator, train=settings.RETRAIN_MINIMUM_LABELS - 1, test=0)
    assert training.retrain(acting_user=None) is None
    assert not TrainingSet.objects.exists()
    assert ModelVersion.objects.count() == 1


def test_a_training_set_leaves_out_what_must_not_teach(integrator: User, moderator: User) -> None:
    _teach(moderator, train=60, test=20)
    revisions = list(ContentRevision.objects.order_by("pk"))
    golden, bridging, erased = revisions[:3]
    GoldenItem.objects.create(revision=golden, truth={})
    ContentRevision.objects.filter(pk=bridging.pk).update(bridges_split=True)
    ContentRevision.objects.filter(pk=erased.pk).update(text="", erased_at=timezone.now())
    case = factories.case(factories.BENIGN, sent_by=integrator)
    undone = factories.decide(factories.claim(case, moderator), moderator)
    decisions.undo(decision_id=undone.pk, acting_user=moderator)
    known, twin = (factories.case("this wording is known to us", sent_by=integrator) for _ in range(2))
    GoldenItem.objects.create(revision=known.content.current_revision, truth={})
    factories.decide(factories.claim(twin, moderator), moderator)
    training_set = training.freeze_training_set()
    assert training_set is not None
    items = training_set.items.select_related("label__revision")
    learnt = {item.label.revision_id for item in items}
    assert learnt == {revision.pk for revision in revisions} - {golden.pk, bridging.pk, erased.pk}
    assert training_set.label_count == len(items) == 77
    assert {item.split for item in items} == {"train", "test"}
    assert all(item.label.value is not None for item in items)


def test_only_the_last_word_on_a_text_teaches(integrator: User, moderator: User, senior: User) -> None:
    _teach(moderator, train=60, test=0)
    case = factories.case(factories.BENIGN, sent_by=integrator, policy="hate")
    first = factories.decide(factories.claim(case, moderator), moderator, policies=["hate"])
    decisions.override(decision_id=first.pk, opinion=decisions.Opinion(verdict="ok"), acting_user=senior)
    training_set = training.freeze_training_set()
    assert training_set is not None
    values = {item.label.value for item in training_set.items.filter(label__policy__slug="hate")}
    assert values == {False}


def test_the_same_labels_freeze_to_the_same_digest(moderator: User) -> None:
    _teach(moderator, train=60, test=0)
    one, two = training.freeze_training_set(), training.freeze_training_set()
    assert one is not None
    assert two is not None
    assert one.digest == two.digest
    _teach(moderator, train=2, test=0)
    three = training.freeze_training_set()
    assert three is not None
    assert three.digest != one.digest


def test_the_test_side_is_never_trained_on(moderator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = train.continue_from

    def watch(champion: Any, examples: Sequence[Any], **options: Any) -> Any:
        seen.extend(examples)
        return real(champion, examples, **options)

    monkeypatch.setattr(train, "continue_from", watch)
    _teach(moderator, train=60, test=40)
    training.retrain(acting_user=None)
    assert len(seen) == 60
    assert {example.split for example in seen} == {"train"}


def test_an_erased_text_in_a_frozen_set_is_left_out(moderator: User) -> None:
    _teach(moderator, train=60, test=0)
    training_set = training.freeze_training_set()
    assert training_set is not None
    before = learning.examples_of(training_set)
    ContentRevision.objects.filter(pk__in=ContentRevision.objects.order_by("pk")[:5]).update(
        text="", erased_at=timezone.now()
    )
    assert len(before) == 60
    assert len(learning.examples_of(training_set)) == 55


def test_labels_on_one_side_only_are_said_to_train_nothing(moderator: User) -> None:
    _teach(moderator, train=0, test=60)
    with pytest.raises(ModerationError, match="cannot train"):
        training.retrain(acting_user=None)
    with pytest.raises(CommandError, match="cannot train"):
        call_command("retrain")
    assert ModelVersion.objects.count() == 1


def test_retraining_is_due_once_enough_labels_are_new(moderator: User) -> None:
    assert not training.is_due()
    _teach(moderator, train=settings.RETRAIN_MINIMUM_LABELS, test=0)
    assert training.is_due()
    training.freeze_training_set()
    assert not training.is_due()
    assert tasks.retrain_if_due() is None
    _teach(moderator, train=settings.RETRAIN_MINIMUM_LABELS, test=0)
    assert training.is_due()


# What becomes of a candidate


def test_a_better_candidate_becomes_champion_and_open_cases_are_scored_anew(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    _teach(moderator)
    version = training.retrain(acting_user=None)
    assert version is not None
    assert (version.number, version.status) == (2, ModelStatus.CHAMPION)
    assert version.parent == ModelVersion.objects.get(number=1, status=ModelStatus.RETIRED)
    assert version.training_set is not None
    assert version.training_set.label_count == 360
    gates = {gate.name: gate for gate in version.gates.all()}
    assert gates["ranking:harassment"].passed
    assert gates["ranking:spam"].insufficient
    figures = gates["ranking:harassment"].figures
    assert figures["candidate_average_precision"] > figures["champion_average_precision"]
    assert all(gate.champion == version.parent and gate.reason for gate in gates.values())
    assert registry.load(version).sha256 == version.sha256

    content = Content.objects.get(pk=case.content_id)
    assert content.scoring_state == ScoringState.PENDING
    factories.score_all()
    newest = Prediction.objects.filter(revision=case.content.current_revision).order_by("-pk")[0]
    assert newest.model_version == version
    before = case.version
    case.refresh_from_db()
    assert case.version == before
    kinds = list(AuditEvent.objects.filter(kind__startswith="model.").order_by("pk").values_list("kind", flat=True))
    assert kinds[-3:] == ["model.registered", "model.trained", "model.promoted"]


def test_a_candidate_of_shuffled_labels_is_refused_and_says_why(moderator: User) -> None:
    shuffled = random.Random(0)
    _teach(moderator, truth=lambda kind: not kind if shuffled.random() < 0.9 else kind)
    version = training.retrain(acting_user=None)
    assert version is not None
    assert version.status == ModelStatus.REFUSED
    assert registry.champion().number == 1
    failed = version.gates.filter(passed=False, insufficient=False)
    ranking = failed.get(name="ranking:harassment")
    assert "worse" in ranking.reason
    assert version.note.startswith(f"Retrained on decisions. {ranking.reason}")
    event = AuditEvent.objects.get(kind="model.refused")
    assert "ranking:harassment" in event.data["gates"]
    assert not Content.objects.filter(scoring_state=ScoringState.PENDING).exists()


def test_too_little_evidence_promotes_nothing_by_itself(moderator: User, admin: User) -> None:
    _teach(moderator, train=80, test=20)
    version = training.retrain(acting_user=None)
    assert version is not None
    assert version.status == ModelStatus.REFUSED
    assert version.gates.filter(insufficient=True).exists()
    with pytest.raises(InvalidInput):
        registry.promote(version, acting_user=None)
    assert training.promote(version=version, acting_user=admin).status == ModelStatus.CHAMPION


def test_a_rollback_goes_back_one_champion_at_a_time(admin: User) -> None:
    for _ in range(2):
        training.promote(version=registry.register_starter(acting_user=admin), acting_user=admin)
    assert training.roll_back(acting_user=admin).number == 2
    assert training.roll_back(acting_user=admin).number == 1
    with pytest.raises(Conflict, match="No earlier"):
        training.roll_back(acting_user=admin)
    assert ModelVersion.objects.filter(status=ModelStatus.CHAMPION).count() == 1
    assert AuditEvent.objects.filter(kind="model.rolled_back").count() == 2


def test_the_champion_cannot_be_promoted_again(admin: User) -> None:
    with pytest.raises(Conflict, match="already"):
        training.promote(version=registry.champion(), acting_user=admin)


@pytest.mark.parametrize("act", ["promote", "roll_back", "request_retrain"])
def test_only_administrators_change_the_champion(act: str, senior: User, admin: User) -> None:
    version = registry.register_starter(acting_user=admin)
    arguments = {"version": version} if act == "promote" else {}
    with pytest.raises(NotPermitted):
        getattr(training, act)(acting_user=senior, **arguments)
    assert registry.champion().number == 1


def test_a_tampered_file_is_not_promoted(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    version = registry.register_starter(acting_user=admin)
    weights = registry.folder_of(version) / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(registry, "_loaded", {})
    with pytest.raises(ModelUnavailable, match="v2"):
        training.promote(version=version, acting_user=admin)
    assert registry.champion().number == 1


def test_files_that_are_gone_are_no_crash(admin: User, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    settings.MODEL_STORE = settings.HOME / "no-such-store"
    monkeypatch.setattr(registry, "_loaded", {})
    with pytest.raises(ModelUnavailable):
        registry.load(registry.champion())


def test_the_starter_is_taken_over_byte_for_byte(installation: None) -> None:
    folder = registry.folder_of(registry.champion())
    for name in (artifacts.MANIFEST, artifacts.WEIGHTS):
        assert (folder / name).read_bytes() == (artifacts.starter_path() / name).read_bytes()


@pytest.mark.django_db(transaction=True)
def test_one_training_at_a_time(db: None) -> None:
    factories.installation()
    person = factories.user("moderator")
    _teach(person, train=60, test=0)
    with training._one_training_at_a_time():
        (refused,) = at_once([lambda: training.retrain(acting_user=None)])
    assert isinstance(refused, Conflict)
    assert not TrainingSet.objects.exists()
    (version,) = at_once([lambda: training.retrain(acting_user=None)])
    assert isinstance(version, ModelVersion), "the lock was given back"


def test_a_training_that_dies_gives_the_lock_back_and_leaves_no_version(
    moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    _teach(moderator, train=60, test=0)
    with monkeypatch.context() as broken:
        broken.setattr(learning, "train_candidate", fail)
        with pytest.raises(RuntimeError):
            training.retrain(acting_user=None)
    assert ModelVersion.objects.count() == 1
    assert training.retrain(acting_user=None) is not None


def test_a_request_to_retrain_on_too_little_says_how_much_is_needed(admin: User, moderator: User) -> None:
    _teach(moderator, train=20, test=0)
    with pytest.raises(Conflict, match="20 labels to learn from; training needs 50"):
        training.request_retrain(acting_user=admin)


def test_a_request_to_retrain_without_a_broker_says_so(
    admin: User, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _teach(moderator, train=60, test=0)

    class Unreachable:
        def apply_async(self, **_: Any) -> None:
            raise OperationalError("connection refused")

    monkeypatch.setattr(enqueue, "signature", lambda *_, **__: Unreachable())
    with pytest.raises(BrokerUnavailable):
        training.request_retrain(acting_user=admin)


def test_the_task_answers_with_the_version(moderator: User, admin: User) -> None:
    assert tasks.retrain(user_id=admin.pk) is None
    _teach(moderator, train=60, test=0)
    number = tasks.retrain(user_id=admin.pk)
    assert number is not None
    assert ModelVersion.objects.get(number=number).created_by == admin


# The command


def test_the_command_prints_every_gate_and_the_outcome(moderator: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("retrain")
    assert "too few labels" in capsys.readouterr().out
    _teach(moderator, truth=lambda kind: not kind)
    call_command("retrain")
    out = capsys.readouterr().out
    assert "FAILED  ranking:harassment" in out
    assert "insufficient  ranking:spam" in out
    assert "Model v2 was not promoted." in out
    assert len(out.splitlines()) == Gate.objects.count() + 1
