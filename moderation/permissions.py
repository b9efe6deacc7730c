"""Who may do what: the one place that answers it. Deny by default.

A person acts with the permissions of their role; an API key acts with those of its user's role that one of its
scopes also allows.
"""

from collections.abc import Iterable
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser

from moderation.enums import Role, Scope
from moderation.errors import NotPermitted
from moderation.models import ApiKey, User


class Permission(StrEnum):
    """Everything that can be asked for."""

    INGEST = "ingest"
    SCORE = "score"
    READ_CASES = "read_cases"
    REVIEW = "review"
    OVERRIDE = "override"
    BATCH = "batch"
    RESOLVE_APPEALS = "resolve_appeals"
    READ_LABELS = "read_labels"
    READ_MODELS = "read_models"
    READ_AUDIT = "read_audit"
    READ_QUALITY = "read_quality"
    READ_STATEMENTS = "read_statements"
    MANAGE = "manage"


_MODERATOR = frozenset({Permission.READ_CASES, Permission.REVIEW, Permission.SCORE, Permission.READ_MODELS})
_SENIOR = _MODERATOR | {
    Permission.OVERRIDE,
    Permission.BATCH,
    Permission.RESOLVE_APPEALS,
    Permission.READ_AUDIT,
    Permission.READ_QUALITY,
}

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.MODERATOR: _MODERATOR,
    Role.SENIOR: _SENIOR,
    Role.ADMIN: frozenset(Permission),
    Role.INTEGRATOR: frozenset(
        {
            Permission.INGEST,
            Permission.SCORE,
            Permission.READ_CASES,
            Permission.READ_LABELS,
            Permission.READ_MODELS,
            Permission.READ_STATEMENTS,
        }
    ),
}

SCOPE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Scope.INGEST: frozenset({Permission.INGEST}),
    Scope.READ: frozenset(
        {Permission.READ_CASES, Permission.SCORE, Permission.READ_MODELS, Permission.READ_STATEMENTS}
    ),
    Scope.REVIEW: frozenset(
        {
            Permission.READ_CASES,
            Permission.REVIEW,
            Permission.OVERRIDE,
            Permission.BATCH,
            Permission.RESOLVE_APPEALS,
            Permission.READ_QUALITY,
        }
    ),
    Scope.LEARN: frozenset({Permission.READ_LABELS, Permission.READ_MODELS}),
    Scope.ADMIN: frozenset({Permission.MANAGE, Permission.READ_AUDIT, Permission.READ_MODELS}),
}


def permissions_of(user: User | AnonymousUser, *, key: ApiKey | None = None) -> frozenset[Permission]:
    """What the user, acting through the key if one is given, may do; nothing for strangers and the inactive."""
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    granted = ROLE_PERMISSIONS.get(user.role, frozenset())
    if key is not None:
        granted &= _allowed_by(key.scopes)
    return granted


def roles_with(permission: Permission) -> list[str]:
    """The roles that hold the permission."""
    return [role for role, granted in ROLE_PERMISSIONS.items() if permission in granted]


def may(user: User | AnonymousUser, permission: Permission, *, key: ApiKey | None = None) -> bool:
    """Whether the user, acting through the key if one is given, holds the permission."""
    return permission in permissions_of(user, key=key)


def require(user: User, permission: Permission) -> None:
    """Raise ``NotPermitted`` unless the user's role holds the permission."""
    if not may(user, permission):
        raise NotPermitted(f"Your role, {user.get_role_display()}, does not include this.")


def _allowed_by(scopes: Iterable[str]) -> frozenset[Permission]:
    return frozenset().union(*(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in scopes))
