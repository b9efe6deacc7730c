"""The admin site: one login for the whole console, and only for those who may manage."""

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

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
        if request.user.is_authenticated:
            from django.core.exceptions import PermissionDenied

            raise PermissionDenied("The administration is for administrators.")
        return redirect_to_login(request.get_full_path())
