"""Whatever dies, each report that was answered with a 2xx is scored and cased once, and none is lost."""

import http.client
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from tests.launcher.conftest import until
from tests.real.brokers import Broker
from tests.real.client import Answer, Client, crowd
from tests.real.conftest import BROKERS
from tests.real.product import Product, accepted_reports, report_bodies

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real")]
with_any_broker = pytest.mark.parametrize("broker", BROKERS, indirect=True)
with_embedded_broker = pytest.mark.parametrize("broker", ["valkey"], indirect=True)

KILLS = 3
_ARRIVED = (
    "SELECT count(*) FROM moderation_report r JOIN moderation_content c ON c.id = r.content_id "
    "WHERE c.external_id LIKE 'database-%%'"
)


@with_any_broker
def test_workers_killed_in_the_middle_of_batches_lose_and_double_nothing(product: Product) -> None:
    bodies = report_bodies(400, prefix="worker-killed")
    platform = product.platform
    ids = [body["content"]["id"] for body in bodies]
    scored = "SELECT count(*) FROM moderation_content WHERE external_id = ANY(%s) AND scoring_state = 'scored'"

    def post(body: dict[str, Any]) -> Answer:
        return platform.mine.post("reports", body)

    kills = 0
    with crowd(4, post, bodies) as answers:
        while kills < KILLS:
            before = product.count(scored, ids)
            process = product.launched.processes()["worker"]
            until(lambda before=before: product.count(scored, ids) > before, what="a worker is at work")  # type: ignore[misc]
            assert product.count(scored, ids) < len(ids), f"all was scored before kill {kills + 1}"
            product.kill("worker")
            kills += 1
            product.launched.wait_for_another("worker", process)

    assert {answer.status for answer in answers} == {202}
    product.wait_until_scored()
    assert len(accepted_reports(answers)) == 400
    product.assert_settled(accepted_reports(answers))


@with_embedded_broker
def test_the_same_content_reported_by_a_brigade_is_one_case(product: Product) -> None:
    bodies = [
        {**body, "reporter": {"id": f"brigade-{number}"}}
        for body in report_bodies(20, prefix="brigade")
        for number in range(15)
    ]
    bodies.sort(key=lambda body: str(body["reporter"]["id"]))
    platform = product.platform
    with crowd(12, lambda body: platform.mine.post("reports", body), bodies) as answers:
        pass
    assert {answer.status for answer in answers} == {202}
    product.wait_until_scored()
    assert len(accepted_reports(answers)) == 300
    product.assert_settled(accepted_reports(answers))


@with_embedded_broker
def test_a_wave_of_one_text_scored_by_several_workers_is_one_group(product: Product) -> None:
    text = "free gems for the first hundred who open the link in my profile and tell a friend about it tonight"
    bodies = report_bodies(300, prefix="wave")
    wave = [{**body, "content": {**body["content"], "text": text}} for body in bodies]
    platform = product.platform
    with crowd(6, lambda body: platform.mine.post("reports", body), wave) as answers:
        pass
    assert {answer.status for answer in answers} == {202}
    product.wait_until_scored()
    # Two groups of near-duplicates could stand on two sides of the split: what is tested would have been learnt.
    assert product.rows(
        "SELECT count(DISTINCT v.group_id), count(*), count(v.group_id), bool_or(v.bridges_split) "
        "FROM moderation_contentrevision v JOIN moderation_content c ON c.id = v.content_id "
        "WHERE c.external_id LIKE 'wave-%%'"
    ) == [(1, 300, 300, False)]


@with_any_broker
def test_intake_goes_on_without_a_broker_and_all_is_scored_once_it_is_back(product: Product, broker: Broker) -> None:
    bodies = report_bodies(1000, prefix="no-broker")
    platform = product.platform
    broker.stop()
    try:
        with crowd(8, lambda body: platform.mine.post("reports", body), bodies) as answers:
            pass
        until(lambda: product.client().get("readyz").body["broker"] == "unavailable", what="it is noticed")
        readiness = product.client().get("readyz")
    finally:
        broker.start()
    assert {answer.status for answer in answers} == {202}
    assert (readiness.status, readiness.body["status"]) == (200, "degraded")
    product.wait_until_scored()
    assert len(accepted_reports(answers)) == 1000
    product.assert_settled(accepted_reports(answers))


@with_embedded_broker
def test_a_database_that_goes_away_while_reports_come_in_keeps_what_it_accepted(product: Product) -> None:
    bodies = report_bodies(300, prefix="database")
    platform = product.platform

    def insist(body: dict[str, Any]) -> list[Answer]:
        return _until_accepted(platform.mine, body)

    with crowd(4, insist, bodies) as attempts:
        # Restarted in order, then killed.
        for share, stop_signal in ((60, signal.SIGINT), (180, signal.SIGKILL)):
            until(lambda share=share: product.count(_ARRIVED) >= share, what=f"{share} reports have come in")  # type: ignore[misc]
            process = product.launched.processes()["postgres"]
            product.kill("postgres", stop_signal)
            product.launched.wait_for_another("postgres", process)
            until(lambda: product.client().get("readyz").body["database"] == "ok", what="the database is back")

    refusals = [answer for tries in attempts for answer in tries[:-1]]
    assert refusals, "the database went away unnoticed: nothing was shown"
    assert {(answer.status, answer.body["code"]) for answer in refusals} == {(503, "database_unavailable")}
    assert all("retry-after" in answer.headers for answer in refusals)
    answers = [tries[-1] for tries in attempts]
    product.wait_until_scored()
    assert len(accepted_reports(answers)) == 300
    product.assert_settled(accepted_reports(answers))
    # Sent again under its idempotency key after a 503, a report is still one report.
    assert product.count(_ARRIVED) == len(bodies)


def _until_accepted(client: Client, body: dict[str, Any]) -> list[Answer]:
    """Send one report under one idempotency key until it is accepted; every answer that came."""
    answers: list[Answer] = []

    def accepted() -> bool:
        try:
            answers.append(client.post("reports", body, Idempotency_Key=body["content"]["id"]))
        except (OSError, http.client.HTTPException):
            return False  # cut short: the same as no answer
        return answers[-1].accepted

    until(accepted, what=f"{body['content']['id']} is accepted: {_told(answers)}")
    return answers


def _told(answers: Sequence[Answer]) -> list[tuple[int, Any]]:
    return [(answer.status, answer.body) for answer in answers[-3:]]
