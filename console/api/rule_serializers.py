"""What requests and answers about routing rules and their backtests look like."""

from typing import Any

from rest_framework import serializers

from console.api.fields import StrictBoolean, StrictInteger, StrictSerializer, Text
from moderation.enums import ActionKind, BacktestState, RuleState
from moderation.services.rules import BOOST_LIMIT, NAME_LENGTH, Draft


class Number(serializers.FloatField):
    """A JSON number, no text that looks like one."""

    def to_internal_value(self, data: Any) -> float:
        """The number as sent."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("This must be a number.")
        return super().to_internal_value(data)


class ConditionField(serializers.JSONField):
    """A condition; what is wrong in it is told by the service, with a pointer into it."""


class RuleRequestSerializer(StrictSerializer):
    """``POST /rules``: what a draft asks and what follows. Queue and policy by slug."""

    name = Text(max_length=NAME_LENGTH)
    condition = ConditionField()
    queue = Text(max_length=40)
    opens_cases = StrictBoolean(default=False)
    priority_boost = Number(default=0.0, min_value=-BOOST_LIMIT, max_value=BOOST_LIMIT)
    holds_for_senior = StrictBoolean(default=False)
    automates = Text(default=None, allow_null=True, max_length=40)
    automatic_actions = serializers.ListField(child=serializers.ChoiceField(choices=ActionKind.choices), default=list)
    audit_rate = Number(default=None, allow_null=True)

    def to_draft(self) -> Draft:
        """The validated body as the service takes it."""
        return Draft(**{name: value for name, value in self.validated_data.items() if name != "version"})


class RuleChangeSerializer(RuleRequestSerializer):
    """``PUT /rules/{id}``: a draft written anew, as it was at ``version``."""

    version = StrictInteger(min_value=1)


class RuleStateSerializer(StrictSerializer):
    """``POST /rules/{id}/state``."""

    state = serializers.ChoiceField(choices=[RuleState.SHADOW, RuleState.LIVE, RuleState.RETIRED])
    version = StrictInteger(min_value=1)


class RuleMoveSerializer(StrictSerializer):
    """``POST /rules/{id}/move``: to a place in the order, from 1."""

    position = StrictInteger(min_value=1)


class RuleVersionSerializer(StrictSerializer):
    """``DELETE /rules/{id}?version=``."""

    version = serializers.IntegerField(min_value=1)


class RecordSerializer(serializers.Serializer[Any]):
    """What a rule hit in the last 90 days; of that, what people judged, and upheld as a violation."""

    hits = serializers.IntegerField()
    judged = serializers.IntegerField()
    upheld = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)


class FindingSerializer(serializers.Serializer[Any]):
    """What the form of two rules shows to be wrong."""

    kind = serializers.ChoiceField(choices=["unreachable", "contradiction", "repetition"])
    other_rule = serializers.IntegerField()
    sentence = serializers.CharField()


class RuleSerializer(serializers.Serializer[Any]):
    """A rule."""

    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=RuleState.choices)
    version = serializers.IntegerField()
    condition = ConditionField()
    words = serializers.CharField(help_text="The condition in words.")
    queue = serializers.CharField()
    opens_cases = serializers.BooleanField()
    priority_boost = serializers.FloatField()
    holds_for_senior = serializers.BooleanField()
    automates = serializers.CharField(allow_null=True)
    automatic_actions = serializers.ListField(child=serializers.CharField())
    audit_rate = serializers.FloatField(allow_null=True)
    replaces = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    record = RecordSerializer()
    findings = FindingSerializer(many=True)


class BacktestRequestSerializer(StrictSerializer):
    """``POST /rules/{id}/backtests``."""

    days = StrictInteger(min_value=1, default=30)


class BacktestSerializer(serializers.Serializer[Any]):
    """A backtest with its counts so far.

    ``moves`` holds how many contents would have gone from one queue to another; ``overlaps`` how many each other live
    rule matches too, with another outcome. ``examples`` holds the platform's content ids by kind of change.
    """

    id = serializers.IntegerField()
    rule = serializers.IntegerField()
    rule_version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=BacktestState.choices)
    days = serializers.IntegerField()
    available = serializers.IntegerField()
    total = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    moves = serializers.ListField(child=serializers.DictField())
    overlaps = serializers.ListField(child=serializers.DictField())
    examples = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class OperatorSerializer(serializers.Serializer[Any]):
    """Something that can be asked of a fact; ``takes`` names the sort of its value."""

    name = serializers.CharField()
    takes = serializers.ChoiceField(choices=["", "number", "scalar", "scalars", "names", "pattern"])


class FactSerializer(serializers.Serializer[Any]):
    """A fact that conditions may ask about; ``of`` names what it is asked of."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    of = serializers.ChoiceField(choices=["", "policy", "attribute"])
    names = serializers.CharField(help_text="What its values are names of.")
    operators = OperatorSerializer(many=True)
