"""Retraining: freeze the labels, train a candidate, put it through its gates, promote it or say why not."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from moderation import audit, enqueue
from moderation.enums import ModelStatus, Split, WhyShown
from moderation.errors import Conflict
from moderation.learning import registry
from moderation.learning import training as learning
from moderation.learning.training import Example
from moderation.models import ContentRevision, Gate, Label, ModelVersion, TrainingSet, TrainingSetItem, User
from moderation.permissions import Permission, require
from moderation.services import scoring

_TRAINING_LOCK = 2  # first key of the advisory lock: one training at a time
SEED = 0


def retrain(*, acting_user: User | None) -> ModelVersion | None:
    """Train a candidate on all current labels, judge it, and promote it if its gates allow.

    ``None`` if there are fewer than ``RETRAIN_MINIMUM_LABELS`` labels to learn from. Raises ``Conflict`` if another
    training runs, ``ModelUnavailable`` without a champion. A run that dies leaves no half-registered version.
    """
    with _one_training_at_a_time():
        training_set = freeze_training_set()
        if training_set is None:
            return None
        return train_on(training_set, acting_user=acting_user)


def train_on(training_set: TrainingSet, *, acting_user: User | None) -> ModelVersion:
    """Train a candidate on a frozen training set and judge it against the champion."""
    parent = registry.champion()
    champion = registry.load(parent)
    examples = learning.examples_of(training_set)
    candidate = learning.train_candidate(champion, examples, seed=SEED)
    version = registry.register(
        candidate,
        acting_user=acting_user,
        parent=parent,
        training_set=training_set,
        note="Retrained on decisions",
    )
    audit.model_trained(version, actor=acting_user)
    return judge(version, champion=parent, examples=examples, acting_user=acting_user)


def judge(
    version: ModelVersion,
    *,
    champion: ModelVersion,
    examples: Sequence[Example],
    acting_user: User | None,
) -> ModelVersion:
    """Run the gates, keep every figure, then promote the candidate or refuse it."""
    results = learning.run_gates(registry.load(champion), registry.load(version), examples, seed=SEED)
    passed, reason = learning.promotable(results)
    with transaction.atomic():
        Gate.objects.bulk_create(
            Gate(
                model_version=version,
                champion=champion,
                name=result.name,
                passed=result.passed,
                insufficient=result.insufficient,
                figures=dict(result.figures),
                reason=result.reason[:500],
            )
            for result in results
        )
        version.note = f"{version.note}. {reason}"[:300]
        if not passed:
            version.status = ModelStatus.REFUSED
        version.save(update_fields=["status", "note"])
        if passed:
            return promote(version=version, acting_user=acting_user)
        audit.model_refused(
            version, actor=acting_user, gates=[r.name for r in results if not r.passed or r.insufficient]
        )
    return version


@transaction.atomic
def promote(*, version: ModelVersion, acting_user: User | None) -> ModelVersion:
    """Make the version champion and have open cases scored anew. A person needs ``MANAGE``."""
    if acting_user is not None:
        require(acting_user, Permission.MANAGE)
    version = registry.promote(version, acting_user=acting_user)
    _rescore()
    return version


@transaction.atomic
def roll_back(*, acting_user: User) -> ModelVersion:
    """Go back to the champion before the present one and have open cases scored anew."""
    require(acting_user, Permission.MANAGE)
    version = registry.roll_back(acting_user=acting_user)
    _rescore()
    return version


def request_retrain(*, acting_user: User) -> None:
    """Have a worker retrain. Raises ``NotPermitted``; ``Conflict`` where there is too little to learn from."""
    require(acting_user, Permission.MANAGE)
    count = _trainable().count()
    if count < settings.RETRAIN_MINIMUM_LABELS:
        raise Conflict(f"There are {count} labels to learn from; training needs {settings.RETRAIN_MINIMUM_LABELS}.")
    enqueue.retrain(user_id=acting_user.pk)


def is_due() -> bool:
    """Whether enough new labels have come since the last training set."""
    last = TrainingSet.objects.order_by("-pk").first()
    fresh = _trainable()
    if last is not None:
        fresh = fresh.filter(created_at__gt=last.created_at)
    return bool(fresh.count() >= settings.RETRAIN_MINIMUM_LABELS)


@transaction.atomic
def freeze_training_set() -> TrainingSet | None:
    """Write down which labels there are to learn from, and on which side each stands; ``None`` if too few.

    Left out: withdrawn labels, erased texts, texts that bridge the split, golden items and their near-duplicates, and
    of random audits what would be trained on: what automation is guaranteed by must not have been learned.
    """
    rows = list(_trainable().order_by("pk").values_list("pk", "revision__group__split"))
    if len(rows) < settings.RETRAIN_MINIMUM_LABELS:
        return None
    digest = hashlib.sha256("".join(f"{pk}:{split}\n" for pk, split in rows).encode()).hexdigest()
    training_set = TrainingSet.objects.create(digest=digest, label_count=len(rows))
    TrainingSetItem.objects.bulk_create(
        (TrainingSetItem(training_set=training_set, label_id=pk, split=Split(split)) for pk, split in rows),
        batch_size=2000,
    )
    return training_set


def _trainable() -> QuerySet[Label]:
    golden = ContentRevision.objects.filter(golden__isnull=False, group__isnull=False)
    return (
        Label.objects.current()
        .filter(value__isnull=False, revision__erased_at__isnull=True, revision__bridges_split=False)
        .filter(revision__group__isnull=False)
        .exclude(revision__group__in=golden.values("group"))
        .exclude(why_shown=WhyShown.RANDOM_AUDIT, revision__group__split=Split.TRAIN)
    )


def _rescore() -> None:
    scoring.request_rescore()
    enqueue.nudge_scoring()


@contextmanager
def _one_training_at_a_time() -> Iterator[None]:
    """A session-level advisory lock; a process that dies gives it back with its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [_TRAINING_LOCK])
        taken: bool = cursor.fetchone()[0]
    if not taken:
        raise Conflict("Another training is running.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [_TRAINING_LOCK])
