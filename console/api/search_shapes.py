"""What search and saved views look like, and rows in that shape."""

from typing import Any

from rest_framework import serializers

from console.api import representations
from console.api.fields import Text
from moderation.models import Account, Content, SavedView, User
from moderation.queries.parsing import LONGEST
from moderation.selectors.search import CaseHit
from moderation.services.saved_views import LONGEST_NAME


class FoundSerializer(serializers.Serializer[Any]):
    """A page of what was found; each result is a case, a content or an account, as ``in`` says."""

    query = serializers.CharField(help_text="The search as it was understood.")
    next = serializers.CharField(allow_null=True, help_text="The cursor of what comes after.")
    results = serializers.ListField(child=serializers.DictField())

    def get_fields(self) -> dict[str, Any]:
        """``in`` is no name Python lets an attribute have."""
        return {"in": serializers.CharField(), **super().get_fields()}


class ViewRequestSerializer(serializers.Serializer[Any]):
    """``POST /views``."""

    name = Text(max_length=LONGEST_NAME)
    query = Text(max_length=LONGEST, allow_blank=True)


class ViewSerializer(serializers.Serializer[Any]):
    """A search kept under a name."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    query = serializers.CharField()


def found_case(hit: CaseHit, *, viewer: User) -> dict[str, Any]:
    """A case as lists show it, with its text and what it is about."""
    row = hit.case
    revision = row.content.current_revision
    return {
        **representations.case_summary(row, viewer=viewer, blind=hit.blind),
        "policy": row.policy if not hit.blind else None,
        "score": row.score if not hit.blind else None,
        "author": row.content.author.external_id if row.content.author else None,
        "text": revision.text if revision and revision.erased_at is None else None,
        "decision": hit.decision.pk if hit.decision else None,
        "verdict": hit.decision.verdict if hit.decision else None,
    }


def found_content(row: Content) -> dict[str, Any]:
    """A content with its newest case."""
    revision = row.current_revision
    return {
        "id": row.external_id,
        "type": row.type,
        "author": row.author.external_id if row.author else None,
        "text": revision.text if revision and revision.erased_at is None else None,
        "language": row.language,
        "created_at": row.created_at,
        "withdrawn_at": row.withdrawn_at,
        "case_id": next((case.pk for case in row.latest_cases), None),  # type: ignore[attr-defined]
    }


def found_account(row: Account) -> dict[str, Any]:
    """An account."""
    return {"id": row.external_id, "created_at": row.created_at, "first_seen_at": row.first_seen_at}


def view(row: SavedView) -> dict[str, Any]:
    """A saved view."""
    return {"id": row.pk, "name": row.name, "query": row.query}
