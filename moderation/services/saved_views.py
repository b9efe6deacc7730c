"""Keeping a search under a name. Only its owner sees it, so nothing is written to the record of what was done."""

from django.db import transaction
from django.utils.translation import gettext as _

from moderation import queries
from moderation.errors import InvalidInput, NotFound
from moderation.models import SavedView, User
from moderation.permissions import Permission, require

MOST = 40
LONGEST_NAME = 60


@transaction.atomic
def save(*, name: str, query: str, acting_user: User) -> SavedView:
    """Keep the search; one of the same name is replaced. Raises ``InvalidInput``, ``BadQuery``."""
    require(acting_user, Permission.READ_CASES)
    name = " ".join(name.replace("\0", " ").split())
    if not name or len(name) > LONGEST_NAME:
        detail = _("Give the view a name of at most %(most)d characters.") % {"most": LONGEST_NAME}
        raise InvalidInput(detail, pointer="/name")
    queries.parse(query)
    others = SavedView.objects.filter(owner=acting_user).exclude(name=name)
    if others.count() >= MOST:
        raise InvalidInput(_("You keep %(most)d views; delete one first.") % {"most": MOST}, pointer="/name")
    view, _made = SavedView.objects.update_or_create(owner=acting_user, name=name, defaults={"query": query})
    return view


@transaction.atomic
def delete(*, view_id: int, acting_user: User) -> str:
    """Forget one's own view; its search is returned. Raises ``NotFound``."""
    require(acting_user, Permission.READ_CASES)
    view = SavedView.objects.filter(pk=view_id, owner=acting_user).first()
    if view is None:
        raise NotFound(_("There is no such view."))
    view.delete()
    return view.query
