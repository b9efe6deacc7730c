"""The start page: queues, the leases one holds, one's day."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import conditional_page, require_GET

from console.web.access import page, user_of
from moderation.models import User
from moderation.permissions import Permission, may
from moderation.selectors import queues as selectors
from moderation.services import census


@page(Permission.READ_CASES)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Queues with counts and ages, what to resume, today's tally."""
    return render(request, "console/home.html", _home(user_of(request)))


@page(Permission.READ_CASES)
@require_GET
@conditional_page
def counts(request: HttpRequest) -> HttpResponse:
    """The part of the start page that changes by itself, polled; unchanged it is a 304 without a body."""
    response = render(request, "console/partials/queues.html", _home(user_of(request)))
    response["Cache-Control"] = "private, no-cache"
    return response


def _home(user: User) -> dict[str, Any]:
    census.keep_fresh()
    return {
        "queues": selectors.queue_summaries(user, seniors=may(user, Permission.OVERRIDE)),
        "held": selectors.held_by(user),
        "day": selectors.day_of(user),
        "views": list(user.saved_views.all()),
    }
