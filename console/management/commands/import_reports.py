"""``manage.py import_reports FILE``: complaints with their content, as ``POST /reports`` takes them."""

from collections import Counter
from typing import Any, ClassVar, cast

from console.api.serializers import ContentSerializer, ReportSerializer
from console.management.importing import ImportCommand
from moderation.digests import keyed_digest
from moderation.models import User
from moderation.selectors import imports
from moderation.services import intake


class Command(ImportCommand):
    """Import reports.

    The same complaint by the same reporter on the same wording (source, policy and note alike) counts once. Reports
    that name no reporter may well be several: the file's n-th such row is there already if n of them are.
    """

    help = "Import reports from CSV or JSON Lines. Running it again adds nothing twice."
    serializer_class: ClassVar[type[ContentSerializer]] = ReportSerializer
    noun = "reports"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._anonymous: Counter[str] = Counter()

    def take(self, body: ContentSerializer, user: User) -> bool:
        """Take in one report unless it is there already."""
        submitted = cast(ReportSerializer, body).to_report()
        there = imports.count_reports(
            submitted.content.id,
            submitted.content.text,
            reporter_id=submitted.reporter_id,
            source=submitted.source,
            policy=submitted.policy,
            note=submitted.note,
        )
        if there >= self._occurrence(submitted):
            return False
        intake.receive_report(submitted=submitted, acting_user=user)
        return True

    def _occurrence(self, submitted: intake.ReportInput) -> int:
        """Which one of its equals in this file the report is, from 1."""
        if submitted.reporter_id is not None:
            return 1
        content = submitted.content
        same = keyed_digest(repr((content.id, content.text, submitted.source, submitted.policy, submitted.note)))
        self._anonymous[same] += 1
        return self._anonymous[same]
