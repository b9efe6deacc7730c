"""The weight that reports get ranks reporters as they truly are."""

import random

import numpy as np
import pytest
from scipy.stats import spearmanr

from moderation.enums import ReportOutcome
from moderation.models import Account, Content, ContentRevision, Report
from moderation.services import priority
from moderation.services.priority import Reliability

pytestmark = [pytest.mark.prove, pytest.mark.django_db]
REPORTERS = 200
RUNS = 200


def _simulate(chance: np.random.Generator) -> tuple[np.ndarray, list[Reliability]]:
    """True chances that a report is upheld (Beta(2, 2), as unknown reporters are taken to be), and records of very
    unequal length."""
    truth = chance.beta(2, 2, REPORTERS)
    settled = chance.geometric(0.08, REPORTERS)
    upheld = chance.binomial(settled, truth)
    return truth, [Reliability(int(u), int(n)) for u, n in zip(upheld, settled, strict=True)]


def test_reporters_are_ranked_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    chance = np.random.default_rng(11)
    shrunk, raw, errors, raw_errors = [], [], [], []
    for _ in range(RUNS):
        truth, records = _simulate(chance)
        weights = np.array([record.weight for record in records])
        shares = np.array([record.upheld / record.settled for record in records])
        shrunk.append(spearmanr(truth, weights).statistic)
        raw.append(spearmanr(truth, shares).statistic)
        errors.append(float(np.mean((weights - truth) ** 2)))
        raw_errors.append(float(np.mean((shares - truth) ** 2)))
    with capsys.disabled():
        print(  # noqa: T201
            f"\nSpearman with the truth, mean of {RUNS} runs: {np.mean(shrunk):.3f} (raw shares {np.mean(raw):.3f}); "
            f"mean squared error {np.mean(errors):.4f} (raw {np.mean(raw_errors):.4f})"
        )
    assert min(shrunk) > 0.6
    assert np.mean(shrunk) > np.mean(raw)
    assert np.mean(errors) < 0.7 * np.mean(raw_errors)


def test_the_same_from_stored_reports() -> None:
    chance = random.Random(5)
    content = Content.objects.create(external_id="c", type="message", created_at="2026-01-01T00:00Z")
    revision = ContentRevision.objects.create(content=content, number=1, text="t", digest="d")
    truth = {}
    reports = []
    for number in range(60):
        account = Account.objects.create(external_id=f"r{number}")
        truth[account.pk] = chance.betavariate(2, 2)
        for _ in range(chance.randint(1, 40)):
            upheld = chance.random() < truth[account.pk]
            outcome = ReportOutcome.UPHELD if upheld else ReportOutcome.NOT_UPHELD
            reports.append(Report(content=content, revision=revision, reporter=account, source="user", outcome=outcome))
    Report.objects.bulk_create(reports)
    found = priority.reliability_of(truth)
    keys = sorted(truth)
    rank = spearmanr([truth[key] for key in keys], [found[key].weight for key in keys]).statistic
    assert rank > 0.75
