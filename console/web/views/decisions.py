"""What one decided, and the way back."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from console.web.access import page, user_of
from moderation.permissions import Permission
from moderation.selectors import history, queues

PAGE_SIZE = 30


@page(Permission.REVIEW)
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """The person's decisions, the newest first, each with its undo while it binds."""
    user = user_of(request)
    pages = Paginator(history.decisions_of(user.pk), PAGE_SIZE)
    return render(
        request,
        "console/decisions.html",
        {"pages": pages.get_page(request.GET.get("page")), "day": queues.day_of(user)},
    )
