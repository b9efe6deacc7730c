"""Errors as RFC 9457 problem details, in one place."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings

from moderation.errors import ModerationError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

_TITLES = {
    400: "The request is not valid",
    401: "Authentication required",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "The body is too large",
    415: "Unsupported media type",
    429: "Too many requests",
    503: "Temporarily unavailable",
}


class BodyTooLarge(exceptions.APIException):
    """The body, or the number of its lines, is over the limit."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is over the limit."
    default_code = "body_too_large"


def problem_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:  # noqa: PLR0911 (one a kind)
    """Turn an exception of a view into a problem-details response; ``None`` lets Django answer 500."""
    if isinstance(error, ModerationError):
        errors = [{"pointer": error.pointer, "detail": error.detail}] if error.pointer else []
        return _response(error.status, error.code, error.detail, errors, title=error.title, extra=error.extra)
    if isinstance(error, exceptions.ValidationError):
        errors = flatten(error.detail)
        return _response(400, "invalid", "Some fields are not valid.", errors)
    if isinstance(error, exceptions.Throttled):
        wait = max(1, int(getattr(error, "wait", None) or 1))
        return _response(429, "rate_limited", f"Try again in {wait} s.", headers={"Retry-After": str(wait)})
    if isinstance(error, Http404):
        return _response(404, "not_found", "There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return _response(403, "not_permitted", str(error) or "Not permitted.")
    if isinstance(error, exceptions.APIException):
        return _of_api_exception(error)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("The database is out of reach: %s", type(error).__name__)
        return _response(
            503,
            "database_unavailable",
            "The database is out of reach. Repeat the call: under an idempotency key it is done once.",
            headers={"Retry-After": "2"},
        )
    return None


def problem_page(request: HttpRequest, *, status_code: int, code: str, detail: str) -> JsonResponse:
    """A problem-details answer outside of any API view (unknown addresses, server errors)."""
    return JsonResponse(_body(status_code, code, detail, ()), status=status_code, content_type=CONTENT_TYPE)


def flatten(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """DRF's nested error detail as a list of JSON pointers with what is wrong there."""
    if isinstance(detail, Mapping):
        named = [(key, value) for key, value in detail.items()]
        return [
            row
            for key, value in named
            for row in flatten(
                value, pointer if key == api_settings.NON_FIELD_ERRORS_KEY else f"{pointer}/{_token(key)}"
            )
        ]
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        if all(isinstance(item, str) for item in detail):
            return [{"pointer": pointer, "detail": str(item)} for item in detail]
        return [row for index, item in enumerate(detail) if item for row in flatten(item, f"{pointer}/{index}")]
    return [{"pointer": pointer, "detail": str(detail)}]


def _token(key: object) -> str:
    """A key as a JSON pointer writes it (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _of_api_exception(error: exceptions.APIException) -> Response:
    headers = {}
    if error.status_code == status.HTTP_401_UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    codes = {
        status.HTTP_401_UNAUTHORIZED: "unauthenticated",
        status.HTTP_403_FORBIDDEN: "not_permitted",
        status.HTTP_404_NOT_FOUND: "not_found",
    }
    code = codes.get(error.status_code, str(getattr(error, "default_code", "error")))
    return _response(error.status_code, code, str(error.detail), headers=headers)


def _response(
    status_code: int,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, Any]] = (),
    *,
    title: str | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = _body(status_code, code, detail, errors, title=title, extra=extra)
    return Response(body, status=status_code, headers=dict(headers or {}), content_type=CONTENT_TYPE)


def _body(
    status_code: int,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, Any]],
    *,
    title: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title or _TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = list(errors)
    return {**body, **(extra or {})}
