"""The administration: policies, queues, people, keys, models, webhooks, banks, and the records to look through."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from console import admin_quality
from console.admin_base import AddOnlyInline, ManagedAdmin, actor, cleaned, snapshot, tell
from moderation.enums import Role, Scope
from moderation.errors import ModerationError
from moderation.models import (
    ApiKey,
    AuditEvent,
    Bank,
    BankEntry,
    ModelVersion,
    OutboxMessage,
    Policy,
    PolicyVersion,
    Queue,
    RoutingRule,
    User,
    WebhookEndpoint,
)
from moderation.services import access, priority, scoring, training

# Registered by being loaded.
__all__ = ["admin_quality"]

# A person's role says what they may do: Django's groups say nothing here. What axes registers asks for Django's own
# permissions, which nobody has.
admin.site.unregister([Group, AccessAttempt, AccessFailureLog, AccessLog])


class PolicyVersionInline(AddOnlyInline):
    """The wordings of a policy; a new one is added, none is ever changed."""

    model = PolicyVersion
    fields = ("number", "guidance", "legal_category", "created_at")
    readonly_fields = ("number", "created_at")


@admin.register(Policy)
class PolicyAdmin(ManagedAdmin):
    """What is not allowed. A policy that is no longer in force is switched off, never deleted."""

    addable = changeable = True
    list_display = ("name", "slug", "severity", "threshold", "graphic", "position", "is_active")
    inlines = [PolicyVersionInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Policy | None = None) -> tuple[str, ...]:
        """Decisions and models name a policy by its slug, so it stays."""
        return ("slug",) if obj else ()

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """Save; another severity changes what comes first."""
        super().save_model(request, obj, form, change)
        if change and "severity" in form.changed_data:
            scoring.request_rescore()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give each new wording the next number."""
        for version in formset.save(commit=False):
            last = PolicyVersion.objects.filter(policy=version.policy).aggregate(last=Max("number"))["last"]
            version.number = (last or 0) + 1
            version.save()
            # The wording itself stands in its row, for good.
            recorded = {"policy_id": version.policy_id, "number": version.number}
            self.record(request, version, "added", {}, recorded)
        formset.save_m2m()


@admin.register(Queue)
class QueueAdmin(ManagedAdmin):
    """Lines of cases."""

    addable = changeable = True
    list_display = (
        "name",
        "slug",
        "sla_minutes",
        "position",
        "is_default",
        "seniors_only",
        "escalates_to",
        "is_active",
    )
    list_select_related = ("escalates_to",)

    def get_readonly_fields(self, request: HttpRequest, obj: Queue | None = None) -> tuple[str, ...]:
        """Integrations claim by the slug, so it stays."""
        return ("slug",) if obj else ()

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        """Save; another SLA changes how fast the queue's cases age, and so their order."""
        super().save_model(request, obj, form, change)
        if "sla_minutes" in form.changed_data:
            priority.reorder(obj)


@admin.register(RoutingRule)
class RoutingRuleAdmin(ManagedAdmin):
    """What goes where: looked at; changed on the console's own pages, which check, test and record."""

    list_display = ("position", "name", "state", "queue", "priority_boost", "opens_cases", "audit_rate")
    list_display_links = ("name",)
    list_select_related = ("queue",)
    list_filter = ("state",)


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    """A person's account, never without an administrator left."""

    class Meta:
        model = User
        fields = (
            "username",
            "password",
            "first_name",
            "last_name",
            "email",
            "role",
            "is_active",
            "languages",
            "policies",
        )

    def clean(self) -> dict[str, Any]:
        """Refuse what would leave nobody to manage the installation."""
        values: dict[str, Any] = super().clean() or {}
        stays = cleaned(self, "role") == Role.ADMIN and cleaned(self, "is_active")
        others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=self.instance.pk)
        was = User.objects.filter(pk=self.instance.pk, role=Role.ADMIN, is_active=True).exists()
        if was and not stays and not others.exists():
            raise forms.ValidationError("This is the last active administrator; make another one first.")
        return values


@admin.register(User)
class PersonAdmin(ManagedAdmin, UserAdmin):  # type: ignore[type-arg]
    """People and their roles. Someone who leaves is switched off: what they decided keeps their name."""

    addable = changeable = True
    redacted = frozenset({"password", "username", "first_name", "last_name", "email"})
    form = PersonForm
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May do", {"fields": ("role", "is_active", "languages", "policies")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("username", "role", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")
    list_display = ("username", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    filter_horizontal = ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Django's own mark of staff follows the role."""
        obj.is_staff = obj.role == Role.ADMIN
        super().save_model(request, obj, form, change)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A new password is saved past ``save_model``; it is recorded here, in the same transaction."""
        if any("password" in entry.get("changed", {}).get("fields", ()) for entry in message):
            self.record(request, obj, "changed", {"password": "before"}, {"password": "after"})
        return super().log_change(request, obj, message)

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set another password."""
        return super().user_change_password(request, id, form_url)


class ShownOnceAdmin(ManagedAdmin):
    """Rows that come with a secret: the page that answers their making shows it, and nothing does again."""

    def make(self, request: HttpRequest, obj: Any) -> str:
        """Save the new row; its secret."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep the secret beside the row until the answer is made."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            vars(obj)["shown_once"] = self.make(request, obj)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret instead of going on."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"New {self.opts.verbose_name}: {obj}",
            "opts": self.opts,
            "secret": vars(obj).pop("shown_once"),
        }
        return TemplateResponse(request, "admin/shown_once.html", context)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A key's user, name, scopes and limit."""

    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes", "rate_per_minute")


@admin.register(ApiKey)
class ApiKeyAdmin(ShownOnceAdmin):
    """Keys of integrations: made, shown once, revoked. What a key may do never changes."""

    addable = changeable = True
    redacted = frozenset({"digest"})
    form = ApiKeyForm
    list_display = ("name", "prefix", "user", "scopes", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """The digest is of no use to anybody."""
        asked = ("user", "name", "scopes", "rate_per_minute")
        return (*asked, "prefix", "created_at", "last_used_at", "revoked_at") if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Only the name and the limit change."""
        return ("user", "scopes", "prefix", "created_at", "last_used_at", "revoked_at") if obj else ()

    def make(self, request: HttpRequest, obj: ApiKey) -> str:
        """Issue the key through the service, which records it."""
        key, secret = access.issue_key(user=obj.user, name=obj.name, scopes=obj.scopes, acting_user=actor(request))
        if obj.rate_per_minute is not None:
            before = snapshot(key)
            key.rate_per_minute = obj.rate_per_minute
            key.save(update_fields=["rate_per_minute"])
            self.record(request, key, "changed", before, snapshot(key))
        obj.pk, obj.prefix = key.pk, key.prefix
        return secret

    @admin.action(description="Revoke the selected keys", permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Make the keys worthless from now on."""
        for key in queryset:
            access.revoke_key(key=key, acting_user=actor(request))
        self.message_user(request, "Revoked: these keys open nothing any more.", messages.SUCCESS)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ManagedAdmin):
    """Where the platform hears of decisions: looked at; changed on the console's own pages."""

    fields = readonly_fields = ("url", "is_active", "concurrency", "failures", "open_until", "gone_at", "created_at")
    list_display = ("url", "is_active", "concurrency", "failures", "created_at")


@admin.register(ModelVersion)
class ModelVersionAdmin(ManagedAdmin):
    """Model versions: looked at, promoted, rolled back; made by training alone."""

    list_display = ("__str__", "status", "note", "parent", "created_at", "promoted_at")
    list_select_related = ("parent",)
    list_filter = ("status",)
    actions = ["promote", "roll_back"]

    @admin.action(description="Promote the selected version", permissions=["manage"])
    def promote(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Make the one selected version the champion."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, "Select the one version to promote.", messages.ERROR)
            return
        try:
            version = training.promote(version=chosen[0], acting_user=actor(request))
        except ModerationError as error:
            tell(self, request, error)
        else:
            self.message_user(request, f"Model {version} is the champion now; open cases are being scored anew.")

    @admin.action(description="Roll back the selected champion to the one before", permissions=["manage"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Go back from the selected champion."""
        if [version.status for version in queryset[:2]] != ["champion"]:
            self.message_user(request, "Select the present champion to roll back from it.", messages.ERROR)
            return
        try:
            version = training.roll_back(acting_user=actor(request))
        except ModerationError as error:
            tell(self, request, error)
        else:
            self.message_user(request, f"Model {version} is the champion again; open cases are being scored anew.")


@admin.register(Bank)
class BankAdmin(ManagedAdmin):
    """Lists of what is known to be bad: looked at; changed on the console's own pages."""

    list_display = ("name", "slug", "kind", "policy", "is_active")
    list_select_related = ("policy",)


@admin.register(BankEntry)
class BankEntryAdmin(ManagedAdmin):
    """Entries of banks: looked at; changed on the console's own pages."""

    list_display = ("value", "bank", "owner", "created_at", "expires_at", "removed_at")
    list_select_related = ("bank", "owner")
    list_filter = ("bank",)


@admin.register(AuditEvent)
class AuditEventAdmin(ManagedAdmin):
    """Who did what."""

    list_display = ("pk", "created_at", "kind", "actor", "content_id", "case_id", "data")
    list_select_related = ("actor",)
    list_filter = ("kind",)
    search_fields = ("=content_id", "=case_id", "=actor__username")
    search_help_text = "The number of a content or case, or a user name."
    ordering = ("-pk",)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ManagedAdmin):
    """Effects on their way out: looked at; dead letters are replayed on the console's own pages."""

    list_display = ("key", "topic", "content", "sequence", "state", "attempts", "not_before", "settled_at")
    list_select_related = ("content",)
    list_filter = ("state", "topic")
    ordering = ("-pk",)
