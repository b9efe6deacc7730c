"""A large batch goes on in a worker, through its death, to its end; each case is decided once."""

import pytest

from tests.launcher.conftest import until
from tests.real.product import Product, report_bodies

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("real"),
    pytest.mark.parametrize("broker", ["valkey"], indirect=True),
]
CASES = 150
_DECIDED = "SELECT count(*) FROM moderation_batchcase WHERE state = 'decided'"


def test_a_batch_survives_the_death_of_its_worker(product: Product) -> None:
    bodies = [{**body, "author": {"id": "swept"}} for body in report_bodies(CASES, prefix="swept")]
    assert product.client().post_lines("reports/bulk", bodies).status == 200
    product.wait_until_scored()
    lead = product.client()
    body = {"mode": "account", "account": "swept", "verdict": "violates", "policies": ["spam"], "actions": ["remove"]}
    made = lead.post("batches", body)
    assert (made.status, made.body["state"]) == (201, "deciding")
    total = made.body["progress"]["total"]  # all but what is drawn for an audit
    assert total > CASES // 2
    until(lambda: product.count(_DECIDED) > 0, what="a worker is at work")
    process = product.launched.processes()["worker"]
    assert product.count(_DECIDED) < total, "all was decided before the worker died"
    product.kill("worker")
    product.launched.wait_for_another("worker", process)
    path = f"batches/{made.body['id']}"
    until(lambda: lead.get(path).body["state"] == "decided", seconds=120, what="the batch is through")
    progress = lead.get(path).body["progress"]
    assert (progress["pending"], progress["decided"] + progress["left_out"]) == (0, total)
    assert product.rows("SELECT count(*), count(DISTINCT case_id) FROM moderation_decision WHERE kind = 'batch'") == [
        (progress["decided"], progress["decided"])
    ]
    assert lead.post(f"{path}/undo").body["state"] == "undoing"
    until(lambda: lead.get(path).body["state"] == "undone", seconds=120, what="the batch is undone")
    assert product.count("SELECT count(*) FROM moderation_case WHERE status = 'open'") >= progress["decided"]
