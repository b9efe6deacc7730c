"""Counting what waits, for everyone at once: every few seconds, by whoever finds the count too old."""

from django.conf import settings
from django.db import connection, transaction

from moderation.models import LaneCensus

_CENSUS_LOCK = 5  # first key of the advisory lock that lets one count at a time

_IS_FRESH = """
SELECT 1 FROM moderation_lanecensus WHERE counted_at > clock_timestamp() - make_interval(secs => %(seconds)s)
"""

# A lease that has run out is taken back at the next claim: to a moderator that review waits.
_COUNT = """
WITH reviews AS (
  SELECT queue_id, language, policy, count(*) AS waiting, 0 AS leased FROM moderation_review
  WHERE state = 'waiting' GROUP BY 1, 2, 3
  UNION ALL
  SELECT queue_id, language, policy, count(*) FILTER (WHERE lease_expires_at <= clock_timestamp()),
    count(*) FILTER (WHERE lease_expires_at > clock_timestamp())
  FROM moderation_review WHERE state = 'leased' GROUP BY 1, 2, 3
), late AS (
  SELECT queue_id, count(*) AS overdue FROM moderation_case
  WHERE status = 'open' AND due_at < clock_timestamp() GROUP BY 1
), first AS (
  SELECT q.id AS queue_id, (SELECT opened_at FROM moderation_case k
    WHERE k.queue_id = q.id AND k.status = 'open' ORDER BY opened_at LIMIT 1) AS oldest
  FROM moderation_queue q
), lanes AS (
  SELECT queue_id, language, policy, sum(waiting) AS waiting, sum(leased) AS leased FROM reviews GROUP BY 1, 2, 3
)
INSERT INTO moderation_lanecount (queue_id, language, policy, waiting, leased, overdue, oldest)
SELECT l.queue_id, l.language, l.policy, l.waiting, l.leased,
  CASE WHEN row_number() OVER lane = 1 THEN coalesce(late.overdue, 0) ELSE 0 END, first.oldest
FROM lanes l JOIN first USING (queue_id) LEFT JOIN late USING (queue_id)
WINDOW lane AS (PARTITION BY l.queue_id ORDER BY l.language, l.policy)
"""


@transaction.atomic
def keep_fresh() -> bool:
    """Count anew if the count is older than ``COUNT_SECONDS`` and nobody is at it; whether it was counted."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_FRESH, {"seconds": settings.COUNT_SECONDS})
        if cursor.fetchone() is not None:
            return False
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [_CENSUS_LOCK])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("DELETE FROM moderation_lanecount")
        cursor.execute(_COUNT)
        cursor.execute(
            f"INSERT INTO {LaneCensus._meta.db_table} (id, counted_at) VALUES (1, clock_timestamp()) "  # noqa: S608
            "ON CONFLICT (id) DO UPDATE SET counted_at = excluded.counted_at"
        )
    return True
