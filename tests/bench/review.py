"""Claim, decide and the start page, beside the bare statement and an endpoint that does nothing."""

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg2

from tests.bench.clock import in_turns
from tests.bench.figures import Figure, latencies, ratio
from tests.bench.installation import Installation
from tests.real.client import Client

_ROUNDS = 250
_EMPTY = "an empty DRF view"
_SQL = "bare FOR UPDATE SKIP LOCKED"

_CLAIM = """
UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'),
  leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + interval '5 minutes'
WHERE id = (SELECT id FROM moderation_review WHERE queue_id = %(queue)s AND state = 'waiting'
  ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""


def measure(installation: Installation, database_url: str) -> Iterator[Figure]:
    """Latencies of claim, decide and the start page of one moderator over HTTP."""
    from moderation.models import Queue, Review, User

    slug = _fullest_queue()
    queue = Queue.objects.get(slug=slug)
    waiting = Review.objects.filter(queue=queue, state="waiting").count()
    # Half the rounds' reviews go to the bare statement.
    rounds = min(_ROUNDS, waiting // 2 - 10)
    client, empty = installation.moderator(), installation.moderator()
    someone = User.objects.get(username="senior")
    seconds: dict[str, list[float]] = {"claim": [], "decide": [], "empty": [], "sql": []}
    with psycopg2.connect(database_url) as connection:
        for _ in range(rounds):
            case = _timed(seconds["claim"], lambda: _claim(client, slug))
            _timed(seconds["sql"], lambda: _claim_barely(connection, user=someone.pk, queue=queue.pk))
            _timed(seconds["decide"], lambda case=case: _decide(client, case))
            _timed(seconds["empty"], lambda: empty.call("POST", "/bench/empty", b"{}"))
    floor = {name: latencies("floor", "", seconds[name]) for name in ("empty", "sql")}
    yield Figure("claim", "waiting cases", waiting, "cases", 1)
    for figure, of_sql, of_empty in zip(
        latencies("claim", "", seconds["claim"]), floor["sql"], floor["empty"], strict=True
    ):
        yield figure
        yield ratio(figure, of_sql, _SQL)
        yield ratio(figure, of_empty, _EMPTY)
    for figure, of_empty in zip(latencies("decide", "", seconds["decide"]), floor["empty"], strict=True):
        yield figure
        yield ratio(figure, of_empty, _EMPTY)
    yield from _start_page(installation)


def _start_page(installation: Installation) -> Iterator[Figure]:
    client, empty = installation.moderator(), installation.moderator()
    cookie = {"Cookie": installation.moderator_cookie}

    def page() -> None:
        answer = client.call("GET", "/", headers=cookie)
        if answer.status != 200:
            raise RuntimeError(f"the start page answered {answer.status}")

    ours, floor = in_turns([page, lambda: empty.call("GET", "/bench/empty")], rounds=_ROUNDS)
    for figure, of_empty in zip(latencies("queue page", "", ours), latencies("", "", floor), strict=True):
        yield figure
        yield ratio(figure, of_empty, _EMPTY)


def _fullest_queue() -> str:
    from django.db.models import Count

    from moderation.models import Review

    fullest = (
        Review.objects.filter(state="waiting", queue__seniors_only=False)
        .values_list("queue__slug")
        .annotate(waiting=Count("pk"))
        .order_by("-waiting")
    )
    return str(fullest[0][0])


def _timed(seconds: list[float], act: Any) -> Any:
    begun = time.perf_counter()
    done = act()
    seconds.append(time.perf_counter() - begun)
    return done


def _claim(client: Client, slug: str) -> Any:
    answer = client.post(f"queues/{slug}/claim")
    if answer.status != 200:
        raise RuntimeError(f"the claim was answered {answer.status}")
    return answer.body


def _claim_barely(connection: psycopg2.extensions.connection, *, user: int, queue: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"user": user, "queue": queue})
    connection.commit()


def _decide(client: Client, case: Any) -> None:
    body = {
        "lease_token": case["lease"]["token"],
        "version": case["version"],
        "evidence_id": case["evidence_id"],
        "verdict": "violates",
        "policies": ["harassment"],
        "actions": ["remove"],
    }
    answer = client.call("POST", f"/api/v1/cases/{case['id']}/decision", json.dumps(body).encode())
    if answer.status != 201:
        raise RuntimeError(f"the decision was answered {answer.status}")
