"""The signed link by which an author appeals without an account here: it names a decision, and ends.

A link is the same each time it is made, so that a webhook sent twice says the same.
"""

import time

from django.conf import settings
from django.core import signing
from django.urls import reverse

from moderation.enums import Verdict
from moderation.errors import AppealClosed, NotFound
from moderation.models import Decision
from moderation.selectors.appeals import deadline

_SALT = "evenhand.appeal"


def link(decision: Decision) -> str | None:
    """Where the author appeals the decision; ``None`` if it found no violation or cannot be appealed."""
    until = deadline(decision)
    if decision.verdict != Verdict.VIOLATES or until <= decision.created_at:
        return None
    path = reverse("appeal", args=[token(decision.pk, until=int(until.timestamp()))])
    return f"{settings.PUBLIC_URL}{path}"


def token(decision_id: int, *, until: int) -> str:
    """A link's token; ``until`` in seconds since 1970."""
    return signing.Signer(salt=_SALT).sign_object([decision_id, until])


def decision_id(token: str) -> int:
    """The decision a token names. Raises ``NotFound`` for one we did not sign, ``AppealClosed`` past its end."""
    try:
        decision, until = signing.Signer(salt=_SALT).unsign_object(token)
    except signing.BadSignature as error:
        raise NotFound("This link is not valid. Use it exactly as you received it.") from error
    if time.time() >= until:
        raise AppealClosed("The time in which this decision could be appealed has passed.")
    return int(decision)
