"""Django applications of the faces: the console itself, and the admin under its own site class."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    """Registers the console's templates tags, static files, admin and system checks."""

    name = "console"
    verbose_name = "Console"

    def ready(self) -> None:
        """Connect the system checks, the OpenAPI extensions, and the Celery application that tasks are sent by."""
        from console import celery, checks  # noqa: F401
        from console.api import schema  # noqa: F401


class ConsoleAdminConfig(AdminConfig):
    """The Django admin, open to administrators only."""

    default_site = "console.admin_site.ConsoleAdminSite"
