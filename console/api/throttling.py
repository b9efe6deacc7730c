"""A rate limit a key, counted in the database so that all web processes share it."""

import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from moderation.models import ApiKey

if TYPE_CHECKING:  # the framework loads this module while it loads its own views
    from rest_framework.views import APIView

_COUNT = """
INSERT INTO moderation_ratewindow (api_key_id, minute, calls) VALUES (%s, %s, 1)
ON CONFLICT (api_key_id, minute) DO UPDATE SET calls = moderation_ratewindow.calls + 1
RETURNING calls
"""


class ApiKeyRateThrottle(BaseThrottle):
    """Calls a minute and key; browsers' sessions are not limited here."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the call; whether it is within the key's limit."""
        key = request.auth
        if not isinstance(key, ApiKey):
            return True
        limit = key.rate_per_minute or settings.API_KEY_RATE_PER_MINUTE
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [key.pk, int(time.time() // 60)])
            (calls,) = cursor.fetchone()
        return bool(calls <= limit)

    def wait(self) -> float:
        """Seconds until the next minute's window."""
        return 60 - time.time() % 60
