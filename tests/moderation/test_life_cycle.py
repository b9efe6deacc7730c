"""The life of cases under concurrent hands: whatever happens in whatever order, what must hold holds."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from moderation.errors import ModerationError
from moderation.models import Case, Decision, Judgement, Report, Review, User
from moderation.services import claims, decisions, scoring
from moderation.services.decisions import Opinion
from moderation.services.intake import receive_report
from tests import factories
from tests.moderation.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 3
CONTENTS = 4
TEXTS = [f"{factories.ABUSIVE} {n}" for n in range(CONTENTS)]
Act = tuple[str, int, int]

ACTS = st.tuples(
    st.sampled_from(
        [
            "claim",
            "claim",
            "claim",
            "decide",
            "decide",
            "skip",
            "release",
            "heartbeat",
            "takeover",
            "reserve",
            "undo",
            "override",
            "report",
            "report",
            "rescore",
            "score",
            "expire",
            "sweep",
            "revise",
        ]
    ),
    st.integers(0, PEOPLE - 1),
    st.integers(0, CONTENTS - 1),
)


class LifeCycle(RuleBasedStateMachine):
    """Two or three acts at the same moment, each in a connection of its own, over and over."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: set[int] = set()
        self.versions: dict[int, int] = {}
        self.wordings = [0] * CONTENTS

    @initialize()
    def begin(self) -> None:
        """A platform, people, and a reported case of each content."""
        names = [f"p{n}-{os.urandom(4).hex()}" for n in range(PEOPLE + 1)]
        self.platform = factories.user(names[0], role="integrator")
        self.people = [factories.user(name, role="senior") for name in names[1:]]
        self.prefix = names[0]
        for number in range(CONTENTS):
            self._report(number, 0)
        scoring.score_pending(limit=64)

    @rule(acts=st.lists(ACTS, min_size=1, max_size=3))
    def at_the_same_moment(self, acts: list[Act]) -> None:
        """What one does may be refused, in words; nothing else may go wrong."""
        results = at_once([lambda act=act: self._do(*act) for act in acts])  # type: ignore[misc]
        for act, result in zip(acts, results, strict=True):
            if isinstance(result, Exception) and not isinstance(result, ModerationError):
                raise RuntimeError(f"{act} went wrong") from result  # noqa: TRY004 (no type is wrong)

    def _do(self, what: str, person: int, number: int) -> None:
        acts: dict[str, Callable[[User, int], Any]] = {
            "claim": self._claim,
            "decide": self._decide,
            "skip": lambda user, n: self._with_lease(user, n, claims.skip, reason="other"),
            "release": lambda user, n: self._with_lease(user, n, claims.release),
            "heartbeat": lambda user, n: self._with_lease(user, n, claims.renew),
            "takeover": lambda user, n: claims.take_over(case=self._case(n), acting_user=user),
            "reserve": lambda user, n: claims.reserve_next(queue=self._case(n).queue, acting_user=user),
            "undo": lambda user, n: self._with_decision(user, n, decisions.undo),
            "override": lambda user, n: self._with_decision(user, n, decisions.override, opinion=Opinion("ok")),
            "report": self._report_of,
            "rescore": lambda user, n: scoring.request_rescore(),
            "score": lambda user, n: scoring.score_pending(limit=64),
            "expire": self._expire,
            "sweep": lambda user, n: claims.expire_leases(),
            "revise": self._revise,
        }
        acts[what](self.people[person], number)

    def _case(self, number: int) -> Case:
        case = Case.objects.filter(content__external_id=f"{self.prefix}-{number}").order_by("-pk").first()
        if case is None:
            raise ModerationError("no case")
        return case

    def _claim(self, user: User, number: int) -> None:
        case = self._case(number)
        if number % 2:
            claims.claim_case(case=case, acting_user=user)
        else:
            claims.claim_next(queue=case.queue, acting_user=user)

    def _decide(self, user: User, number: int) -> None:
        case = self._case(number)
        review = case.reviews.filter(reviewer=user, state="leased").first()
        evidence = case.evidence.filter(shown_to=user).order_by("-pk").first()
        if review is None or evidence is None or review.lease_token is None:
            return
        decisions.judge(
            case_id=case.pk,
            lease_token=review.lease_token,
            version=evidence.case_version,
            evidence_id=evidence.pk,
            opinion=Opinion("violates", ["harassment"], ["remove"]),
            acting_user=user,
        )

    def _with_lease(self, user: User, number: int, act: Callable[..., Any], **fields: Any) -> None:
        review = Review.objects.filter(case=self._case(number), reviewer=user, state="leased").first()
        if review is not None and review.lease_token is not None:
            act(case_id=review.case_id, token=review.lease_token, acting_user=user, **fields)

    def _with_decision(self, user: User, number: int, act: Callable[..., Any], **fields: Any) -> None:
        decision = Decision.objects.filter(case=self._case(number)).order_by("-pk").first()
        if decision is not None:
            act(decision_id=decision.pk, acting_user=user, **fields)

    def _report_of(self, user: User, number: int) -> None:
        self._report(number, self.wordings[number])

    def _revise(self, user: User, number: int) -> None:
        self.wordings[number] += 1
        self._report(number, self.wordings[number])

    def _report(self, number: int, wording: int) -> None:
        report = receive_report(
            submitted=factories.report_input(
                f"{TEXTS[number]} {'again ' * wording}", id=f"{self.prefix}-{number}", reporter_id=f"r{number}"
            ),
            acting_user=self.platform,
        )
        self.reports.add(report.pk)

    def _expire(self, user: User, number: int) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE moderation_review SET lease_expires_at = clock_timestamp() WHERE case_id = %s "
                "AND state = 'leased'",
                [self._case(number).pk],
            )

    @invariant()
    def no_report_is_lost(self) -> None:
        """Every accepted report is there, and once all is scored belongs to a case."""
        assert set(Report.objects.filter(pk__in=self.reports).values_list("pk", flat=True)) == self.reports

    @invariant()
    def no_case_is_decided_twice(self) -> None:
        """One decision binds at most; the rest is a chain to it."""
        for case in self._cases():
            links = list(case.decisions.order_by("pk"))
            heads = [link for link in links if not Decision.objects.filter(supersedes=link).exists()]
            assert len(heads) == (1 if links else 0)
            assert sum(link.supersedes_id is None for link in links) == len(heads)
            binding = bool(heads) and heads[0].verdict is not None
            assert (case.status == "decided") is binding

    @invariant()
    def no_decision_is_without_evidence(self) -> None:
        """What binds was judged on evidence that was frozen for who judged it, of the case itself."""
        for decision in Decision.objects.filter(case__in=self._cases(), verdict__isnull=False):
            judgement = decision.judgement
            assert judgement is not None
            assert judgement.evidence.case_id == decision.case_id
            assert judgement.evidence.shown_to_id == judgement.reviewer_id == decision.decided_by_id
            assert judgement.evidence.review_id == judgement.review_id

    @invariant()
    def versions_never_go_back(self) -> None:
        """A case's version only grows."""
        for case in self._cases():
            assert case.version >= self.versions.get(case.pk, 1)
            self.versions[case.pk] = case.version

    @invariant()
    def an_open_case_has_one_review_to_come_and_others_none(self) -> None:
        """Someone can take what is open; nobody holds what is closed."""
        for case in self._cases():
            pending = case.reviews.filter(state__in=["waiting", "leased"]).count()
            assert pending == (1 if case.status == "open" else 0)
        assert Review.objects.filter(state="judged").count() == Judgement.objects.count()

    def _cases(self) -> list[Case]:
        if not hasattr(self, "prefix"):
            return []
        return list(Case.objects.filter(content__external_id__startswith=f"{self.prefix}-").order_by("pk"))

    def teardown(self) -> None:
        """Once all is scored, every report has found its case."""
        if not hasattr(self, "prefix"):
            return
        while scoring.score_pending(limit=64):
            pass
        assert not Report.objects.filter(pk__in=self.reports, case__isnull=True).exists()
        claims.expire_leases()
        Review.objects.filter(state="leased").update(lease_expires_at="2020-01-01T00:00Z")
        claims.expire_leases()
        # Out of the way of the next run.
        for case in self._cases():
            case.reviews.filter(state="waiting").update(state="cancelled")


def _run(examples: int, steps: int) -> None:
    factories.installation()
    run_state_machine_as_test(
        LifeCycle,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            # Threads make a failure hard to repeat: to shrink it would take long and prove little.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )


def test_whatever_happens_at_the_same_moment_what_must_hold_holds() -> None:
    _run(examples=4, steps=15)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_the_same_for_long() -> None:
    _run(examples=120, steps=50)


def _any_lease(*, case_id: int, token: int, acting_user: User) -> Review:
    """A lease that nobody checks."""
    return Review.objects.get(case=case_id, lease_token=token)


def _unlocked(case_id: int) -> Case:
    """A case that nobody locks."""
    return Case.including_golden.select_related("content").get(pk=case_id)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("where", "broken"), [("claims.lock_lease", _any_lease), ("lock_case", _unlocked)])
def test_a_broken_lock_is_found_out(where: str, broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"moderation.services.decisions.{where}", broken)
    with pytest.raises((AssertionError, ExceptionGroup, RuntimeError)):
        _run(examples=60, steps=40)
