"""Everything at the same moment on the same few contents: no deadlock, no error but the domain's own."""

import random
from collections.abc import Callable

import pytest

from moderation.enums import CaseStatus
from moderation.errors import ModerationError
from moderation.models import Case, Content, Decision, OutboxMessage, Prediction, Queue, Report, Review, User
from moderation.services import claims, decisions, scoring
from moderation.services.intake import receive_report, withdraw_content
from tests import factories
from tests.moderation.concurrency import at_once

STEPS = 25


@pytest.mark.django_db(transaction=True)
def test_whatever_meets_whatever_only_the_domain_refuses(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    people = [factories.user(f"senior-{number}", role="senior") for number in range(4)]
    queues = list(Queue.objects.all())
    for number in range(STEPS):  # enough that reviewers never run dry
        receive_report(submitted=factories.report_input(f"{factories.BENIGN} {number}"), acting_user=platform)
    factories.score_all()

    def report(chosen: random.Random) -> None:
        receive_report(
            submitted=factories.report_input(
                f"{factories.BENIGN} {chosen.randrange(2)}",
                id=f"m{chosen.randrange(6)}",
                author=f"a{chosen.randrange(3)}",
                reporter_id=f"a{chosen.randrange(3)}",
                source=chosen.choice(["user", "trusted_flagger"]),
            ),
            acting_user=platform,
        )

    def score(chosen: random.Random) -> None:
        scoring.score_pending(limit=chosen.randrange(1, 6))
        claims.expire_leases()

    def withdraw(chosen: random.Random) -> None:
        withdraw_content(external_id=f"m{chosen.randrange(6)}", acting_user=platform)

    def review(person: User) -> Callable[[random.Random], None]:
        def act(chosen: random.Random) -> None:
            claim = claims.claim_next(queue=chosen.choice(queues), acting_user=person)
            if claim is None:
                return
            token = claim.review.lease_token or 0
            match chosen.randrange(5):
                case 0:
                    claims.escalate(case_id=claim.review.case_id, token=token, acting_user=person)
                case 1:
                    claims.release(case_id=claim.review.case_id, token=token, acting_user=person)
                case 2:
                    decision = factories.decide(claim, person)
                    decisions.undo(decision_id=decision.pk, acting_user=person)
                case 3:
                    decision = factories.decide(claim, person, "ok")
                    opinion = decisions.Opinion(verdict="violates", policies=["hate"], actions=["remove"])
                    decisions.override(decision_id=decision.pk, opinion=opinion, acting_user=person)
                case _:
                    factories.decide(claim, person)

        return act

    def repeat(number: int, act: Callable[[random.Random], None]) -> int:
        chosen = random.Random(number)
        refused = 0
        for _ in range(STEPS):
            try:
                act(chosen)
            except ModerationError:
                refused += 1
        return refused

    acts = [report, report, score, score, withdraw, *(review(person) for person in people)]
    results = at_once([lambda n=n, act=act: repeat(n, act) for n, act in enumerate(acts)])  # type: ignore[misc]
    assert [result for result in results if isinstance(result, Exception)] == []
    factories.score_all()

    assert Content.objects.count() <= STEPS + 6
    open_cases = Case.objects.filter(status=CaseStatus.OPEN)
    assert open_cases.count() == open_cases.values("content").distinct().count()
    assert Prediction.objects.count() == Prediction.objects.values("revision", "model_version").distinct().count()
    assert not Report.objects.filter(case__isnull=True, outcome="pending").exists()
    for case in Case.objects.all():
        waiting = Review.objects.filter(case=case, state__in=["waiting", "leased"]).count()
        assert waiting == (1 if case.status == CaseStatus.OPEN else 0)
        binding = case.decisions.filter(superseded_by__isnull=True)
        assert binding.count() == (1 if case.decisions.exists() else 0)
        assert (case.status == CaseStatus.DECIDED) is binding.filter(verdict__isnull=False).exists()
    for content in Content.objects.all():
        sequences = list(
            OutboxMessage.objects.filter(content=content).order_by("pk").values_list("sequence", flat=True)
        )
        assert sequences == list(range(1, len(sequences) + 1))
    assert Decision.objects.exists()
