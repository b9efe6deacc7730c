"""Shadow mode: a version scores live traffic beside the champion, and nothing hangs on what it says.

Its predictions are appended after the champion's, in transactions of their own: a shadow that is slow or broken holds
up nobody.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from moderation.errors import ModelUnavailable
from moderation.learning import registry
from moderation.models import ModelVersion, Prediction, User
from moderation.permissions import Permission, require
from moderation.services import scoring

logger = logging.getLogger(__name__)

CATCH_UP = timedelta(hours=1)  # what the shadow has not got to by then is left out of the comparison


def begin(*, version: ModelVersion, acting_user: User) -> ModelVersion:
    """Have the version score live traffic in shadow. Raises ``NotPermitted``, ``Conflict``, ``ModelUnavailable``."""
    require(acting_user, Permission.MANAGE)
    return registry.begin_shadow(version, acting_user=acting_user)


def refuse(*, version: ModelVersion, acting_user: User) -> ModelVersion:
    """End the version's shadow by refusing it. Raises ``NotPermitted``, ``Conflict``."""
    require(acting_user, Permission.MANAGE)
    return registry.refuse(version, acting_user=acting_user)


def score_latest(*, limit: int) -> int:
    """Score in shadow up to ``limit`` of the latest texts that the champion has scored; how many were."""
    version = registry.shadow()
    if version is None:
        return 0
    try:
        return _score(version, limit=limit)
    except (ModelUnavailable, OperationalError, InterfaceError) as error:
        logger.warning("The shadow could not score: %s", type(error).__name__)
        return 0
    except Exception as error:  # noqa: BLE001 (one text must not keep the others from being compared)
        logger.warning("A shadow batch failed (%s); taking it apart.", type(error).__name__)
        return sum(_score_alone(version, pk) for pk in _open(version)[:limit].values_list("pk", flat=True))


@transaction.atomic
def _score(version: ModelVersion, *, limit: int, pk: int | None = None) -> int:
    predictions = _open(version).select_for_update(skip_locked=True, of=("self",), no_key=True)
    if pk is not None:
        predictions = predictions.filter(pk=pk)
    taken = list(predictions[:limit])
    fresh = _without_known(version, taken)
    if fresh:
        scoring.append_predictions([row.revision for row in fresh], [row.context for row in fresh], version=version)
    return len(fresh)


def _score_alone(version: ModelVersion, pk: int) -> int:
    try:
        return _score(version, limit=1, pk=pk)
    except Exception as error:  # noqa: BLE001 (as above)
        logger.warning("Prediction %s has no counterpart in shadow: %s", pk, type(error).__name__)
        return 0


def _open(version: ModelVersion) -> QuerySet[Prediction]:
    """The champion's predictions since the shadow began that the shadow has no counterpart to, the latest first."""
    since = timezone.now() - CATCH_UP
    done = Prediction.objects.filter(model_version=version, revision=OuterRef("revision"))
    return (
        Prediction.objects.select_related("revision")
        .filter(~Exists(done), model_version=registry.champion(), revision__erased_at__isnull=True)
        .filter(created_at__gte=max(version.shadowed_at or since, since))
        .order_by("-pk")
    )


def _without_known(version: ModelVersion, taken: Sequence[Prediction]) -> list[Prediction]:
    """Those nobody scored between the look and the lock: asked anew, as the lock shows what has been committed."""
    revisions = [row.revision_id for row in taken]
    known = Prediction.objects.filter(model_version=version, revision__in=revisions)
    done = set(known.values_list("revision_id", flat=True))
    return [row for row in taken if row.revision_id not in done]
