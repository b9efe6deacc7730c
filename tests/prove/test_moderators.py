"""Thirty-two moderators on real HTTP, web workers killed at random, leases whose clocks are wrong."""

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.bench.installation import scratch_database, web_server
from tests.bench.queues import FILL, LINK
from tests.real.client import Client

pytestmark = [pytest.mark.prove, pytest.mark.real, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 32
CASES = 20_000
_ENDS = ("review.released", "review.skipped", "review.lease_expired", "case.decided", "review.escalated")
_PREPARE = """
from moderation.enums import Scope
from moderation.models import Account, Queue, User
from moderation.services import access
Account.objects.bulk_create(Account(external_id=f"author-{n}") for n in range(1000))
for n in range(20):
    Queue.objects.create(slug=f"prove-{n}", name=f"Prove {n}")
print(Queue.objects.get(slug="prove-0").pk, Account.objects.get(external_id="author-0").pk)
for n in range(32):
    user = User.objects.create(username=f"person-{n}", role="moderator")
    print(access.issue_key(user=user, name="prove", scopes=[Scope.READ, Scope.REVIEW], acting_user=None)[1])
"""


@dataclass
class Arena:
    """A web server on a database of its own, with people who may work there."""

    url: str
    database_url: str
    master: int
    keys: list[str]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg2.connect(self.database_url) as database, database.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@dataclass
class Record:
    """What one person was told: cases claimed by token, decisions by case, and what should not have been said."""

    claimed: list[tuple[int, int]] = field(default_factory=list)
    decided: dict[int, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    surprises: list[tuple[int, Any]] = field(default_factory=list)


@contextmanager
def _arena(settings_module: str, tmp_path: Path) -> Iterator[Arena]:
    with scratch_database(os.environ["DATABASE_URL"]) as database_url, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "DATABASE_URL": database_url,
            "EVENHAND_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": settings_module,
            "LOG_LEVEL": "ERROR",
            "API_KEY_RATE_PER_MINUTE": "1000000",
        }.items():
            patch.setenv(name, value)
        for words in (["migrate", "-v0"], ["collectstatic", "-v0", "--noinput"], ["bootstrap"]):
            subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, check=True, capture_output=True)
        shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _PREPARE]
        told = subprocess.run(shell, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
        with psycopg2.connect(database_url) as database, database.cursor() as cursor:
            cursor.execute(FILL, {"first": 1, "last": CASES, "queue": int(told[0]), "author": int(told[1])})
            cursor.execute(LINK)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with web_server(port) as url:
            yield Arena(url, database_url, _master(port), told[2:])


def _master(port: int) -> int:
    """The process id of the web server that listens there: the one that is no child of another."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if f"127.0.0.1:{port}".encode() in words:
            found[int(folder.name)] = parent
    return next(pid for pid, parent in found.items() if parent not in found)


def _workers(master: int) -> list[int]:
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if parent == master:
            children.append(int(folder.name))
    return children


def _work(arena: Arena, key: str, ends_at: float, record: Record, chance: random.Random) -> None:
    client = Client(arena.url, key)
    while time.monotonic() < ends_at:
        try:
            _one_case(client, record, chance)
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)  # the worker was killed: what came of it is seen at the next claim


def _one_case(client: Client, record: Record, chance: random.Random) -> None:
    answer = client.post(f"queues/prove-{chance.randrange(3)}/claim")
    if answer.status != 200:
        record.refused[str(answer.status)] += 1
        if answer.status not in {204, 409, 502, 503}:
            record.surprises.append((answer.status, answer.body))
        return
    case = answer.body
    token = case["lease"]["token"]
    record.claimed.append((case["id"], token))
    path = f"cases/{case['id']}"
    if chance.random() < 0.3:
        client.post(f"{path}/heartbeat", {"lease_token": token})
    act = chance.random()
    if act < 0.1:
        client.post(f"{path}/release", {"lease_token": token})
        return
    if act < 0.2:
        client.post(f"{path}/skip", {"lease_token": token, "reason": "other"})
        return
    violates = {"verdict": "violates", "policies": ["harassment"], "actions": ["remove"]}
    opinion = {"lease_token": token, "version": case["version"], "evidence_id": case["evidence_id"], **violates}
    decided = client.post(f"{path}/decision", opinion)
    if decided.status == 201:
        record.decided[case["id"]] = decided.body["id"]
    elif decided.status == 409:
        record.refused[decided.body["code"]] += 1
    else:
        record.surprises.append((decided.status, decided.body))


def _trouble(arena: Arena, ends_at: float, chance: random.Random, kills: list[int]) -> None:
    """Kill a worker now and then; more often move the ends of some leases to where a wrong clock would put them."""
    next_kill = time.monotonic() + 2
    while time.monotonic() < ends_at:
        arena.rows(
            "UPDATE moderation_review SET lease_expires_at = clock_timestamp() + make_interval(secs => %s) "
            "WHERE id IN (SELECT id FROM moderation_review WHERE state = 'leased' ORDER BY random() LIMIT 3)",
            chance.uniform(-600, 600),
        )
        if time.monotonic() >= next_kill:
            workers = _workers(arena.master)
            if workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                kills.append(1)
            next_kill = time.monotonic() + chance.uniform(2, 6)
        time.sleep(0.2)


def _storm(arena: Arena, seconds: float) -> tuple[list[Record], int]:
    ends_at = time.monotonic() + seconds
    records = [Record() for _ in range(PEOPLE)]
    kills: list[int] = []
    threads = [
        threading.Thread(target=_work, args=(arena, arena.keys[n], ends_at, records[n], random.Random(n)))
        for n in range(PEOPLE)
    ]
    threads.append(threading.Thread(target=_trouble, args=(arena, ends_at, random.Random(99), kills)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return records, len(kills)


def _assert_invariants(arena: Arena, records: list[Record]) -> None:
    assert [surprise for record in records for surprise in record.surprises] == []
    _assert_no_lease_was_given_over_another(arena)
    told = Counter(case for record in records for case in record.decided)
    assert not [case for case, count in told.items() if count > 1], "a case was decided twice"
    stored = dict(arena.rows("SELECT id, case_id FROM moderation_decision"))
    for record in records:
        for case, decision in record.decided.items():
            assert stored[decision] == case, "a decision that was answered is not there"
    tokens = Counter(token for record in records for _, token in set(record.claimed))
    assert set(tokens.values()) == {1}, "one token was given to two people"
    assert arena.rows(
        "SELECT count(*) FROM moderation_decision d LEFT JOIN moderation_judgement j ON j.id = d.judgement_id "
        "LEFT JOIN moderation_evidence e ON e.id = j.evidence_id "
        "WHERE e.shown_to_id IS DISTINCT FROM d.decided_by_id OR e.case_id IS DISTINCT FROM d.case_id"
    ) == [(0,)]
    assert arena.rows(
        "SELECT count(*) FROM moderation_case k WHERE (k.status = 'open') <> EXISTS (SELECT 1 FROM moderation_review r "
        "WHERE r.case_id = k.id AND r.state IN ('waiting', 'leased'))"
    ) == [(0,)]


def _assert_no_lease_was_given_over_another(arena: Arena) -> None:
    """Between two claims of one review lies what ended the first: it was decided, given back, skipped or ran out."""
    live: dict[int, int] = {}
    doubled = []
    for kind, actor, case in arena.rows(
        "SELECT kind, actor_id, case_id FROM moderation_auditevent WHERE case_id IS NOT NULL ORDER BY id"
    ):
        if kind == "review.claimed":
            if case in live:
                doubled.append((case, live[case], actor))
            live[case] = actor
        elif kind in _ENDS:
            live.pop(case, None)
    assert not doubled, f"{len(doubled)} cases were leased to a second person over a live lease: {doubled[:3]}"


def test_thirty_two_moderators_for_a_minute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _arena("console.settings.base", tmp_path) as arena:
        records, kills = _storm(arena, 60)
        decided = sum(len(record.decided) for record in records)
        claimed = sum(len(record.claimed) for record in records)
        refused = sum((record.refused for record in records), Counter())
        with capsys.disabled():
            print(f"\n{claimed} claims, {decided} decisions, {kills} workers killed, refusals {dict(refused)}")  # noqa: T201
        assert decided > 200
        assert kills >= 5
        _assert_invariants(arena, records)


def test_a_claim_without_its_lock_is_found_out(tmp_path: Path) -> None:
    with _arena("tests.prove.broken_claim", tmp_path) as arena:
        records, _ = _storm(arena, 20)
        with pytest.raises(AssertionError, match="over a live lease"):
            _assert_invariants(arena, records)
