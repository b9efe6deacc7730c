"""Celery entries: ids in, one service call. Each may run twice, late, or never; the sweeper makes up for it."""

import logging

from celery import shared_task
from django.conf import settings

from moderation import enqueue
from moderation.errors import ModelUnavailable
from moderation.learning import second_reader
from moderation.models import User
from moderation.services import (
    backtests,
    batches,
    census,
    claims,
    delivery,
    measuring,
    monitoring,
    priority,
    scoring,
    sealing,
    second_reading,
    shadow,
    training,
)
from moderation.services import housekeeping as keeping

logger = logging.getLogger(__name__)

BATCHES_A_RUN = 200
CASES_A_RUN = 200  # then the worker's other tasks have their turn
SHADOW_BATCHES_A_RUN = 20  # what waits to be routed comes first


@shared_task(name=enqueue.SCORE)
def score_pending() -> int:
    """Score and route what waits, batch by batch; how many contents were settled.

    Without a model, what was reported is shown to people unscored and stays pending.
    """
    settled = 0
    try:
        for _ in range(BATCHES_A_RUN):
            batch = scoring.score_pending(limit=settings.SCORING_BATCH)
            settled += batch
            if batch == 0:
                break
    except ModelUnavailable:
        return scoring.route_unscored(limit=settings.SCORING_BATCH)
    _follow_in_shadow()
    return settled


def _follow_in_shadow() -> None:
    for _ in range(SHADOW_BATCHES_A_RUN):
        if shadow.score_latest(limit=settings.SCORING_BATCH) == 0:
            break


@shared_task(name=enqueue.READ_TWICE)
def read_a_second_time() -> int:
    """Have the second reader read what waits, for a while; how many texts. Without it nothing else is affected."""
    read = 0
    if not second_reader.is_on():
        return read
    try:
        for _ in range(BATCHES_A_RUN):
            batch = second_reading.read_waiting(limit=settings.SECOND_READER_BATCH)
            read += batch
            if batch == 0:
                break
    except ModelUnavailable as error:
        logger.warning("The second reader reads nothing: %s", error)
    return read


@shared_task(name="moderation.sweep")
def sweep() -> None:
    """Find what lost messages left behind: expired leases, priorities out of date, unscored contents; count anew."""
    claims.expire_leases()
    priority.follow_marks()
    census.keep_fresh(share=0.5)
    score_pending()


@shared_task(name=enqueue.BATCHES)
def go_on_with_batches() -> int:
    """Go on with the batches that are not through, for a while; how many cases were gone through."""
    done = batches.go_on(limit=CASES_A_RUN)
    if done == CASES_A_RUN:
        enqueue.nudge_batches()
    return done


@shared_task(name=enqueue.DELIVER)
def deliver_outbox() -> int:
    """Send the effects that are due; how many attempts were made."""
    return delivery.deliver_due(limit=1000)


@shared_task(name="moderation.seal_audit")
def seal_audit() -> int | None:
    """Chain the audit events committed since the last seal; the seal's key, or ``None`` if there were none."""
    seal = sealing.seal()
    return seal.pk if seal else None


@shared_task(name=enqueue.RETRAIN)
def retrain(user_id: int | None = None) -> int | None:
    """Train a candidate and put it through its gates; its number, or ``None`` if there is too little to learn."""
    user = User.objects.get(pk=user_id) if user_id is not None else None
    version = training.retrain(acting_user=user)
    return version.number if version else None


@shared_task(name="moderation.retrain_if_due")
def retrain_if_due() -> int | None:
    """Retrain once enough new labels have come since the last training set."""
    return retrain() if training.is_due() else None


@shared_task(name="moderation.check_drift")
def check_drift() -> int | None:
    """Compare the last week's traffic with the four before, once a day; the check's key, ``None`` without a model."""
    try:
        return monitoring.check_drift().pk
    except ModelUnavailable:
        return None


@shared_task(name=enqueue.BACKTEST)
def run_backtests() -> int:
    """Go on with the backtests that are not finished, for a while; how many contents were looked at."""
    return backtests.run(seconds=settings.BACKTEST_SLICE_SECONDS)


@shared_task(name=enqueue.MEASURE_QUALITY)
def measure_quality() -> list[int]:
    """Measure how well people agree and what is missed; the keys of the reports that say so."""
    return [report.pk for report in measuring.measure()]


@shared_task(name="moderation.housekeeping")
def housekeeping() -> None:
    """Drop idempotency records and rate windows whose time is over."""
    keeping.drop_expired()
