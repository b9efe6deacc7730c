"""Content by the platform's id."""

from moderation.errors import NotFound
from moderation.models import Content


def get(external_id: str) -> Content:
    """The content with its author and wording; raises ``NotFound``."""
    content = Content.objects.select_related("author", "current_revision").filter(external_id=external_id).first()
    if content is None:
        raise NotFound("There is no content with this id.")
    return content
