"""A backtest in a real worker that is killed in the middle: it goes on, and every content is counted once."""

import sys
import time

import pytest

from tests.launcher.conftest import until
from tests.real import backtests
from tests.real.conftest import running_product
from tests.real.product import Product

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real")]
KILLS = 2


def _is_tested_through_kills(product: Product, *, contents: int, seconds: float) -> float:
    """Kill the worker twice while it tests a rule on so many contents; contents a second, kills and all."""
    backtests.fill(product, contents)
    client = product.client()
    rule = backtests.first_rule(client)
    begun = time.monotonic()
    backtest = backtests.request(client, rule)
    seen = []
    for kill in range(1, KILLS + 1):
        going = backtests.until_looked_at(client, backtest, contents * kill // 5)
        assert going["state"] == "running", "it must not be over before it is killed"
        seen.append(going["looked_at"])
        process = product.launched.processes()["worker"]
        product.kill("worker")
        product.launched.wait_for_another("worker", process)
    done = backtests.until_ended(client, backtest, seconds=seconds)
    assert (done["state"], done["looked_at"], done["total"]) == ("done", contents, contents)
    expected = backtests.expected_matches(contents)
    assert (done["counts"]["matched"], done["counts"]["decided"]) == (expected, expected)
    assert seen == sorted(seen)
    return contents / (time.monotonic() - begun)


def test_a_worker_that_is_killed_in_a_backtest_loses_and_doubles_nothing() -> None:
    with running_product(DEMO="0", SWEEP_SECONDS="2") as product:
        _is_tested_through_kills(product, contents=12_000, seconds=120)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_a_hundred_thousand_contents_with_progress_kills_and_cancellation() -> None:
    with running_product(DEMO="0", SWEEP_SECONDS="2") as product:
        rate = _is_tested_through_kills(product, contents=100_000, seconds=600)
        client = product.client()
        other = backtests.request(client, backtests.first_rule(client))
        backtests.until_looked_at(client, other, 5_000)
        asked = time.monotonic()
        cancelled = client.post(f"backtests/{other}/cancel")
        took = time.monotonic() - asked
        assert (cancelled.status, cancelled.body["state"]) == (200, "cancelled")
        stopped_at = cancelled.body["looked_at"]
        assert 5_000 <= stopped_at < 100_000
        # The worker has nothing left to do, and adds nothing.
        until(lambda: backtests.read(client, other)["state"] == "cancelled", what="it stays cancelled")
        time.sleep(5)
        assert backtests.read(client, other)["looked_at"] == stopped_at
    sys.stderr.write(
        f"\nbacktest of 100,000 contents through {KILLS} killed workers: {rate:,.0f} contents/s; "
        f"cancelled after {stopped_at:,} in {took:.2f} s\n"
    )
