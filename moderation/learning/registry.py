"""Model versions: files in the store, pinned by hash in the database, loaded once a process."""

import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from ml import artifacts
from ml.errors import ArtifactError
from ml.model import Model
from moderation import audit
from moderation.enums import ModelStatus
from moderation.errors import Conflict, InvalidInput, ModelUnavailable, NotFound
from moderation.models import ModelVersion, TrainingSet, User

_loaded: dict[str, Model] = {}


def champion() -> ModelVersion:
    """The version that scores; raises ``ModelUnavailable`` if there is none."""
    version = ModelVersion.objects.filter(status=ModelStatus.CHAMPION).first()
    if version is None:
        raise ModelUnavailable("No model version has been promoted yet.")
    return version


def shadow() -> ModelVersion | None:
    """The version that scores in shadow, if one does."""
    return ModelVersion.objects.filter(status=ModelStatus.SHADOW).first()


def load(version: ModelVersion) -> Model:
    """The version's model, its hash checked against the pinned one; kept in memory, the last two versions.

    Raises ``ModelUnavailable`` if the files are missing, altered or of an unsupported format.
    """
    model = _loaded.get(version.sha256)
    if model is None:
        try:
            model = artifacts.load(folder_of(version), sha256=version.sha256)
        except ArtifactError as error:
            raise ModelUnavailable(f"Model v{version.number} cannot be loaded: {error}") from error
        while len(_loaded) > 1:
            _loaded.pop(next(iter(_loaded)))
        _loaded[version.sha256] = model
    return model


def folder_of(version: ModelVersion) -> Path:
    """Where the version's files lie."""
    return Path(settings.MODEL_STORE) / version.folder


@transaction.atomic
def register(
    model: Model,
    *,
    acting_user: User | None,
    parent: ModelVersion | None = None,
    training_set: TrainingSet | None = None,
    note: str = "",
) -> ModelVersion:
    """Write the model to the store and a candidate row that pins its hash."""
    number = _next_number()
    artifacts.save(model, _fresh_folder(number))
    return _record(number, acting_user=acting_user, parent=parent, training_set=training_set, note=note)


@transaction.atomic
def register_starter(*, acting_user: User | None) -> ModelVersion:
    """Register the starter model that comes with the code, byte for byte. Raises ``ModelUnavailable``."""
    number = _next_number()
    try:
        shutil.copytree(artifacts.starter_path(), _fresh_folder(number))
        version = _record(number, acting_user=acting_user, note="Starter model")
    except OSError as error:
        raise ModelUnavailable(f"The starter model cannot be read: {type(error).__name__}.") from error
    load(version)
    return version


@transaction.atomic
def promote(version: ModelVersion, *, acting_user: User | None) -> ModelVersion:
    """Make the version champion; the champion before it is retired. Its files must load first."""
    load(version)
    return _crown(version, acting_user=acting_user, rollback=False)


@transaction.atomic
def begin_shadow(version: ModelVersion, *, acting_user: User) -> ModelVersion:
    """Have the version score live traffic without a say in it. Its files must load first.

    Raises ``Conflict`` if another version does, or if this one is or was champion.
    """
    load(version)
    locked = {row.pk: row for row in ModelVersion.objects.select_for_update().order_by("pk")}
    version = locked[version.pk]
    present = next((row for row in locked.values() if row.status == ModelStatus.SHADOW), None)
    if present is not None:
        raise Conflict(f"Model v{present.number} scores in shadow already; promote or refuse it first.")
    if version.promoted_at is not None:
        raise Conflict(f"Model v{version.number} has been champion; only a new version can score in shadow.")
    version.status = ModelStatus.SHADOW
    version.shadowed_at = timezone.now()
    version.save(update_fields=["status", "shadowed_at"])
    audit.model_shadowed(version, actor=acting_user)
    return version


@transaction.atomic
def refuse(version: ModelVersion, *, acting_user: User) -> ModelVersion:
    """End the version's shadow by refusing it. Raises ``Conflict`` if it does not score in shadow."""
    version = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if version.status != ModelStatus.SHADOW:
        raise Conflict(f"Model v{version.number} does not score in shadow.")
    version.status = ModelStatus.REFUSED
    version.save(update_fields=["status"])
    audit.model_refused(version, actor=acting_user, gates=[])
    return version


@transaction.atomic
def roll_back(*, acting_user: User | None) -> ModelVersion:
    """Make the version that was champion before the present one champion again.

    Raises ``Conflict`` if there is none.
    """
    present = champion()
    before = (
        ModelVersion.objects.filter(status=ModelStatus.RETIRED, promoted_at__lt=present.promoted_at)
        .order_by("-promoted_at")
        .first()
    )
    if before is None:
        raise Conflict("No earlier champion to go back to.")
    load(before)
    return _crown(before, acting_user=acting_user, rollback=True)


def get(number: int) -> ModelVersion:
    """The version of that number; raises ``NotFound``."""
    version = ModelVersion.objects.filter(number=number).first()
    if version is None:
        raise NotFound(f"There is no model v{number}.")
    return version


def _next_number() -> int:
    return (ModelVersion.objects.aggregate(last=Max("number"))["last"] or 0) + 1


def _folder_name(number: int) -> str:
    return f"v{number:04d}"


def _fresh_folder(number: int) -> Path:
    """Where version ``number`` is to lie, free of what a run that died before its commit left behind."""
    folder = Path(settings.MODEL_STORE) / _folder_name(number)
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _record(
    number: int,
    *,
    acting_user: User | None,
    parent: ModelVersion | None = None,
    training_set: TrainingSet | None = None,
    note: str,
) -> ModelVersion:
    """The row of the files that lie in the store under ``number``."""
    folder = _folder_name(number)
    manifest: dict[str, Any] = json.loads(
        (Path(settings.MODEL_STORE) / folder / artifacts.MANIFEST).read_text(encoding="utf-8")
    )
    version = ModelVersion.objects.create(
        number=number,
        sha256=manifest["sha256"],
        folder=folder,
        manifest=manifest,
        parent=parent,
        training_set=training_set,
        note=note,
        created_by=acting_user,
    )
    audit.model_registered(version, actor=acting_user)
    return version


def _crown(version: ModelVersion, *, acting_user: User | None, rollback: bool) -> ModelVersion:
    locked = {row.pk: row for row in ModelVersion.objects.select_for_update().order_by("pk")}
    version = locked[version.pk]
    if version.status == ModelStatus.REFUSED and acting_user is None:
        raise InvalidInput(f"Model v{version.number} was refused by its gates.")
    previous = next((row for row in locked.values() if row.status == ModelStatus.CHAMPION), None)
    if previous is not None and previous.pk == version.pk:
        raise Conflict(f"Model v{version.number} is the champion already.")
    if previous is not None:
        previous.status = ModelStatus.RETIRED
        previous.save(update_fields=["status"])
    version.status = ModelStatus.CHAMPION
    if not rollback or version.promoted_at is None:
        version.promoted_at = timezone.now()
    version.save(update_fields=["status", "promoted_at"])
    if rollback and previous is not None:
        audit.model_rolled_back(version, actor=acting_user, previous=previous.number)
    else:
        audit.model_promoted(version, actor=acting_user, previous=previous.number if previous else None)
    return version
