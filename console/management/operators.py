"""Who an operator's command acts as; the audit trail names that person."""

from argparse import ArgumentParser

from django.core.management import CommandError

from moderation.enums import Role
from moderation.models import User
from moderation.permissions import Permission, may


def add_user_option(parser: ArgumentParser) -> None:
    """``--user``: whom the command acts as."""
    parser.add_argument("--user", help="whom the command acts as (default: the first active administrator)")


def acting_user(username: str | None, permission: Permission) -> User:
    """The person of that name, or the first active administrator. Raises ``CommandError`` if they may not do it."""
    people = User.objects.filter(is_active=True).order_by("pk")
    person = people.filter(username=username).first() if username else people.filter(role=Role.ADMIN).first()
    if person is None:
        raise CommandError(
            f"There is no active user “{username}”." if username else "There is no active administrator; name a --user."
        )
    if not may(person, permission):
        raise CommandError(f"The role of “{person.username}”, {person.get_role_display()}, does not include this.")
    return person
