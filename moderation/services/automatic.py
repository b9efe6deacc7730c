"""Decisions without a person: only what a live rule, or a campaign that was decided, asks for and the model's
guaranteed precision allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from moderation.conditions.evaluation import ranges
from moderation.digests import keyed_digest
from moderation.enums import DecisionKind, ReportSource, ReviewState, Verdict
from moderation.models import Case, Decision, PolicyPrediction, Review
from moderation.selectors import automation, rule_records
from moderation.selectors.rule_sets import Rule
from moderation.services import unseen

_HEX = 13


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that has just been opened, and the rule that would have it decided."""

    case: Case
    rule: Rule
    prediction: PolicyPrediction | None
    sources: frozenset[str]


def decide_all(candidates: Sequence[Candidate]) -> list[Decision]:
    """Decide those that may be; the others wait for people. The caller holds the contents' row locks."""
    wanted = [one for one in candidates if one.rule.spec.automates is not None]
    if not wanted:
        return []
    standings = automation.standings({one.rule.spec.automates or "" for one in wanted})
    records = rule_records.records([one.rule.spec.id for one in wanted])
    decided = []
    for one in wanted:
        standing = standings[one.rule.spec.automates or ""]
        record = records.get(one.rule.spec.id)
        allowed = allows(standing, one.case, one.prediction, one.sources)
        if allowed and (record is None or record.may_keep(standing.precision or 1.0)):
            decided.append(_decide(one))
    return decided


def allows(
    standing: automation.Standing, case: Case, prediction: PolicyPrediction | None, sources: frozenset[str]
) -> bool:
    """Whether the guarantee covers the case.

    Declared languages only; never what a legal notice names; and a random share is left to people.
    """
    content = case.content
    if standing.threshold is None or prediction is None or prediction.prediction.model_version_id != standing.model:
        return False
    if set(ranges(content.language)).isdisjoint(tag.lower() for tag in settings.AUTOMATION_LANGUAGES):
        return False
    if ReportSource.LEGAL_NOTICE in sources or _held_out(content.current_revision_id or 0):
        return False
    return prediction.score >= standing.threshold


def _held_out(revision_id: int) -> bool:
    digest = keyed_digest(f"held out of automation: revision {revision_id}")
    return bool(int(digest[:_HEX], 16) / 16.0**_HEX < settings.AUTOMATION_HOLDOUT)


@transaction.atomic
def _decide(one: Candidate) -> Decision:
    spec = one.rule.spec
    return unseen.decide(
        one.case,
        Review.objects.select_for_update().get(case=one.case, state=ReviewState.WAITING),
        kind=DecisionKind.AUTOMATED,
        verdict=Verdict.VIOLATES,
        policies=[str(spec.automates)],
        actions=spec.automatic_actions,
    )
