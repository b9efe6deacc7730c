"""How often one address may open public pages, counted in the database so that all web processes share it."""

import time

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

_COUNT = """
INSERT INTO moderation_visitwindow (visitor, minute, visits) VALUES (%s, %s, 1)
ON CONFLICT (visitor, minute) DO UPDATE SET visits = moderation_visitwindow.visits + 1
RETURNING visits
"""


def within_rate(request: HttpRequest) -> bool:
    """Count the visit; whether its address is within the limit of this minute."""
    visitor = salted_hmac("evenhand.visitor", request.META.get("REMOTE_ADDR", ""), algorithm="sha256").hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [visitor, int(time.time() // 60)])
        (visits,) = cursor.fetchone()
    return bool(visits <= settings.PUBLIC_PAGE_RATE_PER_MINUTE)
