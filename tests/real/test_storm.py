"""A storm: programs are killed at random while reports come in and people decide; nothing is lost or done twice."""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.launcher.conftest import until
from tests.real.client import Answer, Client, Clients, crowd
from tests.real.conftest import running_product
from tests.real.product import Product, accepted_reports, report_bodies

pytestmark = [pytest.mark.real, pytest.mark.prove, pytest.mark.xdist_group("real"), pytest.mark.timeout(1200)]

REPORTS = 1500
PEOPLE = 6
_VICTIMS = ("web", "worker", "beat", "postgres", "valkey")
_SECONDS_BETWEEN_KILLS = 3.0


def test_a_storm_of_kills_loses_and_doubles_nothing() -> None:
    with running_product(DEMO="0", SWEEP_SECONDS="2", LEASE_SECONDS="30") as product:
        keys = product.issue_keys([f"person-{number}" for number in range(PEOPLE)])
        platform = product.platform
        bodies = report_bodies(REPORTS, prefix="storm")
        decided: dict[int, int] = {}
        with (
            _storm(product) as killed,
            _moderators(product, keys, decided),
            crowd(4, lambda body: _insist(platform, body), bodies) as answers,
        ):
            pass
        product.wait_until_scored(300)

        assert sum(killed.values()) >= len(_VICTIMS), killed
        reports = accepted_reports(answers)
        assert len(reports) == REPORTS
        # A review whose decision's answer was lost is judged all the same, so only what was told is looked up.
        assert len(decided) > 0
        product.assert_settled(reports)
        _assert_decided_once(product, decided)


def _insist(platform: Clients, body: dict[str, Any]) -> Answer:
    """Send one report under one idempotency key until it is accepted."""
    answers: list[Answer] = []

    def accepted() -> bool:
        answer = _attempt(platform.mine, "reports", body, Idempotency_Key=body["content"]["id"])
        if answer is not None:
            answers.append(answer)
        return answer is not None and answer.accepted

    until(accepted, seconds=120, what=f"{body['content']['id']} is accepted")
    return answers[-1]


def _attempt(client: Client, path: str, body: Any = None, **headers: str) -> Answer | None:
    """The answer, or none where the call was cut short."""
    try:
        return client.post(path, body, **headers)
    except (OSError, http.client.HTTPException):
        return None


@contextmanager
def _storm(product: Product) -> Iterator[Counter[str]]:
    """Kill a program every few seconds while the block runs; how often each was killed."""
    over, killed, chance = threading.Event(), Counter[str](), random.Random(1)

    def rage() -> None:
        while not over.wait(_SECONDS_BETWEEN_KILLS):
            # Each in its turn, in an order that differs every round.
            round_of = sum(killed.values()) % len(_VICTIMS)
            if round_of == 0:
                order[:] = chance.sample(_VICTIMS, len(_VICTIMS))
            victim = order[round_of]
            process = product.launched.processes().get(victim)
            if process is not None:
                product.kill(victim)
                killed[victim] += 1
                product.launched.wait_for_another(victim, process)

    order: list[str] = []
    thread = threading.Thread(target=rage)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


@contextmanager
def _moderators(product: Product, keys: dict[str, str], decided: dict[int, int]) -> Iterator[None]:
    """Have everyone claim and decide while the block runs; what they were told they decided: decision by case."""
    over, lock = threading.Event(), threading.Lock()
    queues = [row[0] for row in product.rows("SELECT slug FROM moderation_queue WHERE NOT seniors_only")]

    def work(name: str) -> None:
        client, chance = product.client(keys[name]), random.Random(name)
        while not over.is_set():
            claimed = _attempt(client, f"queues/{chance.choice(queues)}/claim")
            if claimed is None or claimed.status != 200:
                over.wait(0.2)
                continue
            case = claimed.body
            opinion = {
                "lease_token": case["lease"]["token"],
                "version": case["version"],
                "evidence_id": case["evidence_id"],
                "verdict": "ok",
            }
            answer = _attempt(client, f"cases/{case['id']}/decision", opinion)
            if answer is not None and answer.status == 201:
                with lock:
                    assert case["id"] not in decided
                    decided[case["id"]] = answer.body["id"]

    threads = [threading.Thread(target=work, args=[name]) for name in keys]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _assert_decided_once(product: Product, decided: dict[int, int]) -> None:
    stored = product.rows("SELECT case_id, count(*), max(id) FROM moderation_decision GROUP BY 1")
    assert {case: count for case, count, _ in stored if count != 1} == {}
    assert {case: decision for case, _, decision in stored if case in decided} == decided
    # Each decision with all its effects: a judged review, labels, the outbox, the audit event.
    assert product.rows(
        "SELECT count(*) FROM moderation_decision d WHERE NOT EXISTS (SELECT 1 FROM moderation_label l "
        "WHERE l.decision_id = d.id) OR NOT EXISTS "
        "(SELECT 1 FROM moderation_outboxmessage o WHERE o.decision_id = d.id) "
        "OR NOT EXISTS (SELECT 1 FROM moderation_auditevent a WHERE a.kind = 'case.decided' AND a.case_id = d.case_id) "
        "OR NOT EXISTS (SELECT 1 FROM moderation_case k WHERE k.id = d.case_id AND k.status = 'decided')"
    ) == [(0,)]
