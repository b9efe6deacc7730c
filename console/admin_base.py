"""What every page of the administration shares: who may, and that each change is written down.

Read-only unless a class says otherwise; only those who hold ``MANAGE`` see anything at all.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest

from moderation import audit
from moderation.errors import ModerationError
from moderation.models import User
from moderation.permissions import Permission, may

if TYPE_CHECKING:
    # Generic for the type checker only; Django's own classes cannot be subscripted.
    _ModelAdmin = admin.ModelAdmin[Any]
    _StackedInline = admin.StackedInline[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _StackedInline = admin.StackedInline

NOT_RECORDED = "(not recorded)"


class ManagedAdmin(_ModelAdmin):
    """A page for administrators; ``addable``, ``changeable`` and ``deletable`` open what is closed by default.

    ``redacted`` names the fields whose values the audit trail must not keep: secrets, people's names, texts.
    """

    addable: ClassVar[bool] = False
    changeable: ClassVar[bool] = False
    deletable: ClassVar[bool] = False
    redacted: ClassVar[frozenset[str]] = frozenset()
    show_full_result_count = False

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whether the person manages; actions name it."""
        return may(request.user, Permission.MANAGE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the index lists it."""
        return self.has_manage_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether rows may be looked at."""
        return self.has_manage_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether rows may be made."""
        return self.addable and self.has_manage_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether rows may be changed."""
        return self.changeable and self.has_manage_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether rows may be deleted."""
        return self.deletable and self.has_manage_permission(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save and record in one transaction (the admin's own)."""
        before = self._before(obj) if change else {}
        super().save_model(request, obj, form, change)
        self.record(request, obj, "changed" if change else "added", before, snapshot(obj))

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record and delete."""
        self.record(request, obj, "deleted", snapshot(obj), {})
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Record and delete each."""
        for obj in queryset:
            self.record(request, obj, "deleted", snapshot(obj), {})
        super().delete_queryset(request, queryset)

    def record(
        self, request: HttpRequest, obj: Model, change: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Write what differs to the audit trail."""
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        if names:
            audit.admin_changed(
                actor=actor(request),
                model=obj._meta.model_name or "",
                pk=obj.pk,
                change=change,
                old={name: self._recorded(name, before[name]) for name in names if name in before},
                new={name: self._recorded(name, after[name]) for name in names if name in after},
            )

    def _recorded(self, name: str, value: Any) -> Any:
        return NOT_RECORDED if name in self.redacted and value not in (None, "") else value

    def _before(self, obj: Model) -> dict[str, Any]:
        return snapshot(self.model._default_manager.select_for_update(of=("self",)).get(pk=obj.pk))


class AddOnlyInline(_StackedInline):
    """Rows that are added under their parent and stay as they are."""

    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who manages may look."""
        return may(request.user, Permission.MANAGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who manages may add."""
        return may(request.user, Permission.MANAGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may delete."""
        return False


def actor(request: HttpRequest) -> User:
    """Who is logged in. Raises ``PermissionDenied`` for a stranger."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def snapshot(obj: Model) -> dict[str, Any]:
    """The row's own columns by name, as JSON has them."""
    values = {field.attname: getattr(obj, field.attname) for field in obj._meta.concrete_fields}
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return plain


def tell(page: ManagedAdmin, request: HttpRequest, error: ModerationError) -> None:
    """Show why the domain refused."""
    page.message_user(request, error.detail, messages.ERROR)


def cleaned(form: BaseForm, name: str) -> Any:
    """The validated value of a field; ``None`` where it failed its own validation."""
    return form.cleaned_data.get(name)
