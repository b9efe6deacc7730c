"""``manage.py import_content FILE``: content without a complaint, as ``POST /content`` takes it."""

from typing import ClassVar

from console.api.serializers import ContentSerializer
from console.management.importing import ImportCommand
from moderation.models import User
from moderation.selectors import imports
from moderation.services import intake


class Command(ImportCommand):
    """Import content. A row whose content has had this wording before is there already."""

    help = "Import content from CSV or JSON Lines. Running it again adds nothing twice."
    serializer_class: ClassVar[type[ContentSerializer]] = ContentSerializer
    noun = "contents"

    def take(self, body: ContentSerializer, user: User) -> bool:
        """Take in one content unless its wording is known."""
        submitted, author = body.to_input()
        if imports.has_revision(submitted.id, submitted.text):
            return False
        intake.receive_content(submitted=submitted, author=author, acting_user=user)
        return True
