"""The product's own settings with one more address: an endpoint that does nothing."""

from console.settings.base import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
