"""The product's own settings with one more address: an endpoint that does nothing."""

from console.settings.base import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"

# The receivers of the bench are on this machine.
WEBHOOK_ALLOW_PRIVATE = True
