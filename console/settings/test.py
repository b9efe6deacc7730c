"""Settings of the test suite: the same PostgreSQL, tasks run in place, cheap password hashes."""

import os
import secrets

# Type checkers and linters load these settings with no services at hand.
os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))
os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/evenhand")
os.environ.setdefault("CELERY_BROKER_URL", "memory://")

from console.settings.base import *  # noqa: F403
from console.settings.base import HOME

CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
}
# Tests run side by side, each worker with a store of its own.
MODEL_STORE = HOME / "test-models" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
WHITENOISE_AUTOREFRESH = True
# Chance plays no part in a test that does not ask for it.
AUDIT_STRATA = ()
# Pages count what waits at every look.
COUNT_SECONDS = 0.0
