"""The administration of quality: golden items, plans of queues, protected accounts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from console.admin_base import ManagedAdmin, actor, cleaned, snapshot
from moderation.errors import ModerationError
from moderation.models import Account, Content, GoldenItem, Policy, ProtectedAccount, QualityPlan
from moderation.services import golden


class GoldenForm(forms.ModelForm):  # type: ignore[type-arg]
    """The content by the platform's id, and which policies its wording violates."""

    content = forms.CharField(max_length=200, help_text="The platform’s id of the content; its present wording counts.")
    violated = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What is known to be violated; nothing checked: no violation.",
    )

    class Meta:
        model = GoldenItem
        fields = ("is_active",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        active = Policy.objects.filter(is_active=True).values_list("slug", "name")
        self.fields["violated"].choices = list(active)  # type: ignore[attr-defined]
        if self.instance.pk:
            self.fields["content"].initial = self.instance.revision.content.external_id
            self.fields["content"].disabled = True
            self.fields["violated"].initial = self.instance.known

    def clean_content(self) -> Content:
        """The content of this id."""
        found = Content.objects.select_related("current_revision").filter(external_id=self.cleaned_data["content"])
        content = found.first()
        if content is None:
            raise forms.ValidationError("There is no content with this id.")
        return content

    def clean(self) -> dict[str, Any]:
        """Refuse what the service would, beside its field."""
        values: dict[str, Any] = super().clean() or {}
        content = cleaned(self, "content")
        if content is not None:
            try:
                golden.check_item(content, item=self.instance if self.instance.pk else None)
            except ModerationError as error:
                raise forms.ValidationError({"content": error.detail}) from error
        return values


@admin.register(GoldenItem)
class GoldenItemAdmin(ManagedAdmin):
    """Contents whose truth is known. One that is no longer wanted is switched off: what was answered stays."""

    addable = changeable = True
    form = GoldenForm
    list_display = ("pk", "revision", "violated", "is_active", "created_at")
    list_select_related = ("revision__content",)
    list_filter = ("is_active",)

    @admin.display(description="Known to violate")
    def violated(self, obj: GoldenItem) -> str:
        """The policies, or that there is none."""
        return ", ".join(obj.known) or "nothing"

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: GoldenItem, form: Any, change: bool) -> None:
        """Save through the service, and record what changed."""
        before = self._before(obj) if change else {}
        data = form.cleaned_data
        golden.save_item(
            content=data["content"],
            violated=data["violated"],
            is_active=data["is_active"],
            acting_user=actor(request),
            item=obj,
        )
        self.record(request, obj, "changed" if change else "added", before, snapshot(obj))


@admin.register(QualityPlan)
class QualityPlanAdmin(ManagedAdmin):
    """How the judgements in a queue are checked."""

    addable = changeable = deletable = True
    list_display = ("queue", "golden_rate", "double_rate", "blind_rate", "hold_from_severity")
    list_select_related = ("queue",)


class ProtectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """The account by the platform's id."""

    account = forms.CharField(max_length=200, help_text="The platform’s id of the account.")

    class Meta:
        model = ProtectedAccount
        fields = ("account", "reason")

    def clean_account(self) -> Account:
        """The account of this id."""
        account = Account.objects.filter(external_id=self.cleaned_data["account"]).first()
        if account is None:
            raise forms.ValidationError("There is no account with this id.")
        if ProtectedAccount.objects.filter(account=account).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("This account is protected already.")
        return account


@admin.register(ProtectedAccount)
class ProtectedAccountAdmin(ManagedAdmin):
    """Accounts against which nobody acts alone."""

    addable = deletable = True
    redacted = frozenset({"reason"})
    form = ProtectionForm
    list_display = ("account", "reason", "created_at")
    list_select_related = ("account",)
