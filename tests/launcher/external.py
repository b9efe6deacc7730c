"""Which services of the machine's own answer: `python -m tests.launcher.external` prints exports for a shell."""

import fcntl
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
from kombu import Connection

_POSTGRES = (
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://postgres:postgres@127.0.0.1:5432/postgres",
)
_AMQP = ("amqp://guest:guest@127.0.0.1:5672//",)
_REDIS = ("redis://127.0.0.1:6379/9",)


def postgres_answers(url: str) -> bool:
    """Whether we may log in there and make databases."""
    try:
        with psycopg2.connect(url, connect_timeout=3) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user")
            return cursor.fetchone() == (True,)
    except psycopg2.OperationalError:
        return False


def broker_answers(url: str) -> bool:
    """Whether we may log in there."""
    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=0, timeout=3)
    except connection_errors():
        return False
    return True


@contextmanager
def alone_on_the_machines_broker() -> Iterator[None]:
    """Wait for one's turn: two products on one broker would take each other's messages."""
    with Path(tempfile.gettempdir(), "evenhand-tests-broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def connection_errors() -> tuple[type[Exception], ...]:
    """What a broker that is not there, or lets nobody in, raises."""
    from amqp.exceptions import AMQPError
    from kombu.exceptions import KombuError
    from redis.exceptions import RedisError

    return (OSError, AMQPError, KombuError, RedisError)


def main() -> None:
    """Print one export a service that answers; one already named in the environment is taken as it is."""
    kinds: tuple[tuple[str, tuple[str, ...], Callable[[str], bool]], ...] = (
        ("EVENHAND_TEST_POSTGRES_URL", _POSTGRES, postgres_answers),
        ("EVENHAND_TEST_AMQP_URL", _AMQP, broker_answers),
        ("EVENHAND_TEST_REDIS_URL", _REDIS, broker_answers),
    )
    for name, candidates, answers in kinds:
        given = os.environ.get(name)
        url = given or next(filter(answers, candidates), None)
        if url is not None:
            sys.stdout.write(f"export {name}={shlex.quote(url)}\n")
        sys.stderr.write(f"{name}: {'answers' if url else 'nothing answers'}\n")


if __name__ == "__main__":
    main()
