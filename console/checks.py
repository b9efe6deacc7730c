"""System checks of our own, each with an id."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def secret_key_is_long(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """E001: digests of identifiers are keyed with the secret; a short one can be guessed."""
    if len(settings.SECRET_KEY) < 32:
        return [Error("SECRET_KEY is shorter than 32 characters.", id="console.E001")]
    return []


@register()
def database_is_postgresql(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """E002: leases, guards and queues need PostgreSQL."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        return [Error("DATABASE_URL must name a PostgreSQL database.", id="console.E002")]
    return []


@register()
def lease_outlasts_heartbeat(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """E003: the browser renews a lease every third of it; under 30 seconds a slow network loses it."""
    if settings.LEASE_SECONDS < 30:
        return [Error("LEASE_SECONDS must be at least 30.", id="console.E003")]
    return []


@register()
def audits_reach_the_smallest_probability(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
    """E004: what automation is guaranteed by was drawn with at least the probability its weights are bounded by."""
    rates = [rate for _, rate in settings.AUDIT_STRATA]
    if rates and min(rates) < settings.AUDIT_SMALLEST_PROBABILITY:
        return [Error("A rate of AUDIT_STRATA is below AUDIT_SMALLEST_PROBABILITY.", id="console.E004")]
    return []
