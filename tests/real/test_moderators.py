"""Sixteen people at once: every case is decided once, and whoever comes late is told so."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.real.client import Answer, Client, crowd
from tests.real.product import Product, report_bodies

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("real"),
    pytest.mark.parametrize("broker", ["valkey"], indirect=True),
]

PEOPLE = 16
CASES = 500
_ADD_QUEUE = """
from moderation.models import Queue, RoutingRule
crowd = Queue.objects.create(slug="crowd", name="Crowd", position=8)
condition = {"fact": "report_sources", "is": "any_of", "value": ["trusted_flagger"]}
RoutingRule.objects.create(name="Crowd", position=0, state="live", condition=condition, queue=crowd)
"""


@dataclass
class Record:
    """What one moderator was told."""

    decided: dict[int, int] = field(default_factory=dict)
    """Decision by case."""
    claimed: list[int] = field(default_factory=list)
    conflicts: list[Answer] = field(default_factory=list)
    surprises: list[tuple[str, int, Any]] = field(default_factory=list)


def test_sixteen_moderators_decide_five_hundred_cases_once_each(product: Product) -> None:
    # A queue of their own, so that nobody can step aside and what other tests left open stays out of it.
    product.manage("shell", "--no-imports", "-c", _ADD_QUEUE)
    bodies = [{**body, "source": "trusted_flagger"} for body in report_bodies(CASES, prefix="crowd")]
    reports = accepted_reports_of_lines(product.client().post_lines("reports/bulk", bodies))
    assert len(reports) == CASES
    product.wait_until_scored()
    open_cases = {
        row[0]
        for row in product.rows(
            "SELECT k.id FROM moderation_case k JOIN moderation_queue q ON q.id = k.queue_id "
            "WHERE k.status = 'open' AND q.slug = 'crowd'"
        )
    }
    assert len(open_cases) == CASES
    keys = product.issue_keys([f"person-{number}" for number in range(PEOPLE)])

    def work(name: str) -> Record:
        return _work_until_empty(product.client(keys[name]), random.Random(name))

    with crowd(PEOPLE, work, sorted(keys)) as records:
        pass

    assert [record.surprises for record in records if record.surprises] == []
    decided = Counter(case for record in records for case in record.decided)
    assert set(decided) == open_cases
    assert set(decided.values()) == {1}
    claimed = Counter(case for record in records for case in record.claimed)
    assert set(claimed.values()) == {1}, "a case was handed to two people"
    _assert_conflicts_are_told(records)
    _assert_rows_agree(product, sorted(open_cases), records)


def test_a_revision_that_arrives_during_a_review_is_a_stale_version(product: Product) -> None:
    body = report_bodies(1, prefix="revised", policy="violence")[0]
    assert product.client().post("reports", body).status == 202
    product.wait_until_scored()
    moderator = product.client(product.issue_keys(["reader"])["reader"])
    case = moderator.post("queues/urgent/claim").body
    changed = {**body["content"], "id": case["content"]["id"], "text": "another wording altogether"}
    assert product.client().post("content", {"content": changed, "author": body["author"]}).status == 202

    refused = moderator.post(f"cases/{case['id']}/decision", _opinion(case, "ok"))

    assert (refused.status, refused.body["code"]) == (409, "stale_version")
    product.wait_until_scored()
    again = moderator.post("queues/urgent/claim").body
    assert (again["id"], again["lease"]["token"]) == (case["id"], case["lease"]["token"])
    assert again["evidence_id"] != case["evidence_id"]
    assert again["content"]["text"] == "another wording altogether"
    assert moderator.post(f"cases/{case['id']}/decision", _opinion(again, "ok")).status == 201


def test_many_wordings_of_one_content_at_once_are_a_chain_of_revisions(product: Product) -> None:
    body = report_bodies(1, prefix="wordings")[0]
    wordings = [{**body, "content": {**body["content"], "text": f"wording number {number}"}} for number in range(120)]
    platform = product.platform
    with crowd(12, lambda wording: platform.mine.post("reports", wording), wordings) as answers:
        pass
    assert Counter(answer.status for answer in answers) == {202: 120}
    product.wait_until_scored()
    content = body["content"]["id"]
    numbers = product.rows(
        "SELECT v.number FROM moderation_contentrevision v JOIN moderation_content c ON c.id = v.content_id "
        "WHERE c.external_id = %s ORDER BY 1",
        content,
    )
    assert numbers == [(number,) for number in range(1, 121)]
    # The wording that stands is scored, exactly once, and the case is one.
    assert product.rows(
        "SELECT c.scoring_state, (SELECT count(*) FROM moderation_prediction p "
        "WHERE p.revision_id = c.current_revision_id), (SELECT count(*) FROM moderation_case k "
        "WHERE k.content_id = c.id) FROM moderation_content c WHERE c.external_id = %s",
        content,
    ) == [("scored", 1, 1)]


def accepted_reports_of_lines(answer: Answer) -> dict[int, str]:
    """The accepted lines of a bulk answer: report id to content id."""
    assert answer.status == 200, answer.body
    return {row["report_id"]: row["content_id"] for row in answer.body["results"] if row["status"] == "accepted"}


def _work_until_empty(client: Client, chance: random.Random) -> Record:
    record = Record()
    while (answer := client.post("queues/crowd/claim")).status == 200:
        record.claimed.append(answer.body["id"])
        _decide(client, answer.body, chance, record)
    if answer.status != 204:
        record.surprises.append(("claim", answer.status, answer.body))
    return record


def _decide(client: Client, case: dict[str, Any], chance: random.Random, record: Record) -> None:
    """Decide the case; now and then first with what is out of date, or once more afterwards."""
    path = f"cases/{case['id']}/decision"
    opinion = _opinion(case, chance.choice(["ok", "violates"]))
    if chance.random() < 0.1:
        stale = {"lease_token": opinion["lease_token"] - 1}
        _expect_conflict(record, client.post(path, {**opinion, **stale}))
    if chance.random() < 0.1:
        _expect_conflict(record, client.post(path, {**opinion, "version": case["version"] + 1}))
    answer = client.post(path, opinion)
    if answer.status == 201:
        record.decided[case["id"]] = answer.body["id"]
    else:
        record.surprises.append(("decide", answer.status, answer.body))
    if chance.random() < 0.1:
        _expect_conflict(record, client.post(path, opinion))
        _expect_conflict(
            record,
            client.post(f"cases/{case['id']}/heartbeat", {"lease_token": opinion["lease_token"]}),
        )


def _opinion(case: dict[str, Any], verdict: str) -> dict[str, Any]:
    violates = {"policies": ["harassment"], "actions": ["remove"]} if verdict == "violates" else {}
    return {
        "lease_token": case["lease"]["token"],
        "version": case["version"],
        "evidence_id": case["evidence_id"],
        "verdict": verdict,
        **violates,
    }


def _expect_conflict(record: Record, answer: Answer) -> None:
    if answer.status == 409:
        record.conflicts.append(answer)
    else:
        record.surprises.append(("conflict", answer.status, answer.body))


def _assert_conflicts_are_told(records: Sequence[Record]) -> None:
    conflicts = [answer for record in records for answer in record.conflicts]
    assert {answer.body["code"] for answer in conflicts} == {"lease_lost", "stale_version"}
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in conflicts)
    assert all(answer.body["detail"] for answer in conflicts)
    late = [answer.body for answer in conflicts if "decided this case" in answer.body["detail"]]
    assert late
    assert all(body["holder"].startswith("person-") and body["since"] for body in late)


def _assert_rows_agree(product: Product, cases: list[int], records: Sequence[Record]) -> None:
    told = {decision: case for record in records for case, decision in record.decided.items()}
    stored = dict(product.rows("SELECT id, case_id FROM moderation_decision WHERE case_id = ANY(%s)", cases))
    assert stored == told
    states = product.rows(
        "SELECT k.status, r.state, count(*) FROM moderation_case k JOIN moderation_review r ON r.case_id = k.id "
        "WHERE k.id = ANY(%s) GROUP BY 1, 2",
        cases,
    )
    assert states == [("decided", "judged", len(cases))]
    # A lease's token is never given twice, and evidence is always the decider's own.
    assert product.rows(
        "SELECT count(*), count(DISTINCT r.lease_token), bool_and(e.shown_to_id = d.decided_by_id) "
        "FROM moderation_review r JOIN moderation_judgement j ON j.review_id = r.id "
        "JOIN moderation_evidence e ON e.id = j.evidence_id JOIN moderation_decision d ON d.judgement_id = j.id "
        "WHERE r.case_id = ANY(%s)",
        cases,
    ) == [(len(cases), len(cases), True)]
