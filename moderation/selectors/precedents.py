"""Decided cases like the one at hand, so that like is treated alike.

Candidates share a number of their sketch with the text (an index on arrays, whatever the number of cases); the nearest
by trigrams are kept, and what the model says of both has its part in the likeness. Never a case of the same content:
its own history stands on its page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from moderation.enums import Verdict
from moderation.learning.likeness import Sketch, sketch_of
from moderation.models import Decision, Evidence, PolicyPrediction

SHOWN = 5
LAST = 5  # that many of one mind are a practice
LEAST_TRIGRAMS = 0.3
LIKE = 0.5  # from here on two cases count as alike
_TRIGRAM_PART = 0.7
_NEAREST = 25

CANDIDATES = """
WITH near AS (
  (WITH hits AS MATERIALIZED (
     SELECT id, case_id, revision_id FROM moderation_precedent WHERE sketch && %(bands)s::integer[])
   SELECT * FROM hits ORDER BY id DESC LIMIT 200)
  UNION
  (WITH hits AS MATERIALIZED (
     SELECT id, case_id, revision_id FROM moderation_precedent WHERE sketch && %(marks)s::integer[])
   SELECT * FROM hits ORDER BY id DESC LIMIT 100)
)
SELECT d.id, near.revision_id, similarity(left(r.text, 2000), %(text)s) AS alike
FROM near
JOIN moderation_case c ON c.id = near.case_id AND c.status = 'decided' AND c.content_id <> %(content)s
JOIN moderation_contentrevision r ON r.id = near.revision_id AND r.erased_at IS NULL
JOIN moderation_decision d ON d.case_id = c.id AND d.verdict IS NOT NULL AND d.judgement_id IS NOT NULL
WHERE NOT EXISTS (SELECT 1 FROM moderation_decision later WHERE later.supersedes_id = d.id)
  AND similarity(left(r.text, 2000), %(text)s) >= %(least)s
ORDER BY alike DESC, d.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Like:
    """A decided case and how like it is, 0 to 1."""

    decision: Decision
    likeness: float


@dataclass(frozen=True, slots=True)
class Practice:
    """What the last cases like this one all were: a verdict, and for a violation a policy they share."""

    verdict: str
    policies: Sequence[str]
    count: int

    def contradicts(self, verdict: str, policies: Sequence[str]) -> bool:
        """Whether a decision goes against it: another verdict, or none of the policies."""
        if verdict != self.verdict:
            return True
        return verdict == Verdict.VIOLATES and not set(policies) & set(self.policies)


@dataclass(frozen=True, slots=True)
class Precedents:
    """The most similar decided cases, the nearest first, and the practice among the newest of them, if there is one."""

    nearest: Sequence[Like]
    practice: Practice | None


NONE = Precedents((), None)


def precedents_of(evidence: Evidence) -> Precedents:
    """Cases decided by people whose text is like the one shown; none for a blind review or an erased text."""
    if evidence.blind or evidence.revision.erased_at is not None:
        return NONE
    found = _candidates(evidence, sketch_of(evidence.revision))
    if not found:
        return NONE
    likes = _likes(evidence, found)
    return Precedents(likes[:SHOWN], _practice(likes))


def _candidates(evidence: Evidence, sketch: Sketch) -> list[tuple[int, int, float]]:
    """Decision, revision and trigram similarity of the nearest."""
    values: dict[str, Any] = {
        "bands": sketch.bands,
        "marks": sketch.marks,
        "text": evidence.revision.text[:2000],
        "content": evidence.revision.content_id,
        "least": LEAST_TRIGRAMS,
        "limit": _NEAREST,
    }
    with connection.cursor() as cursor:
        cursor.execute(CANDIDATES, values)
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def _likes(evidence: Evidence, found: Sequence[tuple[int, int, float]]) -> list[Like]:
    decisions = Decision.objects.select_related("case").in_bulk([pk for pk, _, _ in found])
    scores = _scores([evidence.revision_id, *(revision for _, revision, _ in found)])
    own = scores.get(evidence.revision_id, {})
    likes = [Like(decisions[pk], _likeness(alike, own, scores.get(revision, {}))) for pk, revision, alike in found]
    return sorted(likes, key=lambda like: (-like.likeness, -like.decision.pk))


def _scores(revisions: Sequence[int]) -> dict[int, dict[int, float]]:
    """Revision to policy to the newest served score."""
    rows = PolicyPrediction.objects.filter(
        prediction__revision__in=revisions, prediction__model_version__promoted_at__isnull=False
    ).order_by("prediction_id")
    scores: dict[int, dict[int, float]] = {}
    for revision, policy, score in rows.values_list("prediction__revision_id", "policy_id", "score"):
        scores.setdefault(revision, {})[policy] = score
    return scores


def _likeness(trigrams: float, own: Mapping[int, float], other: Mapping[int, float]) -> float:
    shared = own.keys() & other.keys()
    if not shared:
        return trigrams
    apart = max(abs(own[policy] - other[policy]) for policy in shared)
    return _TRIGRAM_PART * trigrams + (1 - _TRIGRAM_PART) * (1 - apart)


def _practice(likes: Sequence[Like]) -> Practice | None:
    """What the newest alike cases have in common, if they are enough and of one mind."""
    alike = sorted((like for like in likes if like.likeness >= LIKE), key=lambda like: -like.decision.pk)[:LAST]
    verdicts = {like.decision.verdict for like in alike}
    if len(alike) < LAST or len(verdicts) != 1:
        return None
    verdict = str(verdicts.pop())
    shared = set.intersection(*(set(like.decision.policies) for like in alike))
    if verdict == Verdict.VIOLATES and not shared:
        return None
    return Practice(verdict, sorted(shared), len(alike))
