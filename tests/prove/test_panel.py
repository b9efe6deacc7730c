"""Twenty synthetic moderators of known accuracy at work through the real services: what is measured is what is true."""

from typing import Any

import numpy as np
import pytest

from ml import agreement
from moderation.models import AuditDraw, Case, Prediction, QualityReport, Queue, User
from moderation.services import claims, measuring
from moderation.services.intake import receive_report
from tests import factories
from tests.ml.panel import Panel

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]

CASES = 150
TEXTS = 240
STRATA = ((0.0, 0.4), (0.3, 0.8))


def _work_off(people: list[User], panel: Panel, truth: dict[int, bool], random: np.random.Generator) -> None:
    """Everyone claims and judges what comes, in a random order, until nothing is left for anyone."""
    idle = 0
    while idle < 3 * len(people):
        who = int(random.integers(0, len(people)))
        claim = claims.claim_next(queue=Queue.objects.get(is_default=True), acting_user=people[who])
        if claim is None:
            idle += 1
            continue
        idle = 0
        violates = truth[claim.review.case.content_id]
        chance = panel.sensitivity[who] if violates else 1 - panel.specificity[who]
        verdict = "violates" if random.random() < chance else "ok"
        factories.judge(claim, people[who], verdict, **({"policies": ["spam"]} if verdict == "violates" else {}))


@pytest.mark.parametrize("seed", [1, 2])
def test_agreement_is_estimated_through_the_real_services(
    seed: int, integrator: User, senior: User, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(seed)
    panel = Panel.of(20, seed=seed)
    people = [factories.user(f"moderator-{n}") for n in range(20)]
    factories.plan(double_rate=1)
    truth = {}
    for n in range(CASES):
        report = receive_report(
            submitted=factories.report_input(f"{factories.BENIGN} {n}", reporter_id=f"r{n}"), acting_user=integrator
        )
        truth[report.content_id] = bool(random.random() < panel.prevalence)
    factories.score_all()
    _work_off(people, panel, truth, random)
    measuring.measure()
    figures = QualityReport.objects.get(kind="agreement").figures
    assert figures["pairs"] == CASES, "every case was judged by two people"
    (row,) = [row for row in figures["policies"] if row["policy"] == "spam"]
    for name in ("kappa", "alpha"):
        low, value, high = (row[name][part] for part in ("low", "value", "high"))
        with capsys.disabled():
            print(f"\n{name}: {value:.3f} ({low:.3f} to {high:.3f}), true {panel.kappa:.3f}")  # noqa: T201
        # Wider than the interval by half: this is one run, and 5 % of intervals miss.
        assert low - (high - low) / 4 <= panel.kappa <= high + (high - low) / 4
    assert not Case.objects.filter(status="open").exclude(reviews__kind="adjudication").exists()
    people_rows = [row for row in figures["people"] if row["pairs"]]
    assert len(people_rows) == 20
    assert sum(row["pairs"] for row in people_rows) == 2 * CASES
    assert agreement.LEVEL == 0.95


def test_what_is_missed_is_estimated_through_the_real_services(
    integrator: User, moderator: User, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.AUDIT_STRATA = STRATA
    random = np.random.default_rng(7)
    truth: dict[int, bool] = {}
    for n in range(TEXTS):
        text = f"{factories.SPAM if n % 4 == 0 else factories.BENIGN} {n}"
        content = factories.content(text, sent_by=integrator)
        truth[content.pk] = bool(random.random() < (0.8 if n % 4 == 0 else 0.1))
    factories.score_all()
    while claim := next(
        (
            found
            for queue in Queue.objects.all()
            if not queue.seniors_only and (found := claims.claim_next(queue=queue, acting_user=moderator))
        ),
        None,
    ):
        verdict = "violates" if truth[claim.review.case.content_id] else "ok"
        factories.judge(claim, moderator, verdict, **({"policies": ["spam"]} if verdict == "violates" else {}))
    measuring.measure()
    figures = QualityReport.objects.get(kind="missed").figures
    assert figures["drawn"] == figures["judged"] == AuditDraw.objects.count()
    (row,) = [row for row in figures["periods"][0]["policies"] if row["policy"] == "spam"]
    flagged = {
        prediction.revision.content_id
        for prediction in Prediction.objects.select_related("revision")
        if prediction.policies.filter(policy__slug="spam", flagged=True).exists()
    }
    violations = [pk for pk, violates in truth.items() if violates]
    true = {
        "prevalence": len(violations) / TEXTS,
        "flagging": sum(pk in flagged for pk in violations) / len(violations),
        "violations": len(violations),
    }
    for name, value in true.items():
        found = row[name]
        with capsys.disabled():
            print(f"\n{name}: {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}), true {value:.3f}")  # noqa: T201
        margin = (found["high"] - found["low"]) / 4
        assert found["low"] - margin <= value <= found["high"] + margin
