"""The only place that dispatches tasks, and only after commit.

A Celery message is a nudge: what is to be done already stands in the database, and the sweeper finds it if the
nudge is lost. So nudges go out from a thread of their own, each kind at most once at a time: a broker that is slow
or gone never delays a request.
"""

import logging
import threading

from celery import current_app, signature
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from moderation.errors import BrokerUnavailable

logger = logging.getLogger(__name__)

SCORE = "moderation.score_pending"
DELIVER = "moderation.deliver_outbox"
RETRAIN = "moderation.retrain"
BACKTEST = "moderation.run_backtests"
BATCHES = "moderation.go_on_with_batches"
MEASURE_QUALITY = "moderation.measure_quality"
READ_TWICE = "moderation.read_a_second_time"


def nudge_scoring() -> None:
    """Ask, after commit, for a worker to score what is pending."""
    _after_commit(SCORE)


def nudge_batches() -> None:
    """Ask, after commit, for a worker to go on with the batches that are not through."""
    _after_commit(BATCHES)


def nudge_delivery() -> None:
    """Ask, after commit, for a worker to deliver what is due."""
    _after_commit(DELIVER)


def nudge_backtests() -> None:
    """Ask, after commit, for a worker to go on with the backtests that are not finished."""
    _after_commit(BACKTEST)


def retrain(*, user_id: int) -> None:
    """Ask a worker to retrain on someone's behalf. Raises ``BrokerUnavailable``: nothing would make up for it."""
    try:
        signature(RETRAIN, kwargs={"user_id": user_id}).apply_async(retry=False)
    except (OperationalError, OSError) as error:
        raise BrokerUnavailable("The message broker is out of reach; try again later.") from error


def measure_quality() -> None:
    """Ask a worker to measure quality now. Raises ``BrokerUnavailable``."""
    try:
        signature(MEASURE_QUALITY).apply_async(retry=False)
    except (OperationalError, OSError) as error:
        raise BrokerUnavailable("The message broker is out of reach; try again later.") from error


def _after_commit(task: str) -> None:
    transaction.on_commit(lambda: _nudger.nudge(task))


class _Nudger:
    """Publishes from one daemon thread a process; a nudge already waiting makes a second one needless."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def nudge(self, task: str) -> None:
        if current_app.conf.task_always_eager:
            if settings.NUDGE_WHEN_EAGER:
                signature(task).delay()
            return
        with self._condition:
            self._wanted.add(task)
            # A forked child starts without its parent's threads.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._publish_forever, name="nudger", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _publish_forever(self) -> None:
        while True:
            with self._condition:
                while not self._wanted:
                    self._condition.wait()
                task = self._wanted.pop()
            try:
                signature(task).apply_async(retry=False)
            except (OperationalError, OSError) as error:
                logger.warning(
                    "The broker did not take a nudge (%s); the sweeper will do its work.",
                    type(error).__name__,
                )


_nudger = _Nudger()
