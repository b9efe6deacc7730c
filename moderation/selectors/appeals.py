"""Appeals: until when, by whom not, and what is shown of the decision they contest."""

from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from moderation.enums import AppealState
from moderation.errors import NotFound
from moderation.models import Appeal, ContentRevision, Decision, Hold, Policy


def deadline(decision: Decision) -> datetime:
    """When the time to appeal ends: by the most generous of the policies named, or of all where none is."""
    named = Policy.objects.filter(slug__in=decision.policies) if decision.policies else Policy.objects.all()
    days = named.aggregate(days=Max("appeal_days"))["days"] or 0
    return decision.created_at + timedelta(days=days)


def deciders(decision: Decision) -> set[int | None]:
    """Who made the decision or one it replaced, and who approved it."""
    people: set[int | None] = set()
    link: Decision | None = decision
    while link is not None:
        people.add(link.decided_by_id)
        people.update(Hold.objects.filter(judgement=link.judgement_id).values_list("settled_by_id", flat=True))
        link = link.supersedes
    return people


def contested() -> QuerySet[Appeal]:
    """Open appeals whose decision still binds, the oldest first."""
    return _appeals().filter(state=AppealState.OPEN, decision__superseded_by__isnull=True).order_by("pk")


def resolved() -> QuerySet[Appeal]:
    """Resolved appeals, the newest first."""
    return _appeals().exclude(state=AppealState.OPEN).order_by("-resolved_at", "-pk")


def get(appeal_id: int) -> Appeal:
    """The appeal; raises ``NotFound``."""
    appeal = _appeals().filter(pk=appeal_id).first()
    if appeal is None:
        raise NotFound("There is no such appeal.")
    return appeal


def decision_of(decision_id: int) -> Decision:
    """The decision as an appellant may see it; raises ``NotFound``."""
    rows = Decision.objects.select_related("case__content__current_revision", "judgement__evidence__revision", "appeal")
    decision = rows.filter(pk=decision_id, verdict__isnull=False).first()
    if decision is None:
        raise NotFound("There is no such decision.")
    return decision


def text_decided_on(decision: Decision) -> ContentRevision | None:
    """The wording the decision was made on; the newest at that time where no person judged it."""
    link: Decision | None = decision
    while link is not None:
        if link.judgement is not None:
            return link.judgement.evidence.revision
        link = link.supersedes
    revisions = decision.case.content.revisions.filter(received_at__lte=decision.created_at)
    return revisions.order_by("-number").first()


def _appeals() -> QuerySet[Appeal]:
    return Appeal.objects.select_related("decision__case__content", "decision__case__queue", "decision__supersedes")
