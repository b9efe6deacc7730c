"""At a hundred thousand cases every search goes by an index; what each took is printed."""

import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from moderation.models import Case, Queue, User
from moderation.queries import Scope, parse
from moderation.selectors import search

pytestmark = pytest.mark.prove
CASES = 100_000

_ROWS = """
INSERT INTO moderation_account (external_id, attributes, first_seen_at)
SELECT 'person-' || n, '{}', now() - n * interval '1 minute' FROM generate_series(1, 100000) n;
INSERT INTO moderation_content (external_id, type, author_id, url, language, attributes, created_at, received_at,
  scoring_state, scoring_attempts)
SELECT 'm-' || n, 'message', (SELECT min(id) FROM moderation_account) + n %% 100000, '', 'en', '{}', now(), now(),
  'scored', 1 FROM generate_series(1, %(cases)s) n;
INSERT INTO moderation_contentrevision (content_id, number, text, digest, thread, bridges_split, received_at)
SELECT id, 1, 'message ' || md5(id::text) || ' with words ' || CASE WHEN id %% 2 = 0 THEN 'common ' ELSE '' END
  || CASE WHEN id %% 5000 = 0 THEN 'needle in haystack 这个网站卖假药 ' ELSE '' END || md5((id + 1)::text),
  md5(id::text), '[]', false, now() FROM moderation_content;
UPDATE moderation_content c SET current_revision_id = r.id
FROM moderation_contentrevision r WHERE r.content_id = c.id;
INSERT INTO moderation_case (content_id, queue_id, status, why_shown, sampling_probability, rule_hits, priority,
  priority_parts, policy, score, version, opened_at, due_at, closed_at)
SELECT id, %(queue)s + id %% 2, CASE WHEN id %% 10 = 0 THEN 'open' ELSE 'decided' END, 'flagged', 1, '[]', id %% 97,
  '[]', CASE WHEN id %% 20 = 0 THEN 'spam' ELSE 'hate' END, (id %% 1000) / 1000.0, 1,
  now() - id * interval '1 second', now(), CASE WHEN id %% 10 = 0 THEN NULL ELSE now() END FROM moderation_content;
ANALYZE;
"""

SEARCHES = (
    "needle",
    '"in haystack"',
    "~haystak",
    "网站卖假药",
    "common",
    "needle common -with",
    "药",
    "policy:spam is:open score:>0.8",
    "policy:spam is:open score:>0.8 sort:score",
    "is:open",
    "is:open sort:old",
    "queue:first is:open sort:priority",
    "author:person-77",
    "case:100..200",
    "needle in:content",
    "author:person-77 in:content",
    "son-777 in:accounts",
    "~persn-7777 in:accounts",
    "in:accounts",
)
_LARGE = {"moderation_case", "moderation_content", "moderation_contentrevision", "moderation_account"}


@pytest.fixture
def hundred_thousand(moderator: User) -> None:
    """Cases by the statement, not one by one."""
    queue = Queue.objects.create(slug="first", name="First")
    Queue.objects.create(slug="second", name="Second", pk=queue.pk + 1)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, {"cases": CASES, "queue": queue.pk})
    assert Case.objects.count() == CASES


def _look(typed: str, viewer: User, after: str = "") -> Any:
    query = parse(typed)
    if query.scope == Scope.ACCOUNTS:
        return search.accounts(query, after=after)
    find = search.cases if query.scope == Scope.CASES else search.contents
    return find(query, viewer=viewer, after=after)


def _scans(node: dict[str, Any]) -> list[str]:
    """The large tables that the plan reads row by row."""
    read = [node["Relation Name"]] if node["Node Type"] == "Seq Scan" else []
    return read + [table for child in node.get("Plans", ()) for table in _scans(child)]


def test_every_search_goes_by_an_index(hundred_thousand: None, moderator: User) -> None:
    whole = []
    for typed in SEARCHES:
        _look(typed, moderator)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            began = time.perf_counter()
            page = _look(typed, moderator)
            took = time.perf_counter() - began
        plans = []
        for statement in captured.captured_queries:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN (FORMAT JSON) " + statement["sql"].replace("%", "%%"), [])
                answer = cursor.fetchone()[0]
            plans.append((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"])
        scanned = {table for plan in plans for table in _scans(plan)} & _LARGE
        print(f"{typed:45} {len(page.rows):3} hits {1000 * took:7.1f} ms {sorted(scanned) or ''}")  # noqa: T201
        if scanned:
            whole.append((typed, sorted(scanned)))
    assert whole == []


def test_the_ten_thousandth_row_costs_what_the_first_does(hundred_thousand: None, moderator: User) -> None:
    after, pages, times = "", 0, []
    while pages < 200:
        began = time.perf_counter()
        page = _look("is:open", moderator, after)
        times.append(time.perf_counter() - began)
        pages, after = pages + 1, page.after
        if not after:
            break
    print(f"pages {pages}: first {1000 * times[0]:.1f} ms, last {1000 * times[-1]:.1f} ms")  # noqa: T201
    assert pages == CASES // 10 // 50 + (CASES // 10 % 50 > 0)
    assert max(times[-5:]) < 10 * max(*times[:5], 0.02)
