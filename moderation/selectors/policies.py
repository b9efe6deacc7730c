"""What policies are called."""

from moderation.models import Policy


def names() -> dict[str, str]:
    """The name of every policy by its slug, of those no longer in use too."""
    return dict(Policy.objects.values_list("slug", "name"))
