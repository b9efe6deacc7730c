"""Finding the near-duplicates of a text as it arrives: MinHash bands, as the product does, beside trigrams.

How many of the texts that a campaign would make of one message are found, how many unrelated texts are joined, and
what a content costs among many others. The others' bands are random numbers: an index treats them alike.
"""

import itertools
import random
import statistics
import time
from collections.abc import Iterator, Sequence

import psycopg2

from tests.bench.figures import Figure, ratio

_SCALES = ((10_000, "10k"), (100_000, "100k"))
_MILLION = (1_000_000, "1M")
_BATCH = 64
_BATCHES = 8
_PROBES = 20
_PATIENCE = 60  # seconds of trigrams: half a minute a text among a million
_MESSAGES = 120
_TRIGRAMS = "trigrams by a GIN index"
_LEAST = 0.6  # trigrams shared

_FILL = """
WITH groups AS (
  INSERT INTO moderation_textgroup (split, created_at)
  SELECT 'train', now() FROM generate_series(%(first)s, %(last)s) RETURNING id
)
INSERT INTO moderation_textgroupband (value, group_id)
SELECT (random() * 9e18)::bigint * (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END), id
FROM groups CROSS JOIN generate_series(1, 16)
"""
# Fourteen words of what the demo community says: about eighty characters, as a message has.
_TEXTS = """
INSERT INTO bench_texts (text) SELECT (
  SELECT string_agg((%(words)s::text[])[1 + floor(random() * %(size)s)::int + (w + n) * 0], ' ')
  FROM generate_series(1, 14) w
) FROM generate_series(%(first)s, %(last)s) n
"""


def measure(database_url: str, *, full: bool) -> Iterator[Figure]:
    """What either way finds, and what a content costs among ten thousand, a hundred thousand and a million."""
    messages = _messages()
    yield from _found(database_url, messages)
    filled = 0
    smallest: Figure | None = None
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE bench_texts (id bigserial PRIMARY KEY, text text NOT NULL)")
    for count, name in (*_SCALES, _MILLION) if full else _SCALES:
        _fill(cursor, filled + 1, count)
        filled = count
        bench = f"cluster among {name}"
        ours = Figure(bench, "mean", _assign(messages) * 1000, "ms/content", _BATCH * _BATCHES)
        yield ours
        smallest = smallest or ours
        if smallest is not ours:
            yield ratio(ours, smallest, "the same at 10k")
        probes = _by_trigrams(cursor, messages)
        floor = Figure(bench, "trigrams mean", statistics.mean(probes) * 1000, "ms/content", len(probes))
        yield floor
        yield ratio(ours, floor, _TRIGRAMS)
    cursor.execute("DROP TABLE bench_texts")
    connection.close()


def _fill(cursor: psycopg2.extensions.cursor, first: int, last: int) -> None:
    """Add groups with their bands, and texts: indexes and keys come after the rows, or a million would take an hour."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = 'moderation_textgroupband'::regclass AND contype IN ('f', 'u')"
    )
    constraints = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f'ALTER TABLE moderation_textgroupband DROP CONSTRAINT "{name}"')
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'moderation_textgroupband' "
        "AND indexname NOT LIKE '%pkey'"
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    cursor.execute("DROP INDEX IF EXISTS bench_texts_idx")
    words = sorted({word for text in _texts() for word in text.split()})
    values = {"first": first, "last": last, "words": words, "size": len(words)}
    cursor.execute(_FILL, values)
    cursor.execute(_TEXTS, values)
    for _, definition in indexes:
        cursor.execute(definition)
    for name, definition in constraints:
        cursor.execute(f'ALTER TABLE moderation_textgroupband ADD CONSTRAINT "{name}" {definition}')
    cursor.execute("CREATE INDEX bench_texts_idx ON bench_texts USING gin (text gin_trgm_ops)")
    for table in ("moderation_textgroupband", "bench_texts"):
        cursor.execute(f"VACUUM ANALYZE {table}")


def _texts() -> list[str]:
    from moderation import demo

    return [message.text for message in demo.load().messages]


def _messages() -> list[str]:
    """Messages as a campaign sends them: not too short to tell apart."""
    return [text[:400] for text in _texts() if len(text) >= 60][:_MESSAGES]


def _variants(message: str, chance: random.Random) -> list[str]:
    """What a campaign makes of a message: a number, a greeting, shouting, a word more, less or two others."""
    words = message.split()
    place = chance.randrange(len(words))
    return [
        f"{message} {chance.randrange(1000)}",
        f"hey {chance.choice(['you', 'all', 'friend'])} {message}",
        message.upper() + "!!!",
        " ".join(words[:place] + words[place + 1 :]),
        " ".join([*words[:place], "really", *words[place:]]),
        " ".join("thing" if n in {place, (place * 3 + 1) % len(words)} else word for n, word in enumerate(words)),
    ]


def _found(database_url: str, messages: Sequence[str]) -> Iterator[Figure]:
    from ml import sampling

    chance = random.Random(3)
    pairs = [(message, variant) for message in messages for variant in _variants(message, chance)]
    apart = list(itertools.pairwise(messages))
    bands = {text: set(sampling.minhash_bands(text)) for pair in (*pairs, *apart) for text in pair}
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:

        def alike(one: str, other: str) -> bool:
            cursor.execute("SELECT similarity(%s, %s) >= %s", [one, other, _LEAST])
            return bool(cursor.fetchone()[0])

        for name, test in (("MinHash", lambda a, b: bool(bands[a] & bands[b])), ("trigrams", alike)):
            hits = sum(test(*pair) for pair in pairs)
            wrong = sum(test(*pair) for pair in apart)
            yield Figure("cluster", f"variants found by {name}", hits / len(pairs), "share", len(pairs))
            yield Figure("cluster", f"unrelated joined by {name}", wrong / len(apart), "share", len(apart))


def _assign(messages: Sequence[str]) -> float:
    """Seconds a content takes, in batches as a worker takes them: half variants of what is known, half new texts."""
    from django.db import transaction
    from django.utils import timezone

    from moderation.learning import grouping
    from moderation.models import Content, ContentRevision

    chance = random.Random(5)
    seconds = []
    for number in range(_BATCHES + 1):
        texts = []
        for _ in range(_BATCH // 2):
            message = chance.choice(messages)
            texts += [f"{message} {chance.random()}", " ".join(chance.sample(message.split() * 2, 12))]
        with transaction.atomic():
            contents = Content.objects.bulk_create(
                Content(type="message", created_at=timezone.now(), scoring_state="closed") for _ in texts
            )
            revisions = ContentRevision.objects.bulk_create(
                ContentRevision(content=content, number=1, text=text, digest="")
                for content, text in zip(contents, texts, strict=True)
            )
        begun = time.perf_counter()
        with transaction.atomic():
            grouping.assign_groups(revisions)
        if number:  # the first one plans
            seconds.append((time.perf_counter() - begun) / _BATCH)
    return statistics.mean(seconds)


def _by_trigrams(cursor: psycopg2.extensions.cursor, messages: Sequence[str]) -> list[float]:
    cursor.execute("SELECT set_config('pg_trgm.similarity_threshold', %s, false)", [str(_LEAST)])
    seconds = []
    for message in messages[:_PROBES]:
        if sum(seconds) > _PATIENCE:
            break
        begun = time.perf_counter()
        cursor.execute("SELECT id FROM bench_texts WHERE text %% %s ORDER BY id LIMIT 1", [message])
        cursor.fetchone()
        seconds.append(time.perf_counter() - begun)
    return seconds
