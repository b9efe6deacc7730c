"""The admin site: one login for the whole console, and only for those who may manage."""

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from moderation.permissions import Permission, may


class ConsoleAdminSite(AdminSite):
    """Django's admin behind the console's own, throttled login."""

    site_header = "Evenhand administration"
    site_title = "Evenhand"
    index_title = "Queues, policies, people, keys and models"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Only who holds ``MANAGE`` may see any of it."""
        return may(request.user, Permission.MANAGE)

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Send strangers to the console's login; tell the logged-in that this is not for them."""
        wanted = _wanted(request)
        if self.has_permission(request):
            return redirect(wanted)
        if request.user.is_authenticated:
            raise PermissionDenied("The administration is for administrators.")
        return redirect_to_login(wanted)


def _wanted(request: HttpRequest) -> str:
    """The page of ours that was asked for before the login came between."""
    address = request.GET.get(REDIRECT_FIELD_NAME, "")
    ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if ours else reverse("admin:index")
