"""Every endpoint names its permission a method; what names none is closed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from moderation.models import ApiKey
from moderation.permissions import Permission, may

if TYPE_CHECKING:  # the framework loads this module while it loads its own views
    from rest_framework.views import APIView


class NamedPermission(BasePermission):
    """Lets in who holds the permission the view names for the method, the key's scopes taken into account."""

    message = "Your role, or this key's scopes, do not include this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Deny by default: a method without a named permission is closed, unless the view is marked public."""
        if getattr(view, "public", False) or not hasattr(view, (request.method or "").lower()):
            return True  # a method the view does not have is answered with 405, whoever asks
        named: Mapping[str, Permission] = getattr(view, "permissions", {})
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else request.method or ""
        permission = named.get(method) or (next(iter(named.values()), None) if request.method == "OPTIONS" else None)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        return permission is not None and may(request.user, permission, key=key)
