"""``POST /reports`` beside the bare inserts it comes down to, and beside an endpoint that does nothing."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2

from tests.bench.clock import in_turns, rate_in_turns
from tests.bench.figures import Figure, latencies, ratio
from tests.bench.installation import Installation
from tests.real.client import Answer, Client
from tests.real.product import report_bodies

_ROUNDS = 400
_CALLS = 800
_PEOPLE = 8
_LINES = 1_000
_EMPTY = "an empty DRF view"
_SQL = "bare SQL inserts"

_INSERTS = (
    "INSERT INTO moderation_account (external_id, attributes, first_seen_at) VALUES (%(author)s, '{}', now()), "
    "(%(reporter)s, '{}', now()) ON CONFLICT (external_id) DO NOTHING",
    "INSERT INTO moderation_content (external_id, type, url, language, attributes, created_at, received_at, "
    "scoring_state, scoring_attempts, author_id) "
    "SELECT %(content)s, 'message', '', '', '{}', now(), now(), 'closed', 0, id "
    "FROM moderation_account WHERE external_id = %(author)s",
    "INSERT INTO moderation_contentrevision (number, text, digest, thread, bridges_split, received_at, content_id) "
    "SELECT 1, %(text)s, md5(%(text)s), '[]', false, now(), id FROM moderation_content "
    "WHERE external_id = %(content)s",
    "UPDATE moderation_content c SET current_revision_id = v.id FROM moderation_contentrevision v "
    "WHERE v.content_id = c.id AND c.external_id = %(content)s",
    "INSERT INTO moderation_report (source, note, outcome, received_at, content_id, reporter_id, revision_id) "
    "SELECT 'user', '', 'pending', now(), c.id, a.id, c.current_revision_id FROM moderation_content c, "
    "moderation_account a WHERE c.external_id = %(content)s AND a.external_id = %(reporter)s",
    "INSERT INTO moderation_auditevent (kind, content_id, data) SELECT kind, c.id, '{}' FROM moderation_content c, "
    "(VALUES ('content.received'), ('report.received')) AS kinds (kind) WHERE c.external_id = %(content)s",
)


def measure(installation: Installation, database_url: str) -> Iterator[Figure]:
    """One caller's latency, eight callers' rate, a broker that is gone, and reports in bulk."""
    bodies = _endless_bodies("intake")
    product = _poster(installation.platform(), bodies)
    starved = _poster(installation.platform_without_broker(), bodies)
    seconds = in_turns(
        [product, starved, _emptier(installation.platform(), bodies), _inserter(database_url, bodies)], rounds=_ROUNDS
    )
    names = ("", "broker gone", "floor", "floor")
    ours, without, empty, inserts = (
        latencies("intake", name, values) for name, values in zip(names, seconds, strict=True)
    )
    yield from ours
    for figure, of_inserts, of_empty, of_starved in zip(ours, inserts, empty, without, strict=True):
        yield ratio(figure, of_inserts, _SQL)
        yield ratio(figure, of_empty, _EMPTY)
        yield of_starved
        yield ratio(of_starved, figure, "the same with a broker")
    yield from _rates(installation, database_url, bodies)
    yield _bulk(installation, bodies)


def _rates(installation: Installation, database_url: str, bodies: Iterator[dict[str, Any]]) -> Iterator[Figure]:
    lock = itertools.count()  # each thread takes bodies from an iterator of its own

    def mine() -> Iterator[dict[str, Any]]:
        return _endless_bodies(f"rate-{next(lock)}")

    ours, empty, inserts = rate_in_turns(
        [
            lambda: _poster(installation.platform(), mine()),
            lambda: _emptier(installation.platform(), mine()),
            lambda: _inserter(database_url, mine()),
        ],
        calls=_CALLS,
        people=_PEOPLE,
    )
    rate = Figure("intake", f"{_PEOPLE} callers", ours, "reports/s", _CALLS)
    yield rate
    yield ratio(rate, Figure("intake", "", empty, "calls/s", _CALLS), _EMPTY)
    yield ratio(rate, Figure("intake", "", inserts, "reports/s", _CALLS), _SQL)


def _bulk(installation: Installation, bodies: Iterator[dict[str, Any]]) -> Figure:
    rows = list(itertools.islice(bodies, _LINES))
    begun = time.perf_counter()
    answer = installation.platform().post_lines("reports/bulk", rows)
    taken = time.perf_counter() - begun
    if answer.status != 200 or answer.body["accepted"] != _LINES:
        raise RuntimeError(f"the bulk call was answered {answer.status}")
    return Figure("intake", "bulk", _LINES / taken, "reports/s", _LINES)


def _endless_bodies(prefix: str) -> Iterator[dict[str, Any]]:
    template = report_bodies(500, prefix=prefix)
    for number in itertools.count():
        body = template[number % len(template)]
        yield {**body, "content": {**body["content"], "id": f"{prefix}-{number}"}}


def _poster(client: Client, bodies: Iterator[dict[str, Any]]) -> Callable[[], object]:
    def post() -> None:
        _accepted(client.post("reports", next(bodies)))

    return post


def _emptier(client: Client, bodies: Iterator[dict[str, Any]]) -> Callable[[], object]:
    def post() -> None:
        _accepted(client.call("POST", "/bench/empty", json.dumps(next(bodies)).encode()))

    return post


def _inserter(database_url: str, bodies: Iterator[dict[str, Any]]) -> Callable[[], object]:
    connection = psycopg2.connect(database_url)

    def insert() -> None:
        body = next(bodies)
        values = {
            "content": f"sql-{body['content']['id']}",
            "text": body["content"]["text"],
            "author": body["author"]["id"],
            "reporter": body["reporter"]["id"],
        }
        with connection, connection.cursor() as cursor:
            for statement in _INSERTS:
                cursor.execute(statement, values)

    return insert


def _accepted(answer: Answer) -> None:
    if not answer.accepted:
        raise RuntimeError(f"the server answered {answer.status}")
