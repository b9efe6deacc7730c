"""Fields that take exactly what the contract says, and nothing that merely resembles it."""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rfc3339_validator import validate_rfc3339

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """Validated values; raises ``ValidationError`` naming each unknown field."""
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields or self.fields[key].read_only]
            if unknown:
                raise serializers.ValidationError({key: ["This field is not known."] for key in unknown})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A JSON string (a number is none), its whitespace kept; ``max_length`` counts code points."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """The string as sent."""
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a string.")
        return super().to_internal_value(data)


class Identifier(Text):
    """The platform's own id: 1 to 200 code points, none of them a control character."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=200, **options)

    def to_internal_value(self, data: Any) -> str:
        """The id as sent."""
        value = super().to_internal_value(data)
        if any(unicodedata.category(character) == "Cc" for character in value):
            raise serializers.ValidationError("An id holds no control characters.")
        return value


class Timestamp(serializers.DateTimeField):
    """An RFC 3339 date-time with its offset."""

    def to_internal_value(self, data: Any) -> datetime:
        """The time in UTC."""
        if not isinstance(data, str) or not validate_rfc3339(data):
            raise serializers.ValidationError(
                "This must be an RFC 3339 time with an offset, e.g. 2026-01-31T12:00:00Z."
            )
        try:
            value = datetime.fromisoformat(data.upper())
            return value.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise serializers.ValidationError("This time is out of range.") from error


class Language(Text):
    """A BCP 47 language tag."""

    def to_internal_value(self, data: Any) -> str:
        """The tag as sent."""
        value = super().to_internal_value(data)
        if not _LANGUAGE.fullmatch(value):
            raise serializers.ValidationError("This must be a BCP 47 language tag, e.g. en or pt-BR.")
        return value


class StrictInteger(serializers.IntegerField):
    """A JSON integer that PostgreSQL's bigint holds."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("min_value", 0)
        super().__init__(max_value=2**63 - 1, **options)

    def to_internal_value(self, data: Any) -> int:
        """The number as sent."""
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("This must be an integer.")
        return super().to_internal_value(data)


class StrictBoolean(serializers.BooleanField):
    """true or false, no other words for them."""

    def to_internal_value(self, data: Any) -> bool:
        """The value as sent."""
        if not isinstance(data, bool):
            raise serializers.ValidationError("This must be true or false.")
        return data


class Attributes(serializers.JSONField):
    """A JSON object of the platform's own making, up to 16 KiB."""

    LIMIT = 16 * 1024

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object as sent."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("This must be an object.")
        if len(json.dumps(data)) > self.LIMIT:
            raise serializers.ValidationError(f"This is over {self.LIMIT} bytes as JSON.")
        return data
