"""Who calls: an API key in the Authorization header, or the browser's session with CSRF."""

from datetime import timedelta

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from moderation.models import ApiKey, User
from moderation.services import access

_USE_NOTED_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer <api key>``; ``request.auth`` is then the key."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """The key's user and the key; ``None`` without the header. Raises ``AuthenticationFailed``."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = access.find_key(secret.strip())
        if key is None:
            raise AuthenticationFailed("The API key is unknown or revoked.")
        _note_use(key)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 names as the way in."""
        return "Bearer"


class BrowserSessionAuthentication(SessionAuthentication):
    """The console's login; unsafe methods need the CSRF token."""


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _USE_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
