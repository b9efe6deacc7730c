"""All settings, read from the environment. An unknown or missing required value stops the start.

DATABASE_URL        postgres://user:password@host/name, or a unix socket folder as the host
CELERY_BROKER_URL   amqp://… (RabbitMQ), redis://… or redis+socket://… (Valkey, Redis)
SECRET_KEY          any long random text; signs sessions, keys the digests of identifiers
EVENHAND_HOME       where state lives (default: var/ beside manage.py)
"""

from pathlib import Path
from urllib.parse import unquote

import environ
from csp.constants import NONE, SELF

from console.settings.strata import sampling_strata

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOME = Path(env.str("EVENHAND_HOME", default=str(BASE_DIR / "var"))).resolve()

SECRET_KEY = env.str("SECRET_KEY")
# Older keys still verify what they signed, so a key can be rotated without logging everyone out.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
# A console reachable from other machines loses what only a developer's own machine may have.
PUBLIC = env.bool("EVENHAND_PUBLIC", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "moderation.apps.ModerationConfig",
    "console.apps.ConsoleConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Django pads what it compresses with random bytes, so its length tells nothing (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.web.context.console",
            ],
            "libraries": {"ui": "console.web.templatetags.ui", "routing": "console.web.templatetags.routing"},
        },
    },
]

_database = env.db("DATABASE_URL")
DATABASES = {
    "default": {
        **_database,
        # A unix socket folder is written percent-encoded in the host part.
        "HOST": unquote(_database["HOST"]),
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        "TEST": {"NAME": env.str("TEST_DATABASE_NAME", default=None)},
    }
}

AUTH_USER_MODEL = "moderation.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "evenhand_session"
CSRF_COOKIE_NAME = "evenhand_csrf"

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_TEMPLATE = "console/locked_out.html"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address"]
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = HOME / "static"
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
}

# Nothing on a page comes from another host, nothing inline runs.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Django refuses a larger body before it is read; the bulk endpoint reads its own stream.
BODY_LIMIT_BYTES = 1024 * 1024
BULK_BODY_LIMIT_BYTES = 32 * 1024 * 1024
BULK_LINE_LIMIT = 10_000
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT_BYTES

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.authentication.ApiKeyAuthentication",
        "console.api.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["console.api.permissions.NamedPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["console.api.parsers.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["console.api.throttling.ApiKeyRateThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "console.api.pagination.CursorPages",
    "EXCEPTION_HANDLER": "console.api.problems.problem_handler",
    "DATETIME_FORMAT": "iso-8601",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Evenhand API",
    "DESCRIPTION": "Send content and reports, review cases, receive decisions and labels.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ActionKind": "moderation.enums.ActionKind",
        "BankKind": "moderation.enums.BankKind",
        "BatchState": "moderation.enums.BatchState",
        "BacktestState": "moderation.enums.BacktestState",
        "DeliveryState": "moderation.enums.DeliveryState",
        "HoldState": "moderation.enums.HoldState",
        "RuleState": "moderation.enums.RuleState",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "console.api.schema.describe_problems",
    ],
}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_ROUTES = {
    "moderation.score_pending": {"queue": "score"},
    "moderation.deliver_outbox": {"queue": "deliver"},
    "moderation.retrain": {"queue": "learn"},
    "moderation.check_drift": {"queue": "learn"},
    "moderation.run_backtests": {"queue": "learn"},
    "moderation.measure_quality": {"queue": "learn"},
    "moderation.read_a_second_time": {"queue": "context"},
}
if CELERY_BROKER_URL.startswith(("redis", "rediss", "valkey")):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 4 * 3600,  # above the longest task: retraining
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
    }
CELERY_BEAT_SCHEDULE_FILENAME = str(HOME / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "moderation.sweep", "schedule": env.float("SWEEP_SECONDS", default=5.0)},
    "batches": {
        "task": "moderation.go_on_with_batches",
        "schedule": env.float("SWEEP_SECONDS", default=5.0),
        "options": {"expires": 5.0},
    },
    "deliver": {"task": "moderation.deliver_outbox", "schedule": env.float("DELIVER_SECONDS", default=5.0)},
    "seal-audit": {"task": "moderation.seal_audit", "schedule": 60.0},
    "retrain": {
        "task": "moderation.retrain_if_due",
        "schedule": env.float("RETRAIN_CHECK_SECONDS", default=900.0),
    },
    "backtests": {
        "task": "moderation.run_backtests",
        "schedule": env.float("SWEEP_SECONDS", default=5.0),
        "options": {"expires": 5.0},
    },
    "second-reader": {
        "task": "moderation.read_a_second_time",
        "schedule": env.float("SWEEP_SECONDS", default=5.0),
        "options": {"expires": 5.0},
    },
    "check-drift": {"task": "moderation.check_drift", "schedule": 86400.0},
    "measure-quality": {
        "task": "moderation.measure_quality",
        "schedule": env.float("MEASURE_QUALITY_SECONDS", default=3600.0),
    },
    "housekeeping": {"task": "moderation.housekeeping", "schedule": 3600.0},
}

# The domain's own settings.
MODEL_STORE = Path(env.str("MODEL_STORE", default=str(HOME / "models")))
# The folder of the second reader's artifact; empty: it is off. Its hash, where given, must be this one.
SECOND_READER = env.str("SECOND_READER", default="")
SECOND_READER_SHA256 = env.str("SECOND_READER_SHA256", default="")
SECOND_READER_BATCH = env.int("SECOND_READER_BATCH", default=32)
# A text of an open case that waits longer is reported by /readyz.
SECOND_READER_SECONDS = env.float("SECOND_READER_SECONDS", default=120.0)
BASE_DATA = env.str("EVENHAND_BASE_DATA", default="")
LEASE_SECONDS = env.int("LEASE_SECONDS", default=300)
LEASES_A_PERSON = env.int("LEASES_A_PERSON", default=5)
# A break is suggested after every so many cases of severe or critical policies shown in a day; 0: never.
BREAK_EVERY_GRAVE = env.int("BREAK_EVERY_GRAVE", default=20)
# Figures on the queues may be so old: they are counted for everyone at once.
COUNT_SECONDS = env.float("COUNT_SECONDS", default=5.0)
# A batch of up to so many cases is decided while its maker waits; a larger one by a worker, so many a transaction.
BATCH_AT_ONCE = env.int("BATCH_AT_ONCE", default=20)
# Where the public reaches us, as https://host: links in messages begin with it.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
PUBLIC_PAGE_RATE_PER_MINUTE = env.int("PUBLIC_PAGE_RATE_PER_MINUTE", default=30)
UNDO_SECONDS = env.int("UNDO_SECONDS", default=30)
SCORING_BATCH = env.int("SCORING_BATCH", default=64)
SCORING_ATTEMPTS = 5
RETRAIN_MINIMUM_LABELS = env.int("RETRAIN_MINIMUM_LABELS", default=50)
# The smallest chance that any random audit gives to any text, and the error that all calibrations of a policy share.
AUDIT_SMALLEST_PROBABILITY = env.float("AUDIT_SMALLEST_PROBABILITY", default=0.01)
# Random audits of all traffic, as “score:rate, …”: a text whose largest score reaches the first number is drawn with
# the second. Empty: no audits. The seed makes draws repeatable; whoever knows it can tell what will be drawn.
AUDIT_STRATA = sampling_strata(env.str("AUDIT_STRATA", default="0:0.01,0.5:0.05"))
SAMPLING_SEED = env.str("SAMPLING_SEED", default=SECRET_KEY)
AUTOMATION_ERROR = env.float("AUTOMATION_ERROR", default=0.05)
# Languages the model was trained on: no other is ever decided without a person. A share is left to people all the same.
AUTOMATION_LANGUAGES = env.list("AUTOMATION_LANGUAGES", default=["en"])
AUTOMATION_HOLDOUT = env.float("AUTOMATION_HOLDOUT", default=0.05)
# A backtest looks at so many contents at most, and leaves its worker to others after so many seconds.
BACKTEST_LIMIT = env.int("BACKTEST_LIMIT", default=100_000)
BACKTEST_SLICE_SECONDS = env.float("BACKTEST_SLICE_SECONDS", default=10.0)
API_KEY_RATE_PER_MINUTE = env.int("API_KEY_RATE_PER_MINUTE", default=60_000)
IDEMPOTENCY_DAYS = 7
WEBHOOK_ALLOW_PRIVATE = env.bool("WEBHOOK_ALLOW_PRIVATE", default=False)
# After a rotation the secret before still signs beside the new one for so long.
WEBHOOK_ROTATION_HOURS = env.float("WEBHOOK_ROTATION_HOURS", default=24.0)
# So many deliveries a worker process sends at a time, over all endpoints.
DELIVERY_THREADS = env.int("DELIVERY_THREADS", default=32)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"axes": {"level": "ERROR"}},
}

# Tests run tasks by hand, so that each step can be looked at.
NUDGE_WHEN_EAGER = False
