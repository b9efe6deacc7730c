"""What people send from the pages of rules and banks, parsed strictly."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from moderation.enums import ActionKind, BankKind, RuleState
from moderation.errors import InvalidInput
from moderation.models import BankEntry, Policy, RoutingRule
from moderation.selectors import rules
from moderation.services.banks import NOTE_LENGTH, TEXT_LENGTH
from moderation.services.rules import BOOST_LIMIT, NAME_LENGTH, Draft


class RuleForm(forms.Form):
    """A rule's name and what follows it; its condition is edited beside it. The share of a sample is in per cent."""

    name = forms.CharField(max_length=NAME_LENGTH)
    queue = forms.ChoiceField()
    priority_boost = forms.FloatField(required=False, min_value=-BOOST_LIMIT, max_value=BOOST_LIMIT)
    holds_for_senior = forms.BooleanField(required=False)
    opens_cases = forms.BooleanField(required=False)
    audit_percent = forms.FloatField(required=False, min_value=0.01, max_value=100)
    automates = forms.ChoiceField(required=False)
    automatic_actions = forms.MultipleChoiceField(choices=ActionKind.choices, required=False)
    version = forms.IntegerField(required=False, min_value=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queues = [(queue.slug, queue.name) for queue in rules.open_queues()]
        policies = list(Policy.objects.filter(is_active=True).values_list("slug", "name"))
        self.fields["queue"].choices = queues  # type: ignore[attr-defined]
        self.fields["automates"].choices = [("", "Nothing"), *policies]  # type: ignore[attr-defined]

    @classmethod
    def of(cls, rule: RoutingRule) -> "RuleForm":
        """The rule as a form shows it."""
        rate = rule.audit_rate
        return cls(
            initial={
                "name": rule.name,
                "queue": rule.queue.slug,
                "priority_boost": rule.priority_boost,
                "holds_for_senior": rule.holds_for_senior,
                "opens_cases": rule.opens_cases,
                "audit_percent": rate * 100 if rate is not None else None,
                "automates": rule.automates.slug if rule.automates else "",
                "automatic_actions": rule.automatic_actions,
                "version": rule.version,
            }
        )

    def to_draft(self, condition: Mapping[str, Any]) -> Draft:
        """The draft the form holds; call on a valid form."""
        data = self.cleaned_data
        percent = data["audit_percent"]
        return Draft(
            name=data["name"],
            condition=condition,
            queue=data["queue"],
            opens_cases=data["opens_cases"],
            priority_boost=data["priority_boost"] or 0.0,
            holds_for_senior=data["holds_for_senior"],
            automates=data["automates"] or None,
            automatic_actions=data["automatic_actions"],
            audit_rate=percent / 100 if percent is not None else None,
        )

    def refuse(self, error: InvalidInput) -> None:
        """Show what the service refused beside its field."""
        name = (error.pointer or "").split("/")[1] if error.pointer else ""
        name = {"audit_rate": "audit_percent"}.get(name, name)
        self.add_error(name if name in self.fields else None, error.detail)


class RuleStepForm(forms.Form):
    """Into another state, from the version that was shown."""

    state = forms.ChoiceField(choices=[(state, state) for state in RuleState.values])
    version = forms.IntegerField(min_value=1)


class VersionForm(forms.Form):
    """The version that was shown."""

    version = forms.IntegerField(min_value=1)


class MoveForm(forms.Form):
    """To another place, from the one it was shown at."""

    to = forms.IntegerField()
    seen_at = forms.IntegerField()


class DaysForm(forms.Form):
    """How far back to look."""

    days = forms.IntegerField(min_value=1, max_value=365)


class BankForm(forms.Form):
    """A new bank."""

    name = forms.CharField(max_length=80)
    slug = forms.SlugField(max_length=40)
    kind = forms.ChoiceField(choices=BankKind.choices)
    policy = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policies = list(Policy.objects.filter(is_active=True).values_list("slug", "name"))
        self.fields["policy"].choices = policies  # type: ignore[attr-defined]

    def refuse(self, error: InvalidInput) -> None:
        """Show what the service refused beside its field."""
        name = (error.pointer or "/").split("/")[1]
        self.add_error(name if name in self.fields else None, error.detail)


class BankChangeForm(BankForm):
    """A bank's name, policy, and whether it is in use."""

    slug = None  # type: ignore[assignment]
    kind = None  # type: ignore[assignment]
    is_active = forms.BooleanField(required=False)


class EntryChangeForm(forms.Form):
    """An entry's last day, its note and who answers for it."""

    last_day = forms.DateField(required=False)
    note = forms.CharField(max_length=NOTE_LENGTH, required=False)
    owner = forms.CharField(max_length=150, required=False)

    @classmethod
    def of(cls, entry: BankEntry) -> "EntryChangeForm":
        """The entry as a form shows it."""
        ends = entry.expires_at
        return cls(
            initial={
                "last_day": (ends - timedelta(seconds=1)).date() if ends else None,
                "note": entry.note,
                "owner": entry.owner.username if entry.owner else "",
            }
        )

    def values(self) -> dict[str, Any]:
        """The entry's end (that of the last day, UTC), note and owner as the service takes them."""
        day = self.cleaned_data["last_day"]
        return {
            "expires_at": datetime.combine(day + timedelta(days=1), time(), UTC) if day else None,
            "note": self.cleaned_data["note"],
            "owner": self.cleaned_data["owner"] or None,
        }

    def refuse(self, error: InvalidInput) -> None:
        """Show what the service refused beside its field."""
        name = (error.pointer or "/").split("/")[1]
        name = {"expires_at": "last_day"}.get(name, name)
        self.add_error(name if name in self.fields else None, error.detail)


class EntryForm(EntryChangeForm):
    """A new entry, and how far back its preview looks."""

    value = forms.CharField(max_length=TEXT_LENGTH, strip=False)
    days = forms.IntegerField(min_value=1, max_value=365, initial=30, required=False)
