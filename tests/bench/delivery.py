"""Queued deliveries to a fast receiver, beside bare POSTs to it, and beside an endpoint that hangs."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2

from tests.bench.figures import Figure, ratio

_MESSAGES = 3_000
_CONCURRENCY = 8

# Answers at once and closes, or never answers; in a process of its own.
_RECEIVER = """
import asyncio, sys
async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
    await reader.readexactly(length)
    if sys.argv[1] == "hang":
        await asyncio.sleep(3600)
    writer.write(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

# Contents of one message each, all of one decision: what a message says costs the same.
_FILL = """
WITH contents AS (
  INSERT INTO moderation_content (external_id, type, url, language, created_at, received_at, scoring_state,
    scoring_attempts, attributes)
  SELECT %(name)s || n, 'message', '', '', now(), now(), 'closed', 0, '{}' FROM generate_series(1, %(count)s) n
  RETURNING id
)
INSERT INTO moderation_outboxmessage (key, topic, content_id, sequence, decision_id, state, not_before, attempts,
  created_at)
SELECT gen_random_uuid(), 'decision.made', contents.id, 1, (SELECT max(id) FROM moderation_decision), 'pending', now(),
  0, now() FROM contents
"""


def measure(database_url: str) -> Iterator[Figure]:
    """Deliveries a second of one worker; how much of that is left while another endpoint hangs."""
    from moderation.models import OutboxMessage, WebhookEndpoint

    OutboxMessage.objects.filter(state="pending").update(state="cancelled")
    with _receiver("answer") as fast, _receiver("hang") as hanging:
        bare = Figure("delivery", "", _rate_of_posts(fast), "POSTs/s", _MESSAGES)
        endpoint = WebhookEndpoint.objects.create(url=_url(fast), secret="whsec_" + "YQ" * 16, concurrency=_CONCURRENCY)
        _fill(database_url, "fast-")
        alone = Figure("delivery", "one worker", _rate(endpoint.pk), "deliveries/s", _MESSAGES)
        yield alone
        yield ratio(alone, bare, f"bare POSTs by {_CONCURRENCY} threads")
        WebhookEndpoint.objects.create(url=_url(hanging), secret="whsec_" + "YQ" * 16)
        _fill(database_url, "beside-")
        beside = Figure("delivery", "beside one that hangs", _rate(endpoint.pk), "deliveries/s", _MESSAGES)
        yield beside
        yield ratio(beside, alone, "the same without it")
        WebhookEndpoint.objects.update(is_active=False)


def _rate(endpoint_id: int) -> float:
    """Deliveries a second to the endpoint until it has everything; what hangs elsewhere is not waited for."""
    from django.db import connection

    from moderation.models import Delivery
    from moderation.services import delivery

    def work() -> None:
        try:
            delivery.deliver_due(limit=2 * _MESSAGES)
        finally:
            connection.close()

    before = Delivery.objects.filter(endpoint=endpoint_id, state="delivered").count()
    worker = threading.Thread(target=work)
    begun = time.perf_counter()
    worker.start()
    while Delivery.objects.filter(endpoint=endpoint_id, state="delivered").count() < before + _MESSAGES:
        time.sleep(0.05)
    taken = time.perf_counter() - begun
    worker.join()
    return _MESSAGES / taken


def _rate_of_posts(port: int) -> float:
    from moderation.services import webhook_client

    body = b"x" * 300

    def post(_: int) -> None:
        webhook_client.post(_url(port), headers={"Content-Type": "application/json"}, body=body)

    begun = time.perf_counter()
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        list(pool.map(post, range(_MESSAGES)))
    return _MESSAGES / (time.perf_counter() - begun)


def _fill(database_url: str, name: str) -> None:
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(_FILL, {"name": name, "count": _MESSAGES})
    connection.close()


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/hook"


@contextmanager
def _receiver(behaviour: str) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", _RECEIVER, behaviour], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
