"""What one decided, and the way back."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from console.web.access import page, user_of
from moderation.permissions import Permission
from moderation.selectors import history, paging, queues

PAGE_SIZE = 30


@page(Permission.REVIEW)
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """The person's decisions, the newest first, each with its undo while it binds."""
    user = user_of(request)
    after = request.GET.get("after", "")
    made = paging.by_field(
        history.decisions_of(user.pk), field="created_at", descending=True, after=after, size=PAGE_SIZE
    )
    context = {"decisions": made.rows, "next": made.after, "after": after, "day": queues.day_of(user)}
    return render(request, "console/decisions.html", context)
