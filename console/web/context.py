"""What every page knows: the navigation by permission, the theme, and the clock of leases."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from moderation.permissions import Permission, permissions_of
from moderation.selectors import policies

PRODUCT = "Evenhand"
THEMES = ("light", "dark")
THEME_COOKIE = "evenhand_theme"


@dataclass(frozen=True, slots=True)
class NavItem:
    """A link of the navigation; ``sections`` are the prefixes of the addresses under it."""

    label: str
    name: str
    icon: str
    permission: Permission
    sections: tuple[str, ...]


NAVIGATION = (
    NavItem("Queues", "home", "inbox", Permission.READ_CASES, ("/review/", "/cases/", "/accounts/", "/search/")),
    NavItem("My decisions", "decisions", "check", Permission.REVIEW, ("/decisions/",)),
    NavItem("Batches", "batches", "layers", Permission.BATCH, ("/batches/",)),
    NavItem("Approvals", "holds", "lock", Permission.OVERRIDE, ("/approvals/", "/adjudications/")),
    NavItem("Appeals", "appeals", "undo", Permission.RESOLVE_APPEALS, ("/appeals/",)),
    NavItem("Quality", "quality", "eye", Permission.REVIEW, ("/quality/",)),
    NavItem("Insights", "insights", "flag", Permission.READ_QUALITY, ("/insights/",)),
    NavItem("Rules", "rules", "arrow", Permission.MANAGE, ("/rules/", "/banks/", "/backtests/")),
    NavItem("Models", "models", "chart", Permission.READ_MODELS, ("/models/",)),
    NavItem("Webhooks", "webhooks", "link", Permission.MANAGE, ("/webhooks/", "/deliveries/")),
    NavItem("Administration", "admin:index", "sliders", Permission.MANAGE, ("/admin/",)),
)


def console(request: HttpRequest) -> dict[str, Any]:
    """Template variables of every page. Who asks is looked up only where a template wants to know: the error
    page must not need the database.
    """
    theme = request.COOKIES.get(THEME_COOKIE, "")

    @cache
    def granted() -> frozenset[Permission]:
        user = getattr(request, "user", None)
        return permissions_of(user) if user is not None else frozenset()

    def navigation() -> list[dict[str, Any]]:
        return [
            {"item": item, "current": _is_current(item, request.path)}
            for item in NAVIGATION
            if item.permission in granted()
        ]

    return {
        "product": PRODUCT,
        "theme": theme if theme in THEMES else "",
        "navigation": navigation,
        "may_read_cases": lambda: Permission.READ_CASES in granted(),
        "may_review": lambda: Permission.REVIEW in granted(),
        "may_override": lambda: Permission.OVERRIDE in granted(),
        "may_read_quality": lambda: Permission.READ_QUALITY in granted(),
        "may_batch": lambda: Permission.BATCH in granted(),
        "may_manage": lambda: Permission.MANAGE in granted(),
        "policy_names": cache(policies.names),
        "lease_seconds": settings.LEASE_SECONDS,
        "heartbeat_seconds": settings.LEASE_SECONDS // 3,
    }


def _is_current(item: NavItem, path: str) -> bool:
    return (item.name == "home" and path == "/") or path.startswith(item.sections)
