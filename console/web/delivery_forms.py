"""What administrators send about webhooks and deliveries."""

from django import forms

from moderation.enums import DeliveryState, OutboxTopic
from moderation.errors import InvalidInput
from moderation.selectors.deliveries import DeliveryFilter
from moderation.services.endpoints import CONCURRENCY_LIMIT


class NewEndpointForm(forms.Form):
    """Where to send, and how much at a time."""

    url = forms.CharField(max_length=500, label="Address")
    concurrency = forms.IntegerField(
        min_value=1, max_value=CONCURRENCY_LIMIT, initial=4, label="Deliveries at a time, at most"
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["url"].widget.attrs.update(
            {"placeholder": "https://platform.example/hooks", "inputmode": "url", "autocomplete": "off"}
        )

    def refuse(self, error: InvalidInput) -> None:
        """Show what the service refused beside the field it names."""
        field = (error.pointer or "").strip("/")
        self.add_error(field if field in self.fields else None, error.detail)


class ChangeEndpointForm(NewEndpointForm):
    """The same of an endpoint there is."""


class DeliveryFilterForm(forms.Form):
    """Which deliveries are meant; a value nobody knows does not restrict."""

    state = forms.ChoiceField(choices=DeliveryState.choices, required=False)
    endpoint = forms.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    topic = forms.ChoiceField(choices=OutboxTopic.choices, required=False)

    def to_filter(self) -> DeliveryFilter:
        """The filter of what is valid."""
        self.full_clean()
        data = self.cleaned_data
        return DeliveryFilter(data.get("state", ""), data.get("endpoint"), data.get("topic", ""))
