"""What is there already of what a file brings, so that importing it again adds nothing."""

from django.db.models import QuerySet

from moderation.digests import keyed_digest
from moderation.models import ContentRevision, Report


def has_revision(external_id: str, text: str) -> bool:
    """Whether the content ever had this wording; the digest outlives an erased text."""
    return _revisions(external_id, text).exists()


def count_reports(
    external_id: str, text: str, *, reporter_id: str | None, source: str, policy: str | None, note: str
) -> int:
    """How many reports there are that say the same of the same wording by the same reporter."""
    return Report.objects.filter(
        revision__in=_revisions(external_id, text),
        reporter__external_id=reporter_id,
        source=source,
        policy__slug=policy,
        note=note,
    ).count()


def _revisions(external_id: str, text: str) -> QuerySet[ContentRevision]:
    return ContentRevision.objects.filter(content__external_id=external_id, digest=keyed_digest(text))
