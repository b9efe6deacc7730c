"""What is measured: agreement, golden accuracy, flips, and what audits say; kept once, and for whom it is meant."""

from typing import Any

import pytest

from moderation.models import (
    AuditDraw,
    AuditEvent,
    AutomationThreshold,
    Case,
    ModelVersion,
    Policy,
    QualityReport,
    User,
)
from moderation.selectors import quality
from moderation.services import claims, measuring, undoing
from moderation.tasks import measure_quality
from tests import factories


def _pair(integrator: User, first: tuple[User, str], second: tuple[User, str], *policies: str) -> Case:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    for person, verdict in (first, second):
        chosen = {"policies": list(policies)} if policies and verdict == "violates" else {}
        factories.judge(factories.claim(case, person), person, verdict, **chosen)
    return case


def _agreement() -> dict[str, Any]:
    measuring.measure()
    report = QualityReport.objects.filter(kind="agreement").order_by("-pk").first()
    assert report is not None
    figures: dict[str, Any] = report.figures
    return figures


def test_agreement_is_counted_per_policy_and_person(integrator: User, moderator: User, colleague: User) -> None:
    factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    for _ in range(6):
        _pair(integrator, (moderator, "ok"), (colleague, "ok"))
        _pair(integrator, (moderator, "violates"), (colleague, "violates"))
    apart = _pair(integrator, (moderator, "violates"), (colleague, "ok"))
    figures = _agreement()
    assert figures["pairs"] == 13
    first, *others = figures["policies"]
    assert (first["policy"], first["pairs"], first["positives"]) == ("harassment", 13, 7)
    assert first["cases"] == [apart.pk]
    # Agreed 12 of 13; the first said yes 7 times, the second 6.
    chance = (7 * 6 + 6 * 7) / 169
    assert first["kappa"]["value"] == pytest.approx((12 / 13 - chance) / (1 - chance))
    assert first["kappa"]["low"] < first["kappa"]["value"] <= first["kappa"]["high"]
    assert all(row["alpha"]["value"] is None for row in others), "nobody saw any of the others"
    people = {row["user"]: row for row in figures["people"]}
    assert people[moderator.pk]["pairs"] == people[colleague.pk]["pairs"] == 13
    assert people[moderator.pk]["judged"] == 13


def test_skips_are_counted_by_reason_and_person(integrator: User, moderator: User, colleague: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    for person, reason in ((moderator, "language"), (colleague, "language"), (moderator, "other")):
        held = factories.claim(case, person)
        assert held.review.lease_token is not None
        claims.skip(case_id=case.pk, token=held.review.lease_token, reason=reason, acting_user=person)
    figures = _agreement()
    assert figures["skips"] == [{"reason": "language", "count": 2}, {"reason": "other", "count": 1}]
    assert {row["user"]: (row["skipped"], row["judged"]) for row in figures["people"]} == {
        moderator.pk: (2, 0),
        colleague.pk: (1, 0),
    }
    assert [count for _, count in quality.quality_of(factories.user("lead", role="senior")).skips] == [2, 1]
    assert quality.quality_of(moderator).skips == []


def test_the_most_confusing_policy_comes_first(integrator: User, moderator: User, colleague: User) -> None:
    factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    for _ in range(3):
        _pair(integrator, (moderator, "violates"), (colleague, "violates"), "spam")
        _pair(integrator, (moderator, "violates"), (colleague, "ok"), "hate")
        _pair(integrator, (moderator, "ok"), (colleague, "ok"))
    figures = _agreement()
    assert [row["policy"] for row in figures["policies"]][:2] == ["hate", "spam"]
    assert len(figures["policies"][0]["cases"]) == 3
    assert figures["policies"][1]["alpha"]["value"] == 1.0


def test_a_judgement_taken_back_does_not_count(integrator: User, moderator: User, colleague: User) -> None:
    case = factories.case(factories.BENIGN, sent_by=integrator)
    factories.plan(double_rate=1)
    factories.judge(factories.claim(case, moderator), moderator)
    factories.judge(factories.claim(case, colleague), colleague, "ok")
    claim = undoing.take_back(case_id=case.pk, acting_user=colleague)
    factories.judge(claim, colleague)
    figures = _agreement()
    assert figures["pairs"] == 1
    assert figures["policies"][0]["cases"] == []


def test_flips_and_golden_answers_are_counted(integrator: User, moderator: User, senior: User) -> None:
    factories.golden_item(["harassment"], sent_by=integrator, decided_by=senior)
    factories.plan(blind_rate=1, golden_rate=1)
    for n, (before, after) in enumerate([("ok", "violates"), ("ok", "ok"), ("violates", "violates")]):
        case = factories.case(f"{factories.ABUSIVE} {n}", sent_by=integrator)
        first = factories.judge(factories.claim(case, moderator), moderator, before)
        assert first.claim is not None
        factories.judge(first.claim, moderator, after)
    (golden,) = Case.including_golden.filter(why_shown="golden")
    factories.judge(factories.claim(golden, moderator), moderator)
    figures = _agreement()
    assert (figures["flips"]["value"], figures["flips"]["n"]) == (pytest.approx(1 / 3), 3)
    assert (figures["golden"]["value"], figures["golden"]["n"]) == (1.0, 1)
    (row,) = [row for row in figures["people"] if row["user"] == moderator.pk]
    assert (row["flips"]["n"], row["golden"]["n"]) == (3, 1)


def test_audits_tell_what_is_missed(integrator: User, moderator: User, settings: Any) -> None:
    settings.AUDIT_STRATA = ((0.0, 1.0),)
    texts = [
        (factories.BENIGN, "spam"),
        (f"{factories.BENIGN} please", None),
        (factories.SPAM, "spam"),
        ("thanks", None),
    ]
    for text, policy in texts:
        content = factories.content(text, sent_by=integrator)
        factories.score_all()
        case = Case.objects.get(content=content)
        verdict = "violates" if policy else "ok"
        factories.judge(
            factories.claim(case, moderator), moderator, verdict, **({"policies": [policy]} if policy else {})
        )
    spam = Policy.objects.get(slug="spam")
    AutomationThreshold.objects.create(
        policy=spam,
        model_version=ModelVersion.objects.get(),
        recalibration=1,
        precision=0.9,
        threshold=0.5,
        lower_bound=0.95,
        sample_count=9,
        used_count=9,
        delta_spent=0.03,
        sentence="s",
        computed_by=moderator,
    )
    measuring.measure()
    figures = QualityReport.objects.get(kind="missed").figures
    assert (figures["drawn"], figures["judged"]) == (4, 4)
    whole, *weeks = figures["periods"]
    assert len(weeks) == measuring.WEEKS
    (row,) = [row for row in whole["policies"] if row["policy"] == "spam"]
    assert row["prevalence"]["value"] == 0.5
    assert row["violations"]["value"] == 2
    assert row["flagging"]["value"] == row["automation"]["value"] == 0.5
    assert [week["policies"] != [] for week in weeks] == [False] * (measuring.WEEKS - 1) + [True]
    (missed,) = [rows for name, rows, _ in quality.missed().policies if name == "Spam and scams"]
    assert missed == row


def test_those_judged_stand_for_those_drawn(integrator: User, moderator: User, settings: Any) -> None:
    settings.AUDIT_STRATA = ((0.0, 1.0),)
    for n in range(4):
        factories.content(f"{factories.BENIGN} {n}", sent_by=integrator)
    factories.score_all()
    factories.judge(factories.claim(Case.objects.order_by("pk")[0], moderator), moderator, policies=["spam"])
    assert AuditDraw.objects.count() == 4
    measuring.measure()
    figures = QualityReport.objects.get(kind="missed").figures
    (row,) = [row for row in figures["periods"][0]["policies"] if row["policy"] == "spam"]
    assert row["violations"]["value"] == 4


def test_a_report_that_says_nothing_new_is_not_kept_twice(integrator: User, moderator: User) -> None:
    first = measure_quality()
    assert measure_quality() == first
    assert QualityReport.objects.count() == AuditEvent.objects.filter(kind="quality.measured").count() == 2
    factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    assert measure_quality()[0] != first[0]


def test_everyone_sees_their_own_figures_and_leads_see_all(
    integrator: User, moderator: User, colleague: User, senior: User
) -> None:
    for person in (moderator, colleague):
        factories.decide(factories.claim(factories.case(sent_by=integrator), person), person)
    measuring.measure()
    own = quality.quality_of(moderator)
    assert [row.user for row in own.people] == [moderator]
    assert (own.figures, own.policies, own.plans) == ({}, [], [])
    assert {row.user for row in quality.quality_of(senior).people} == {moderator, colleague}


def test_nothing_measured_is_told_as_nothing(senior: User) -> None:
    assert quality.quality_of(senior).measured_at is None
    assert quality.missed().policies == []
    measuring.measure()
    assert quality.quality_of(senior).figures["pairs"] == 0
