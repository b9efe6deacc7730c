"""Who may open a page: every view names its permission here, or says that it is public."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from moderation.errors import ModerationError, NotFound, NotPermitted
from moderation.models import User
from moderation.permissions import Permission, may

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class Guarded(Protocol):
    """A view that says who may open it: ``permission`` is ``None`` only where ``public`` is true."""

    permission: Permission | None
    public: bool

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request."""
        ...


def page(permission: Permission) -> Callable[[View[P]], Guarded]:
    """Open the view to people who hold the permission; others get the 403 page, strangers the login."""

    def guard(view: View[P]) -> Guarded:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _login_first(request)
            if not may(request.user, permission):
                raise PermissionDenied("Your role does not include this page.")
            response = _answer(view, request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        guarded.permission = permission  # type: ignore[attr-defined]
        guarded.public = False  # type: ignore[attr-defined]
        return cast(Guarded, guarded)

    return guard


def public_page(view: View[P]) -> Guarded:
    """Open the view to everyone, said out loud."""
    view.permission = None  # type: ignore[attr-defined]
    view.public = True  # type: ignore[attr-defined]
    return cast(Guarded, view)


def user_of(request: HttpRequest) -> User:
    """The person behind a guarded request."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Log in first.")
    return request.user


def _answer(view: View[P], request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
    """The view's answer; what the domain refuses and the view does not handle becomes a page that says why."""
    try:
        return view(request, *args, **kwargs)
    except NotFound as error:
        raise Http404(error.detail) from error
    except NotPermitted as error:
        raise PermissionDenied(error.detail) from error
    except ModerationError as error:
        return render(request, "console/refused.html", {"error": error}, status=error.status)


def _login_first(request: HttpRequest) -> HttpResponse:
    """A whole page goes to the login and comes back; a fragment or a script is told with a 401."""
    if request.headers.get("HX-Request") or "application/json" in request.headers.get("Accept", ""):
        return HttpResponse("You are logged out.", status=401, content_type="text/plain")
    target = request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("home")
    return redirect_to_login(target)
