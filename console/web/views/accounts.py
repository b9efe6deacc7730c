"""An account of the platform: its record here."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from console.web.access import page, user_of
from moderation.permissions import Permission
from moderation.selectors.accounts import account_profile


@page(Permission.READ_CASES)
@require_GET
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Attributes, strikes, contents with their cases, and the record as a reporter."""
    return render(request, "console/account.html", {"profile": account_profile(account_id, viewer=user_of(request))})
