"""The statements behind ``claims``: each one message to the database, whatever waits there.

Three ways to look for the next review share one frame, which gives back what the person holds already.
"""

# Whoever asks twice at once is served in turns: the second statement sees what the first one did.
_BEGIN = """
SELECT pg_advisory_xact_lock(1, %(user)s);
WITH RECURSIVE held AS (
  SELECT id, queue_id, reserved, leased_at FROM moderation_review
  WHERE reviewer_id = %(user)s AND state = 'leased' AND lease_expires_at > clock_timestamp()
), mine AS (
  SELECT id FROM held WHERE queue_id = %(queue)s ORDER BY reserved, leased_at LIMIT 1
)"""

_TAKE = """, taken AS (
  UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s,
    lease_token = nextval('evenhand_lease_token'), leased_at = clock_timestamp(),
    lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
  WHERE id = ("""

_END = """
  ) RETURNING id
)
SELECT (SELECT id FROM mine), (SELECT id FROM taken), (SELECT count(*) FROM held)
"""

# The index gives the order, and the first row that passes is it: the planner leaves the sub-select on bars alone.
_FIRST = """
    SELECT r.id FROM moderation_review r
    WHERE r.queue_id = %(queue)s AND r.state = 'waiting' AND NOT %(user)s = ANY (r.passed_by)
      AND (SELECT 1 FROM moderation_reviewbar b WHERE b.review_id = r.id AND b.user_id = %(user)s LIMIT 1) IS NULL
      AND (%(another)s OR NOT EXISTS (SELECT 1 FROM mine)) AND (SELECT count(*) FROM held) < %(limit)s
    ORDER BY r.priority DESC, r.id LIMIT 1 FOR UPDATE SKIP LOCKED"""

# The lanes there are, by a few steps through the index, and the heads of those the person may take: as many as there
# may be others who take at the same moment.
_HEADS = """, lanes AS (
  (SELECT language, policy FROM moderation_review
   WHERE queue_id = %(queue)s AND state = 'waiting' ORDER BY language, policy LIMIT 1)
  UNION ALL
  SELECT later.language, later.policy FROM lanes CROSS JOIN LATERAL (
    SELECT w.language, w.policy FROM moderation_review w
    WHERE w.queue_id = %(queue)s AND w.state = 'waiting' AND (w.language, w.policy) > (lanes.language, lanes.policy)
    ORDER BY w.language, w.policy LIMIT 1) later
), heads AS (
  SELECT head.id FROM lanes CROSS JOIN LATERAL (
    SELECT r.id, r.priority FROM moderation_review r
    WHERE r.queue_id = %(queue)s AND r.state = 'waiting' AND r.language = lanes.language AND r.policy = lanes.policy
      AND NOT %(user)s = ANY (r.passed_by)
      AND (SELECT 1 FROM moderation_reviewbar b WHERE b.review_id = r.id AND b.user_id = %(user)s LIMIT 1) IS NULL
    ORDER BY r.priority DESC, r.id LIMIT 40) head
  WHERE (lanes.language = '' OR %(any_language)s OR lanes.language = ANY (%(languages)s::text[]))
    AND (lanes.policy = '' OR %(any_policy)s OR lanes.policy = ANY (%(policies)s::text[]))
  ORDER BY head.priority DESC, head.id LIMIT 40
)"""

_FIRST_OF_HEADS = """
    SELECT r.id FROM moderation_review r
    WHERE r.id IN (SELECT id FROM heads) AND r.state = 'waiting'
      AND (%(another)s OR NOT EXISTS (SELECT 1 FROM mine)) AND (SELECT count(*) FROM held) < %(limit)s
    ORDER BY r.priority DESC, r.id LIMIT 1 FOR UPDATE SKIP LOCKED"""

# What the person passed by, where nobody else is left who could take it; not what they have skipped just now.
_FIRST_OF_PASSED = """
    SELECT r.id FROM moderation_review r JOIN moderation_queue q ON q.id = r.queue_id
    WHERE r.queue_id = %(queue)s AND r.state = 'waiting' AND r.passed_by <> '{}'
      AND r.passed_by @> ARRAY[%(user)s]::bigint[] AND NOT EXISTS (SELECT 1 FROM mine)
      AND (SELECT 1 FROM moderation_reviewbar b WHERE b.review_id = r.id AND b.user_id = %(user)s LIMIT 1) IS NULL
      AND (r.language = '' OR %(any_language)s OR r.language = ANY (%(languages)s::text[]))
      AND (r.policy = '' OR %(any_policy)s OR r.policy = ANY (%(policies)s::text[]))
      AND NOT EXISTS (
        SELECT 1 FROM moderation_reviewskip s JOIN moderation_review x ON x.id = s.review_id
        WHERE x.case_id = r.case_id AND s.user_id = %(user)s
          AND s.created_at > clock_timestamp() - interval '1 hour')
      AND NOT EXISTS (
        SELECT 1 FROM moderation_user u
        WHERE u.is_active AND u.id <> %(user)s AND NOT u.id = ANY (r.passed_by)
          AND u.role = ANY (CASE WHEN q.seniors_only THEN %(seniors)s::text[] ELSE %(reviewers)s::text[] END)
          AND (r.language = '' OR u.languages = '{}' OR r.language = ANY (u.languages))
          AND (r.policy = '' OR u.policies = '{}' OR r.policy = ANY (u.policies))
          AND NOT EXISTS (SELECT 1 FROM moderation_reviewbar b WHERE b.review_id = r.id AND b.user_id = u.id))
    ORDER BY r.priority DESC, r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED"""

CLAIM_FIRST = _BEGIN + _TAKE + _FIRST + _END
CLAIM_OF_LANES = _BEGIN + _HEADS + _TAKE + _FIRST_OF_HEADS + _END
CLAIM_OF_PASSED = _BEGIN + _TAKE + _FIRST_OF_PASSED + _END

TAKE_THIS = """
UPDATE moderation_review SET state = 'leased', reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'),
       reserved = false, leased_at = clock_timestamp(),
       lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s
  AND (state = 'waiting' OR (state = 'leased' AND lease_expires_at <= clock_timestamp()))
RETURNING id
"""

TAKE_OVER = """
UPDATE moderation_review SET reviewer_id = %(user)s, lease_token = nextval('evenhand_lease_token'), reserved = false,
       leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s AND state = 'leased' AND reviewer_id <> %(user)s
RETURNING id
"""

# A reservation becomes a lease like any other: its time begins when its holder is shown something.
OPEN_RESERVED = """
UPDATE moderation_review SET reserved = false, leased_at = clock_timestamp(),
       lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s AND reserved AND reviewer_id = %(user)s AND lease_expires_at > clock_timestamp() RETURNING id
"""

RESERVE = "UPDATE moderation_review SET reserved = true WHERE id = %(review)s RETURNING id"

RENEW = """
UPDATE moderation_review SET lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(review)s AND state = 'leased' AND reviewer_id = %(user)s AND lease_token = %(token)s
  AND lease_expires_at > clock_timestamp()
RETURNING lease_expires_at
"""

KEEP_RESERVED = """
UPDATE moderation_review SET lease_expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE reviewer_id = %(user)s AND state = 'leased' AND reserved AND lease_expires_at > clock_timestamp()
RETURNING id
"""

EXPIRE = """
WITH gone AS (
  SELECT id, case_id, reviewer_id FROM moderation_review
  WHERE state = 'leased' AND lease_expires_at <= clock_timestamp()
  ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE moderation_review r SET state = 'waiting', reviewer_id = NULL, lease_token = NULL, leased_at = NULL,
       lease_expires_at = NULL, reserved = false
FROM gone WHERE r.id = gone.id
RETURNING gone.id, gone.case_id, gone.reviewer_id
"""
