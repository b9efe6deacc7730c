"""Liveness, readiness and metrics, for orchestrators and Prometheus."""

from typing import Any

from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from kombu import Connection
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from rest_framework.request import Request

from console.api.endpoint import Endpoint
from moderation.errors import ModelUnavailable
from moderation.learning import registry, second_reader
from moderation.permissions import Permission
from moderation.selectors import figures, second_readings

_OK, _OUT = "ok", "unavailable"


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 only without the database; without broker, model or second reader the console works, degraded."""
    database = _database()
    parts = {
        "database": database,
        "broker": _broker(),
        "model": _model() if database == _OK else _OUT,
    }
    if second_reader.is_on():
        parts["second_reader"] = _second_reader() if database == _OK else _OUT
    status = "ok" if set(parts.values()) == {_OK} else ("down" if database != _OK else "degraded")
    return JsonResponse({"status": status, **parts}, status=503 if database != _OK else 200)


class MetricsView(Endpoint):
    """Gauges in Prometheus' text format."""

    permissions = {"GET": Permission.READ_MODELS}
    schema = None

    def get(self, request: Request) -> HttpResponse:
        """What waits where, read from the database now."""
        collected = CollectorRegistry()
        for name, words, value in figures.gauges():
            Gauge(name, words, registry=collected).set(value)
        by_queue = Gauge("evenhand_open_cases", "Open cases.", ["queue"], registry=collected)
        for slug, count in figures.open_cases_by_queue():
            by_queue.labels(slug).set(count)
        return HttpResponse(generate_latest(collected), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return _OUT
    return _OK


def _model() -> str:
    try:
        registry.load(registry.champion())
    except ModelUnavailable:
        return _OUT
    return _OK


def _second_reader() -> str:
    """Judged by what it has not read in time: no web process loads it. Asked at most every five seconds."""
    late = cache.get_or_set("second-reader-late", second_readings.is_late, timeout=5)
    return _OUT if late else _OK


def _broker() -> str:
    """Asked at most every two seconds, so that a probe storm is no connection storm."""
    state: Any = cache.get("broker-state")
    if state is None:
        state = _ask_broker()
        cache.set("broker-state", state, timeout=2)
    return str(state)


def _ask_broker() -> str:
    from django.conf import settings

    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OperationalError, OSError):
        return _OUT
    return _OK
