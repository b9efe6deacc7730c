"""Twenty queues with ten thousand, a hundred thousand and a million open cases: claim, decide, pages.

What is compared with bare SQL is the lease alone: ``claims.take_next`` in its transaction, which says who holds what,
keeps to languages, policies and the limit, and takes the next review; beside it the bare ``FOR UPDATE SKIP LOCKED``
on the same table. Both run in turns, in the same processes, at one, eight and 32 connections. The whole claim (the
lease, the evidence frozen, the audit event) and the whole decision are given by themselves.
"""

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import psycopg2

from tests.bench.figures import Figure, latencies, percentile, ratio
from tests.bench.installation import Installation

_SCALES = ((10_000, "10k"), (100_000, "100k"))
_MILLION = (1_000_000, "1M")
_QUEUES = 20
_CONNECTIONS = (1, 8, 32)
_PROCESSES = 4
_CLAIMS = 640  # of each kind, at each number of connections
_ALONE = 200
_BARE = "bare FOR UPDATE SKIP LOCKED"
_SMALLEST = "the same at 10k"
_FIRST = "bench-1"

_TAKE = """
UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'),
  leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + interval '5 minutes'
WHERE id = (SELECT id FROM moderation_review WHERE queue_id = %(queue)s AND state = 'waiting'
  ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
"""
_FINISH = "UPDATE moderation_review SET state = 'cancelled' WHERE id = %s"

# Short texts, whole rows: content, revision, case, review.
FILL = """
WITH contents AS (
  INSERT INTO moderation_content (external_id, type, url, language, attributes, created_at, received_at, scoring_state,
    scoring_attempts, author_id)
  SELECT 'filler-' || n, 'message', '', (ARRAY['en', 'en', 'en', 'de', 'fr'])[1 + floor(random() * 5)::int], '{}',
    now(), now(), 'scored', 0, %(author)s + n %% 1000
  FROM generate_series(%(first)s, %(last)s) n RETURNING id, language
), revisions AS (
  INSERT INTO moderation_contentrevision (number, text, digest, thread, bridges_split, received_at, content_id)
  SELECT 1, 'a short text that fills a queue, number ' || id, md5(id::text), '[]', false, now(), id FROM contents
  RETURNING content_id
), cases AS (
  INSERT INTO moderation_case (status, why_shown, sampling_probability, rule_hits, priority, priority_parts, version,
    opened_at, due_at, content_id, queue_id, policy, score)
  SELECT 'open', 'flagged', 1, '[]', random() * 30 - 1e6,
    '[{"name": "severity", "points": 9, "words": "Hate at 0.30"}]', 1, now(),
    now() + interval '1 day', content_id, %(queue)s + content_id %% 20,
    (ARRAY['harassment', 'hate', 'spam'])[1 + floor(random() * 3)::int], random() FROM revisions
  RETURNING id, content_id, queue_id, priority, policy, score
)
INSERT INTO moderation_review (kind, state, priority, case_id, queue_id, blind, reserved, passed_by, language, policy,
  score)
SELECT 'first', 'waiting', priority, cases.id, queue_id, false, false, '{}', language, policy, score
FROM cases JOIN contents ON contents.id = content_id
"""
LINK = """
UPDATE moderation_content c SET current_revision_id = v.id FROM moderation_contentrevision v
WHERE v.content_id = c.id AND c.current_revision_id IS NULL
"""


def measure(installation: Installation, database_url: str, *, full: bool) -> Iterator[Figure]:
    """Every figure at each scale, and how it stands to the same at ten thousand."""
    _prepare(database_url)
    smallest: dict[tuple[str, str], Figure] = {}
    filled = 0
    for count, name in (*_SCALES, _MILLION) if full else _SCALES:
        _fill(database_url, filled + 1, count)
        filled = count
        for figure in _at_scale(installation, database_url, name):
            yield figure
            key = (figure.bench.removesuffix(f" among {name}"), figure.metric)
            first = smallest.setdefault(key, figure)
            if first is not figure and figure.unit == "ms" and "bare" not in figure.metric:
                yield ratio(figure, first, _SMALLEST)


def _at_scale(installation: Installation, database_url: str, name: str) -> Iterator[Figure]:
    for connections in _CONNECTIONS:
        ours, bare = _side_by_side(database_url, connections)
        bench = f"lease, {connections} at once among {name}"
        for figure, floor in zip(latencies(bench, "", ours), latencies(bench, "bare", bare), strict=True):
            yield figure
            yield floor
            yield ratio(figure, floor, _BARE)
    claims, decisions, restricted = _alone()
    yield from latencies(f"claim, whole among {name}", "", claims)
    yield from latencies(f"claim, whole, one language and policy among {name}", "", restricted)
    yield from latencies(f"decide, whole among {name}", "", decisions)
    yield from _pages(installation, name)


def _prepare(database_url: str) -> None:
    """Queues, people, authors; and a reviewer who reads one language and knows one policy."""
    from moderation.models import Account, Queue, User

    for number in range(1, _QUEUES + 1):
        Queue.objects.get_or_create(slug=f"bench-{number}", defaults={"name": f"Bench {number}", "position": 50})
    people = [User(username=f"bench-{n}", role="moderator", password="!") for n in range(max(_CONNECTIONS))]
    people.append(User(username="bench-specialist", password="!", languages=["fr"], policies=["hate"]))
    User.objects.bulk_create(people, ignore_conflicts=True)
    authors = [Account(external_id=f"bench-author-{n}") for n in range(1000)]
    Account.objects.bulk_create(authors, ignore_conflicts=True)


def _fill(database_url: str, first: int, last: int) -> None:
    from moderation.models import Account, Queue

    queue = Queue.objects.get(slug=_FIRST).pk
    author = Account.objects.get(external_id="bench-author-0").pk
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(FILL, {"first": first, "last": last, "queue": queue, "author": author})
        cursor.execute(LINK)
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE")
    connection.close()


def _side_by_side(database_url: str, connections: int) -> tuple[list[float], list[float]]:
    """Seconds of each lease taken by the product and barely, by so many people at once in a few processes."""
    from django.db import connections as opened

    opened.close_all()
    processes = min(connections, _PROCESSES)
    fork = multiprocessing.get_context("fork")
    ours: list[float] = []
    bare: list[float] = []
    pipes = []
    for number in range(processes):
        here, there = fork.Pipe()
        people = range(number, connections, processes)
        worker = fork.Process(target=_work, args=(there, database_url, people, _CLAIMS // connections))
        worker.start()
        pipes.append((worker, here))
    for worker, here in pipes:
        taken, barely = here.recv()
        ours += taken
        bare += barely
        worker.join()
    return ours, bare


def _work(there: Connection, database_url: str, people: range, claims: int) -> None:
    results: list[tuple[list[float], list[float]]] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(_one_person(database_url, n, claims))) for n in people
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there.send(([s for ours, _ in results for s in ours], [s for _, bare in results for s in bare]))
    there.close()
    os._exit(0)  # without the parent's exit handlers


def _one_person(database_url: str, number: int, rounds: int) -> tuple[list[float], list[float]]:
    """Claims in turns by the product and barely; what was taken is finished outside the clock."""
    from django.db import connection, transaction

    from moderation.models import Queue, User
    from moderation.services import claims

    queues = list(Queue.objects.filter(slug__startswith="bench-"))
    person = User.objects.get(username=f"bench-{number}")
    chance = random.Random(number)
    floor = psycopg2.connect(database_url)
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 5):
        queue = chance.choice(queues)
        begun = time.perf_counter()
        with transaction.atomic():
            _, taken = claims.take_next(queue=queue, acting_user=person)
        ours = time.perf_counter() - begun
        begun = time.perf_counter()
        with floor.cursor() as cursor:
            cursor.execute(_TAKE, {"user": person.pk, "queue": queue.pk})
            row = cursor.fetchone()
        floor.commit()
        bare = time.perf_counter() - begun
        if taken is None or row is None:
            raise RuntimeError("a queue ran dry")
        with connection.cursor() as cursor:
            cursor.execute(_FINISH, [taken])
            cursor.execute(_FINISH, [row[0]])
        if turn >= 5:  # the first ones open connections and plan
            seconds[0].append(ours)
            seconds[1].append(bare)
    floor.close()
    connection.close()
    return seconds


def _alone() -> tuple[list[float], list[float], list[float]]:
    """Seconds of the whole claim, the whole decision, and the claim of who reads one language and knows one policy."""
    from moderation.models import Queue, User
    from moderation.services import claims, decisions
    from moderation.services.decisions import Opinion

    queues = list(Queue.objects.filter(slug__startswith="bench-"))
    person, specialist = User.objects.get(username="bench-0"), User.objects.get(username="bench-specialist")
    opinion = Opinion("violates", ["harassment"], ["remove"])
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    for turn in range(_ALONE + 5):
        queue = queues[turn % _QUEUES]
        begun = time.perf_counter()
        claim: Any = claims.claim_next(queue=queue, acting_user=person)
        claimed = time.perf_counter()
        decisions.judge(
            case_id=claim.review.case_id,
            lease_token=claim.review.lease_token,
            version=claim.evidence.case_version,
            evidence_id=claim.evidence.pk,
            opinion=opinion,
            acting_user=person,
        )
        decided = time.perf_counter()
        other: Any = claims.claim_next(queue=queue, acting_user=specialist)
        taken = time.perf_counter()
        if (other.review.language, other.review.policy) != ("fr", "hate"):
            raise RuntimeError("the specialist was given another's case")
        claims.release(case_id=other.review.case_id, token=other.review.lease_token, acting_user=specialist)
        if turn >= 5:
            seconds[0].append(claimed - begun)
            seconds[1].append(decided - claimed)
            seconds[2].append(taken - decided)
    return seconds


def _pages(installation: Installation, name: str) -> Iterator[Figure]:
    """The start page and a queue's page over HTTP; figures on them are a few seconds old, as a worker keeps them."""
    from moderation.services import census

    cookie = {"Cookie": installation.moderator_cookie}
    client = installation.moderator()
    for page, address in (("queue list", "/"), ("queue", f"/review/{_FIRST}/")):
        seconds = []
        for _ in range(_ALONE // 2):
            census.keep_fresh(share=0.5)
            begun = time.perf_counter()
            answer = client.call("GET", address, headers=cookie)
            seconds.append(time.perf_counter() - begun)
            if answer.status != 200:
                raise RuntimeError(f"{address} answered {answer.status}")
        yield from latencies(f"{page} page among {name}", "", seconds)
    counting = []
    for _ in range(5):
        begun = time.perf_counter()
        census.keep_fresh(share=0.0)
        counting.append(time.perf_counter() - begun)
    yield Figure(f"counting among {name}", "p50", percentile(counting, 0.5) * 1000, "ms", len(counting))
