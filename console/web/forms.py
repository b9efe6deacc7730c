"""What people send from the pages, parsed strictly."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from moderation.enums import ActionKind, BatchMode, SkipReason, Verdict
from moderation.models import Policy
from moderation.services.decisions import Opinion

RATIONALE_LENGTH = 2000


class LoginForm(AuthenticationForm):
    """Name and password, with the hints password managers look for."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This name and password do not match. Passwords are case-sensitive.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.update({"autocomplete": "username", "autofocus": True})
        self.fields["password"].widget.attrs.update({"autocomplete": "current-password"})


class CalibrationForm(forms.Form):
    """The precision an automation threshold must keep."""

    precision = forms.FloatField(min_value=0.5, max_value=0.999)


class OpinionForm(forms.Form):
    """A verdict with policies, actions and the words beside it."""

    verdict = forms.ChoiceField(choices=Verdict.choices)
    policies = forms.MultipleChoiceField(required=False)
    actions = forms.MultipleChoiceField(choices=ActionKind.choices, required=False)
    rationale = forms.CharField(max_length=RATIONALE_LENGTH, required=False, strip=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        policies = Policy.objects.filter(is_active=True).values_list("slug", "name")
        self.fields["policies"].choices = list(policies)  # type: ignore[attr-defined]
        missing = "Choose a verdict first: a policy it violates, or no violation."
        self.fields["verdict"].error_messages["required"] = missing

    def opinion(self) -> Opinion:
        """The opinion the form holds; call on a valid form."""
        data = self.cleaned_data
        return Opinion(data["verdict"], data["policies"], data["actions"], data["rationale"])

    def typed(self) -> dict[str, Any]:
        """What the person entered, valid or not, to show it again."""
        data = self.data
        many = data.getlist if hasattr(data, "getlist") else data.get
        return {
            "verdict": data.get("verdict", ""),
            "policies": many("policies") or [],
            "actions": many("actions") or [],
            "rationale": data.get("rationale", ""),
        }


class ScoreRangeForm(forms.Form):
    """A policy's scores in a range, in one queue or all."""

    policy = forms.CharField(required=False, max_length=40)
    queue = forms.CharField(required=False, max_length=40)
    score_from = forms.FloatField(required=False, min_value=0, max_value=1)
    score_to = forms.FloatField(required=False, min_value=0, max_value=1)

    def range(self) -> tuple[float, float]:
        """The range, its ends in order; by default the highest tenth."""
        low, high = self.cleaned_data["score_from"], self.cleaned_data["score_to"]
        ends = sorted((0.9 if low is None else low, 1.0 if high is None else high))
        return ends[0], ends[1]


class BatchForm(OpinionForm, ScoreRangeForm):
    """An opinion on all that a page showed of a range, a campaign, an account or a choice, less what was pulled out."""

    mode = forms.ChoiceField(choices=BatchMode.choices)
    group = forms.IntegerField(required=False, min_value=1)
    account = forms.IntegerField(required=False, min_value=1)
    newest = forms.IntegerField(required=False, min_value=0)
    follows = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        """Each mode names what it is about."""
        values: dict[str, Any] = super().clean() or {}
        needed = {BatchMode.SCORE: "policy", BatchMode.CAMPAIGN: "group", BatchMode.ACCOUNT: "account"}
        mode = values.get("mode")
        if (mode in needed and not values.get(needed[BatchMode(mode)])) or (
            mode == BatchMode.PICKED and not self.keys("picked")
        ):
            raise forms.ValidationError("The form does not say which cases it is about; load the page again.")
        return values

    def keys(self, name: str) -> set[int]:
        """The case keys sent under a name; what is none is passed over."""
        return keys_of(self.data.getlist(name))  # type: ignore[attr-defined]


def keys_of(sent: Iterable[str]) -> set[int]:
    """The keys among what was sent; what is none is passed over."""
    return {int(key) for key in sent if key.isascii() and key.isdigit() and len(key) < 19}


class DecisionForm(OpinionForm):
    """An opinion on a leased case: names the lease, the version and the evidence it was formed on."""

    lease_token = forms.IntegerField(min_value=1)
    version = forms.IntegerField(min_value=1)
    evidence_id = forms.IntegerField(min_value=1)


class LeaseForm(forms.Form):
    """The token of the lease one acts under."""

    lease_token = forms.IntegerField(min_value=1)


class EscalationForm(LeaseForm):
    """What the one above should know; it is what was written as the rationale."""

    rationale = forms.CharField(max_length=RATIONALE_LENGTH, required=False, strip=True)


class SendBackForm(forms.Form):
    """Why a held decision is sent back."""

    note = forms.CharField(max_length=RATIONALE_LENGTH, required=True, strip=True)


class SkipForm(LeaseForm):
    """Why a case is passed over."""

    reason = forms.ChoiceField(choices=SkipReason.choices)
