"""Contents of the last days in any number, written straight into a running product's database; and a rule to test."""

from typing import Any

import psycopg2

from tests.launcher.conftest import until
from tests.real.client import Client
from tests.real.product import Product

# A third are reported, and a content's spam score is its number's share of a thousand.
_FILL = """
WITH model AS (SELECT id FROM moderation_modelversion WHERE status = 'champion'), contents AS (
  INSERT INTO moderation_content (external_id, type, url, language, attributes, created_at, received_at, scoring_state,
    scoring_attempts)
  SELECT 'past-' || n, 'message', '', 'en', '{}', now(), now() - n * interval '1 second', 'scored', 0
  FROM generate_series(1, %(count)s) n RETURNING id, substr(external_id, 6)::int AS n
), revisions AS (
  INSERT INTO moderation_contentrevision (number, text, digest, thread, bridges_split, received_at, content_id)
  SELECT 1, 'a message of no interest, number ' || n, md5(n::text), '[]', false, now(), id FROM contents
  RETURNING id, content_id
), predictions AS (
  INSERT INTO moderation_prediction (context, created_at, model_version_id, revision_id)
  SELECT '{}', now(), model.id, revisions.id FROM revisions, model RETURNING id, revision_id
), scores AS (
  INSERT INTO moderation_policyprediction (score, logit, threshold, flagged, base_value, absent, attributions,
    context_attributions, policy_id, prediction_id)
  SELECT (n %% 1000) / 1000.0, 0, 0.9, n %% 1000 >= 900, 0, 0, '[]', '[]', policy.id, predictions.id
  FROM predictions JOIN revisions ON revisions.id = revision_id JOIN contents ON contents.id = content_id,
    moderation_policy policy WHERE policy.slug IN ('spam', 'hate') RETURNING id
)
INSERT INTO moderation_report (source, note, outcome, received_at, content_id, revision_id)
SELECT 'user', '', 'pending', now(), content_id, revisions.id FROM revisions JOIN contents ON contents.id = content_id
WHERE n %% 3 = 0
"""
_LINK = """
UPDATE moderation_content c SET current_revision_id = v.id FROM moderation_contentrevision v
WHERE v.content_id = c.id AND c.current_revision_id IS NULL
"""
CONDITION = {"fact": "score", "of": "spam", "is": "at_least", "value": 0.5}


def fill(product: Product, count: int) -> None:
    """Add contents that have been scored and partly reported, none of them routed."""
    with psycopg2.connect(product.service("DATABASE_URL")) as database, database.cursor() as cursor:
        cursor.execute(_FILL, {"count": count})
        cursor.execute(_LINK)


def expected_matches(count: int) -> int:
    """How many of them people would see and the rule matches: reported or flagged, and of half the score."""
    return sum(n % 1000 >= 500 and (n % 3 == 0 or n % 1000 >= 900) for n in range(1, count + 1))


def first_rule(client: Client) -> int:
    """A draft in front of all rules."""
    rule = _done(client.post("rules", {"name": "tested", "condition": CONDITION, "queue": "urgent"}), 201)
    _done(client.post(f"rules/{rule['id']}/move", {"position": 1}), 200)
    return int(rule["id"])


def request(client: Client, rule: int) -> int:
    """Ask for a backtest; its number."""
    return int(_done(client.post(f"rules/{rule}/backtests", {"days": 30}), 202)["id"])


def read(client: Client, backtest: int) -> dict[str, Any]:
    """What the API says of the backtest."""
    return _done(client.get(f"backtests/{backtest}"), 200)


def until_looked_at(client: Client, backtest: int, count: int, *, seconds: float = 120) -> dict[str, Any]:
    """Wait until the backtest has looked at so many contents."""
    until(
        lambda: read(client, backtest)["looked_at"] >= count,
        seconds=seconds,
        what=f"the backtest looks at {count}",
    )
    return read(client, backtest)


def until_ended(client: Client, backtest: int, *, seconds: float) -> dict[str, Any]:
    """Wait until the backtest has ended."""
    until(
        lambda: read(client, backtest)["state"] not in {"waiting", "running"},
        seconds=seconds,
        what="the backtest ends",
    )
    return read(client, backtest)


def _done(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status == status, (answer.status, answer.body)
    body: dict[str, Any] = answer.body
    return body
