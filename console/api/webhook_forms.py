"""What the calls on webhooks and deliveries take and answer."""

from typing import Any

from rest_framework import serializers

from console.api.fields import StrictBoolean, StrictInteger, StrictSerializer, Text, Timestamp
from moderation.enums import DeliveryState, OutboxTopic
from moderation.models import Delivery, DeliveryAttempt, WebhookEndpoint
from moderation.selectors.deliveries import DeliveryFilter

URL_LIMIT = 500


class AddWebhookSerializer(StrictSerializer):
    """``POST /webhooks``."""

    url = Text(max_length=URL_LIMIT)
    concurrency = StrictInteger(required=False, default=4)


class ChangeWebhookSerializer(StrictSerializer):
    """``PATCH /webhooks/{id}``."""

    url = Text(max_length=URL_LIMIT, required=False)
    concurrency = StrictInteger(required=False)
    is_active = StrictBoolean(required=False)


class DeliveryFilterSerializer(StrictSerializer):
    """Which deliveries are meant; what is left out does not restrict."""

    endpoint = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    topic = serializers.ChoiceField(choices=OutboxTopic.choices, required=False)
    since = Timestamp(required=False, help_text="Settled at this time or later.")
    until = Timestamp(required=False, help_text="Settled before this time.")

    def to_filter(self) -> DeliveryFilter:
        """The validated filter."""
        return DeliveryFilter(**self.validated_data)


class DeliveryQuerySerializer(DeliveryFilterSerializer):
    """The parameters of ``GET /deliveries``."""

    state = serializers.ChoiceField(choices=DeliveryState.choices, required=False)
    cursor = serializers.CharField(required=False)
    page_size = serializers.CharField(required=False)

    def to_filter(self) -> DeliveryFilter:
        """The validated filter; where one is on the list is the pages' business."""
        named = {name: value for name, value in self.validated_data.items() if name not in {"cursor", "page_size"}}
        return DeliveryFilter(**named)


class WebhookSerializer(serializers.Serializer[Any]):
    """An endpoint, without its secret."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    is_active = serializers.BooleanField()
    concurrency = serializers.IntegerField()
    failures = serializers.IntegerField(help_text="Attempts that failed in a row.")
    open_until = serializers.DateTimeField(allow_null=True, help_text="Nothing is sent before this time.")
    gone_at = serializers.DateTimeField(allow_null=True)
    previous_secret_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookSecretSerializer(WebhookSerializer):
    """An endpoint with its fresh secret, which is shown this once."""

    secret = serializers.CharField()


class AttemptSerializer(serializers.Serializer[Any]):
    """One POST and what came of it."""

    number = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    milliseconds = serializers.IntegerField()
    started_at = serializers.DateTimeField()


class DeliverySerializer(serializers.Serializer[Any]):
    """One effect on its way to one endpoint."""

    id = serializers.IntegerField()
    webhook_id = serializers.UUIDField(help_text="What the receiver gets as webhook-id.")
    endpoint = serializers.IntegerField()
    topic = serializers.ChoiceField(choices=OutboxTopic.choices)
    content_id = serializers.CharField()
    decision = serializers.IntegerField()
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    last_error = serializers.CharField()
    settled_at = serializers.DateTimeField(allow_null=True)


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with its log."""

    log = AttemptSerializer(many=True)


class ReplayedSerializer(serializers.Serializer[Any]):
    """What became of the dead letters a filter named."""

    queued = serializers.IntegerField()
    cancelled = serializers.IntegerField(help_text="Superseded since.")


def webhook(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint as the API shows it."""
    return dict(WebhookSerializer(endpoint).data)


def with_secret(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint and the secret that was just made."""
    return dict(WebhookSecretSerializer(endpoint).data)


def attempt(row: DeliveryAttempt) -> dict[str, Any]:
    """An attempt as the API shows it."""
    return dict(AttemptSerializer(row).data)


def delivery(row: Delivery) -> dict[str, Any]:
    """A delivery as the API shows it."""
    return {
        "id": row.pk,
        "webhook_id": row.message.key,
        "endpoint": row.endpoint_id,
        "topic": row.message.topic,
        "content_id": row.message.content.external_id,
        "decision": row.message.decision_id,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at if row.state == DeliveryState.PENDING else None,
        "expires_at": row.expires_at,
        "last_error": row.last_error,
        "settled_at": row.settled_at,
    }
