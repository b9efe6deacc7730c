"""Starts the whole product through its launcher, with a broker the test may stop."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.launcher.conftest import Launchers, until
from tests.launcher.external import alone_on_the_machines_broker
from tests.real.brokers import Broker, Line, OwnValkey
from tests.real.product import Product

# The embedded broker always; the machine's RabbitMQ where CI found that it answers.
BROKERS = ["valkey", *(["rabbitmq"] if os.environ.get("EVENHAND_TEST_AMQP_URL") else [])]
_START_SECONDS = 120


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """The broker the product uses, running; a test that stops it starts it again."""
    with tempfile.TemporaryDirectory(prefix="broker-") as folder, ExitStack() as turn:
        made: Broker = OwnValkey(Path(folder))
        if request.param == "rabbitmq":
            turn.enter_context(alone_on_the_machines_broker())
            made = Line(os.environ["EVENHAND_TEST_AMQP_URL"])
        made.start()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def product(broker: Broker) -> Iterator[Product]:
    """A running installation without the demo community."""
    with running_product(CELERY_BROKER_URL=broker.url, DEMO="0", SWEEP_SECONDS="2") as started:
        yield started


@contextmanager
def running_product(**environment: str) -> Iterator[Product]:
    """The whole product in a folder of its own on a free port, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="product-") as folder:
        Path(folder).chmod(0o755)
        launchers = Launchers(Path(folder))
        try:
            launched = launchers.start("run", environment={"PORT": "0", **environment})
            until(
                lambda: "is ready at" in launched.said() or launched.process.poll() is not None,
                seconds=_START_SECONDS,
                what=f"the product starts: {launched.said()}",
            )
            assert launched.process.poll() is None, launched.said()
            yield Product(launched, {"EVENHAND_HOME": str(launched.home), **environment})
        finally:
            launchers.end()
