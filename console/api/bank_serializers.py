"""What requests and answers about banks look like."""

from typing import Any

from rest_framework import serializers

from console.api.fields import StrictBoolean, StrictInteger, StrictSerializer, Text, Timestamp
from moderation.enums import BankKind
from moderation.services.banks import NOTE_LENGTH, TEXT_LENGTH

MOST_DAYS = 365


class BankChangeSerializer(StrictSerializer):
    """``PUT /banks/{slug}``."""

    name = Text(max_length=80)
    policy = Text(max_length=40)
    is_active = StrictBoolean(default=True)


class BankRequestSerializer(StrictSerializer):
    """``POST /banks``."""

    slug = Text(max_length=40)
    name = Text(max_length=80)
    kind = serializers.ChoiceField(choices=BankKind.choices)
    policy = Text(max_length=40)


class BankSerializer(serializers.Serializer[Any]):
    """A bank; ``entries`` counts those in force."""

    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=BankKind.choices)
    policy = serializers.CharField()
    is_active = serializers.BooleanField()
    entries = serializers.IntegerField()


class EntryChangeSerializer(StrictSerializer):
    """``PUT /bank-entries/{id}``: what an entry matches stays."""

    expires_at = Timestamp(default=None, allow_null=True)
    note = Text(default="", allow_blank=True, max_length=NOTE_LENGTH)
    owner = Text(default=None, allow_null=True, max_length=150)


class EntryRequestSerializer(EntryChangeSerializer):
    """``POST /banks/{slug}/entries``; the caller owns it unless a user name is given."""

    value = Text(max_length=TEXT_LENGTH)


class EntrySerializer(serializers.Serializer[Any]):
    """An entry with what it has hit."""

    id = serializers.IntegerField()
    bank = serializers.CharField()
    value = serializers.CharField()
    note = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    hits = serializers.IntegerField()
    last_hit_at = serializers.DateTimeField(allow_null=True)


class PreviewRequestSerializer(StrictSerializer):
    """``POST /banks/{slug}/preview``."""

    value = Text(max_length=TEXT_LENGTH)
    days = StrictInteger(min_value=1, default=30)

    def validate_days(self, value: int) -> int:
        """A year at most."""
        if value > MOST_DAYS:
            raise serializers.ValidationError(f"A preview looks at 1 to {MOST_DAYS} days.")
        return value


class PreviewSerializer(serializers.Serializer[Any]):
    """What an entry would have caught, among the newest ``looked_at`` of ``available`` contents."""

    days = serializers.IntegerField()
    available = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    caught = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.CharField(), help_text="The platform's content ids.")
