"""Error answers outside of views: problem details under ``/api/``, a page elsewhere."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from console.api.problems import problem_page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _answer(request, 400, "bad_request", "The request is malformed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _answer(request, 403, "not_permitted", str(exception) or "Your role does not include this.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return _answer(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
    return _answer(request, 500, "internal_error", "Something broke on our side; it has been logged.")


def _answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problem_page(request, status_code=status, code=code, detail=detail)
    return render(request, f"{status}.html", {"detail": detail}, status=status)
