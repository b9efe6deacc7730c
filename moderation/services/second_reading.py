"""The second reader reads what people will: open cases that were scored and that it has not read yet.

What waits follows from the rows alone, so a lost message or a worker that dies loses nothing. A batch is one
transaction; one worker reads at a time, the others find nothing to do.
"""

import logging
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError, connection, transaction

from moderation.errors import ModelUnavailable
from moderation.learning import second_reader
from moderation.models import PolicySecondReading, Prediction, SecondReading
from moderation.selectors import second_readings

logger = logging.getLogger(__name__)

_READER_LOCK = 6  # first key of the advisory lock: one worker reads at a time
_OUTAGES = (OperationalError, InterfaceError, ModelUnavailable)


def read_waiting(*, limit: int) -> int:
    """Read up to ``limit`` waiting texts, the most urgent first; how many were read.

    A batch that fails is taken apart; a text that fails alone gets a reading that says so. Raises ``ModelUnavailable``.
    """
    reader = second_reader.version()
    try:
        return _read_batch(reader, limit=limit, alone=False)
    except _OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a text did to the reader, the others must go on)
        logger.warning("A batch of the second reader failed (%s); taking it apart.", type(error).__name__)
        return _read_batch(reader, limit=limit, alone=True)


@transaction.atomic
def _read_batch(reader: str, *, limit: int, alone: bool) -> int:
    if not _is_ours():
        return 0
    waiting = list(second_readings.waiting(reader)[:limit])
    if alone:
        for prediction in waiting:
            _append_alone(prediction, reader)
    elif waiting:
        _append(waiting, reader)
    return len(waiting)


def _is_ours() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [_READER_LOCK])
        return bool(cursor.fetchone()[0])


def _append_alone(prediction: Prediction, reader: str) -> None:
    try:
        with transaction.atomic():
            _append([prediction], reader)
    except _OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 (as above)
        # Never the exception's own words: they may quote the text.
        name = type(error).__name__
        logger.error("Prediction %s could not be read a second time: %s", prediction.pk, name)  # noqa: TRY400
        SecondReading.objects.create(prediction=prediction, reader=reader, failure=name[:80])


def _append(predictions: Sequence[Prediction], reader: str) -> None:
    """Read the texts and append a reading each."""
    scored = [{row.policy.slug: row for row in prediction.policies.all()} for prediction in predictions]
    firsts = [{slug: row.logit for slug, row in rows.items()} for rows in scored]
    read = second_reader.read([prediction.revision.text for prediction in predictions], firsts)
    readings = SecondReading.objects.bulk_create(
        SecondReading(prediction=prediction, reader=reader) for prediction in predictions
    )
    PolicySecondReading.objects.bulk_create(
        PolicySecondReading(
            reading=reading,
            policy=rows[item.policy].policy,
            first_logit=item.first,
            second_logit=item.second,
            stacked_logit=item.stacked,
            threshold=rows[item.policy].threshold,
        )
        for reading, rows, items in zip(readings, scored, read, strict=True)
        for item in items
    )
