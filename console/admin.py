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
from moderation.enums import BankKind, OutboxState, Role, Scope
from moderation.errors import InvalidInput, ModerationError
from moderation.learning import grouping
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
from moderation.services import access, delivery, routing, training, webhook_client

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
            routing.reorder(obj)


@admin.register(RoutingRule)
class RoutingRuleAdmin(ManagedAdmin):
    """What goes where; the first rule that matches wins."""

    addable = changeable = deletable = True
    list_display = ("position", "name", "policy", "minimum_score", "source", "minimum_reports", "queue", "is_active")
    list_display_links = ("name",)
    list_select_related = ("policy", "queue")


class PersonForm(UserChangeForm):  # type: ignore[type-arg]
    """A person's account, never without an administrator left."""

    class Meta:
        model = User
        fields = ("username", "password", "first_name", "last_name", "email", "role", "is_active")

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
        ("May do", {"fields": ("role", "is_active")}),
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


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where to send, checked as it is at every sending."""

    url = forms.URLField(max_length=500, assume_scheme="https")

    class Meta:
        model = WebhookEndpoint
        fields = ("url", "is_active")

    def clean_url(self) -> str:
        """Refuse an address that delivery would refuse."""
        url: str = self.cleaned_data["url"]
        try:
            webhook_client.resolve(url)
        except InvalidInput as error:
            raise forms.ValidationError(error.detail) from error
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ShownOnceAdmin):
    """Where the platform hears of decisions."""

    addable = changeable = True
    redacted = frozenset({"secret"})
    form = WebhookForm
    list_display = ("url", "is_active", "created_at")

    def make(self, request: HttpRequest, obj: WebhookEndpoint) -> str:
        """Save the endpoint with a fresh signing secret."""
        obj.secret = webhook_client.new_secret()
        obj.save()
        self.record(request, obj, "added", {}, snapshot(obj))
        return obj.secret


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
    """Lists of what is known to be bad."""

    addable = changeable = True
    list_display = ("name", "slug", "kind", "policy", "is_active")
    list_select_related = ("policy",)

    def get_readonly_fields(self, request: HttpRequest, obj: Bank | None = None) -> tuple[str, ...]:
        """Entries are kept in the form their bank's kind is matched in, so the kind stays."""
        return ("slug", "kind") if obj else ()


class BankEntryForm(forms.ModelForm):  # type: ignore[type-arg]
    """One known-bad text or domain, brought into the form it is matched in."""

    class Meta:
        model = BankEntry
        fields = ("bank", "value", "expires_at")

    def clean(self) -> dict[str, Any]:
        """Normalise the value as its bank's kind wants it."""
        values: dict[str, Any] = super().clean() or {}
        bank, value = cleaned(self, "bank"), cleaned(self, "value")
        if bank is not None and value is not None:
            values["value"] = _matched_form(bank, value)
        return values


@admin.register(BankEntry)
class BankEntryAdmin(ManagedAdmin):
    """Entries of banks: added, given an end, deleted. The audit trail keeps no text of theirs."""

    addable = changeable = deletable = True
    redacted = frozenset({"value"})
    form = BankEntryForm
    list_display = ("value", "bank", "added_by", "created_at", "expires_at")
    list_select_related = ("bank", "added_by")
    list_filter = ("bank",)
    search_fields = ("value",)

    def get_readonly_fields(self, request: HttpRequest, obj: BankEntry | None = None) -> tuple[str, ...]:
        """An entry is replaced by another, not rewritten."""
        return ("bank", "value") if obj else ()

    def save_model(self, request: HttpRequest, obj: BankEntry, form: Any, change: bool) -> None:
        """Note who added it."""
        if not change:
            obj.added_by = actor(request)
        super().save_model(request, obj, form, change)


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
    """Effects on their way out, and the dead letters among them."""

    list_display = ("key", "topic", "content", "sequence", "state", "attempts", "next_attempt_at", "last_error")
    list_select_related = ("content",)
    list_filter = ("state", "topic")
    ordering = ("-pk",)
    actions = ["replay"]

    @admin.action(description="Replay the selected dead letters", permissions=["manage"])
    def replay(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Queue each dead letter again, or cancel it if it was superseded."""
        queued = cancelled = 0
        # First in, first out, also when replayed.
        for message in queryset.order_by("content", "sequence"):
            try:
                state = delivery.replay(message=message, acting_user=actor(request)).state
            except ModerationError as error:
                tell(self, request, error)
            else:
                queued += state == OutboxState.PENDING
                cancelled += state == OutboxState.CANCELLED
        self.message_user(request, f"{queued} queued again, {cancelled} cancelled because they were superseded.")


def _matched_form(bank: Bank, value: str) -> str:
    """A text as the frozen normaliser writes it; a domain in lower case without what stands around it.

    Raises ``forms.ValidationError`` if nothing is left to match.
    """
    if bank.kind == BankKind.TEXT:
        matched = grouping.normalised(value)[:2000]
    else:
        matched = value.strip().lower().removeprefix("www.").rstrip(".")
        if "." not in matched or any(character in matched for character in "/:@ "):
            raise forms.ValidationError({"value": "A domain is a name such as scam.example, without path or scheme."})
    if not matched:
        raise forms.ValidationError({"value": "Nothing is left of this text to match."})
    return matched
