"""Addresses: the API under ``api/v1/``, the administration under ``admin/``, health, and the pages."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from console import health

_HEALTH: list[URLPattern] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.MetricsView.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *_HEALTH,
    path("api/v1/", include((_HEALTH, "health"))),
    path("api/v1/", include("console.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("console.web.urls")),
]

handler400 = "console.errors.bad_request"
handler403 = "console.errors.permission_denied"
handler404 = "console.errors.not_found"
handler500 = "console.errors.server_error"
