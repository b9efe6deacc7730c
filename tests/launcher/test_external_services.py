"""The product on a PostgreSQL, RabbitMQ and Redis that it did not start: `.ci/run` names those that answer."""

import os
import secrets
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import sql

from tests.launcher.conftest import Launchers, until
from tests.launcher.external import alone_on_the_machines_broker
from tests.launcher.product import readiness, report, run, scored

pytestmark = pytest.mark.real


def given(name: str) -> str:
    """The address of a service of the machine's own."""
    url = os.environ.get(name)
    if not url:
        pytest.skip(f"{name} names no service: .ci/run sets it where one answers on the machine")
    return url


@pytest.fixture
def database_url() -> Iterator[str]:
    """An empty database on the machine's PostgreSQL, dropped afterwards."""
    server = given("EVENHAND_TEST_POSTGRES_URL")
    name = f"evenhand_{secrets.token_hex(6)}"
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{server.rpartition('/')[0]}/{name}"
        cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.close()


@pytest.mark.parametrize("broker", ["EVENHAND_TEST_AMQP_URL", "EVENHAND_TEST_REDIS_URL"])
def test_a_report_goes_round_on_given_services(launchers: Launchers, database_url: str, broker: str) -> None:
    with alone_on_the_machines_broker():
        launched = run(launchers, DATABASE_URL=database_url, CELERY_BROKER_URL=given(broker))
        assert set(launched.processes()) == {"web", "worker", "beat"}
        answer = readiness(launched)
        assert answer is not None
        assert (answer["status"], answer["database"], answer["broker"]) == ("ok", "ok", "ok")
        report(launched, "round-trip")
        until(lambda: scored(launched, "round-trip"), seconds=60, what=f"the report is scored: {launched.said()}")
