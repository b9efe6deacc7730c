"""A scratch installation to measure: its own database on the given server, and web servers on it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

from tests.real.client import Client

ROOT = Path(__file__).resolve().parents[2]
_DATABASE = "evenhand_bench"
# A port nobody listens on: what a broker that is gone looks like.
_NO_BROKER = "redis://127.0.0.1:9/0"
_START_SECONDS = 60


@contextmanager
def scratch_database(server_url: str) -> Iterator[str]:
    """The address of an empty database beside the given one, dropped when the block ends."""
    with _maintenance(server_url) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_DATABASE)))
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{_DATABASE}"))
    finally:
        with _maintenance(server_url) as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(_DATABASE)))


@contextmanager
def web_server(port: int, *, broker: bool = True) -> Iterator[str]:
    """Where a web server like the product's own listens, until the block ends."""
    environment = dict(os.environ) if broker else {**os.environ, "CELERY_BROKER_URL": _NO_BROKER}
    command = [sys.executable, "-m", "gunicorn", "console.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    command += ["--no-control-socket"]
    # Its log would stand between the figures.
    process = subprocess.Popen(command, cwd=ROOT, env={**environment, "LOG_LEVEL": "ERROR"})
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@dataclass(frozen=True)
class Installation:
    """What the measures need to know of the scratch installation."""

    url: str
    url_without_broker: str
    platform_key: str
    moderator_key: str
    moderator_cookie: str

    def platform(self) -> Client:
        """The platform's API client."""
        return Client(self.url, self.platform_key)

    def platform_without_broker(self) -> Client:
        """The same, on a web server whose broker is gone."""
        return Client(self.url_without_broker, self.platform_key)

    def moderator(self) -> Client:
        """A moderator's API client."""
        return Client(self.url, self.moderator_key)


def prepare(url: str, url_without_broker: str) -> Installation:
    """Make people and keys; Django is set up and the database migrated and seeded."""
    from django.conf import settings
    from django.test import Client as Browser

    from moderation.enums import Scope
    from moderation.models import User
    from moderation.services import access, seeding

    seeding.seed_people()
    admin, moderator = User.objects.get(username="admin"), User.objects.get(username="moderator")
    _, platform_key = access.issue_key(user=admin, name="bench", scopes=Scope.values, acting_user=None)
    _, moderator_key = access.issue_key(user=moderator, name="bench", scopes=Scope.values, acting_user=None)
    browser = Browser()
    browser.force_login(moderator, backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    return Installation(url, url_without_broker, platform_key, moderator_key, cookie)


@contextmanager
def _maintenance(server_url: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if Client(url, "").call("GET", "/healthz").accepted:
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
