"""API keys: issued once, stored as digests, revoked for good."""

import hashlib
import secrets
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from moderation import audit
from moderation.enums import Scope
from moderation.errors import InvalidInput
from moderation.models import ApiKey, User

KEY_PREFIX = "evh_"


@transaction.atomic
def issue_key(*, user: User, name: str, scopes: Iterable[str], acting_user: User | None) -> tuple[ApiKey, str]:
    """Make a key that acts as ``user``; the second value is the key itself, which is shown once and never stored.

    Raises ``InvalidInput`` for an unknown scope or none.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(Scope.values):
        raise InvalidInput(f"A key has one or more of the scopes {', '.join(Scope.values)}.", pointer="/scopes")
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(user=user, name=name, prefix=secret[:12], digest=digest_of(secret), scopes=wanted)
    audit.key_issued(key, actor=acting_user)
    return key, secret


@transaction.atomic
def revoke_key(*, key: ApiKey, acting_user: User | None) -> ApiKey:
    """Make the key worthless from now on; doing it twice changes nothing."""
    locked = ApiKey.objects.select_for_update().get(pk=key.pk)
    if locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
        audit.key_revoked(locked, actor=acting_user)
    return locked


def find_key(secret: str) -> ApiKey | None:
    """The live key of that secret, with its user; ``None`` if unknown, revoked or its user is inactive."""
    return (
        ApiKey.objects.select_related("user")
        .filter(digest=digest_of(secret), revoked_at__isnull=True, user__is_active=True)
        .first()
    )


def digest_of(secret: str) -> str:
    """SHA-256 of the key. A key has 256 random bits, so a slow password hash would add nothing but time."""
    return hashlib.sha256(secret.encode()).hexdigest()
