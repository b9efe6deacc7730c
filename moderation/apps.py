"""Django application of the domain."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    """Registers the domain's models and tasks."""

    name = "moderation"
    verbose_name = "Moderation"
