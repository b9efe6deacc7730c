"""The shortcut sheet and a short guide."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from console.web.access import page
from moderation.permissions import Permission
from moderation.selectors.workspace import policy_keys


@page(Permission.READ_CASES)
@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """Every key, every policy with its guidance, and what the page shows."""
    return render(request, "console/help.html", {"policies": policy_keys()})
