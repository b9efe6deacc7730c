"""Every endpoint names its permission a method; what names none is closed."""

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from moderation.models import ApiKey
from moderation.permissions import Permission, may


class NamedPermission(BasePermission):
    """Lets in who holds the permission the view names for the method, the key's scopes taken into account."""

    message = "Your role, or this key's scopes, do not include this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Deny by default: a method without a named permission is closed, unless the view is marked public."""
        if getattr(view, "public", False):
            return True
        named: Mapping[str, Permission] = getattr(view, "permissions", {})
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else request.method or ""
        permission = named.get(method) or (next(iter(named.values()), None) if request.method == "OPTIONS" else None)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        return permission is not None and may(request.user, permission, key=key)


class Endpoint(APIView):
    """An API view: ``permissions`` maps each HTTP method to the permission it needs."""

    permissions: ClassVar[Mapping[str, Permission]] = {}
    public: ClassVar[bool] = False
