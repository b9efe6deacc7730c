"""What requests and answers look like."""

from typing import Any

from rest_framework import serializers

from console.api.fields import (
    Attributes,
    Identifier,
    Language,
    StrictBoolean,
    StrictInteger,
    StrictSerializer,
    Text,
    Timestamp,
)
from moderation.enums import ActionKind, HoldReason, HoldState, ReportSource, SkipReason, Standing, Verdict
from moderation.services.decisions import Opinion
from moderation.services.intake import AccountInput, ContentInput, ReportInput

TEXT_LIMIT = 20_000
NOTE_LIMIT = 2_000
THREAD_LIMIT = 100


class ThreadMessageSerializer(StrictSerializer):
    """A message that stands before the content."""

    author = Identifier()
    text = Text(max_length=TEXT_LIMIT, allow_blank=True)
    created_at = Timestamp()


class ContentPartSerializer(StrictSerializer):
    """The content itself."""

    id = Identifier()
    type = Text(max_length=40)
    text = Text(max_length=TEXT_LIMIT, allow_blank=True)
    created_at = Timestamp()
    url = serializers.URLField(required=False, max_length=2000)
    language = Language(required=False, max_length=35)
    context = ThreadMessageSerializer(many=True, required=False, max_length=THREAD_LIMIT)  # type: ignore[assignment, call-arg]

    def validate_id(self, value: str) -> str:
        """What clients take for a step in a path cannot be addressed."""
        if value in {".", ".."}:
            raise serializers.ValidationError("An id of dots alone cannot be addressed.")
        return value


class AuthorSerializer(StrictSerializer):
    """Who wrote it."""

    id = Identifier()
    created_at = Timestamp(required=False)
    attributes = Attributes(required=False)


class ReporterSerializer(StrictSerializer):
    """Who complained."""

    id = Identifier()


class ContentSerializer(StrictSerializer):
    """``POST /content``."""

    content = ContentPartSerializer()
    author = AuthorSerializer()

    def to_input(self) -> tuple[ContentInput, AccountInput]:
        """The validated body as the intake service takes it."""
        return _content(self.validated_data["content"]), _account(self.validated_data["author"])


class ReportSerializer(ContentSerializer):
    """``POST /reports``."""

    reporter = ReporterSerializer(required=False)
    source = serializers.ChoiceField(choices=ReportSource.choices)  # type: ignore[assignment]
    policy = Text(required=False, max_length=40)
    note = Text(required=False, allow_blank=True, max_length=NOTE_LIMIT)

    def to_report(self) -> ReportInput:
        """The validated body as the intake service takes it."""
        data = self.validated_data
        return ReportInput(
            content=_content(data["content"]),
            author=_account(data["author"]),
            source=data["source"],
            reporter_id=data["reporter"]["id"] if "reporter" in data else None,
            policy=data.get("policy"),
            note=data.get("note", ""),
        )


class ReportAnswerSerializer(serializers.Serializer[Any]):
    """What an accepted report is told."""

    report_id = serializers.IntegerField()
    content_id = serializers.CharField(allow_null=True)
    case_id = serializers.IntegerField(allow_null=True)
    status_url = serializers.CharField()


class ContentAnswerSerializer(serializers.Serializer[Any]):
    """What accepted content is told."""

    content_id = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField()
    status_url = serializers.CharField()


class ScoreRequestSerializer(StrictSerializer):
    """``POST /score``."""

    text = Text(max_length=TEXT_LIMIT, allow_blank=True)
    author = AuthorSerializer(required=False)
    explain = StrictBoolean(default=True)


class AttributionSerializer(serializers.Serializer[Any]):
    """What the code points [start, end) add to the logit."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    value = serializers.FloatField()


class ContextAttributionSerializer(serializers.Serializer[Any]):
    """What a context feature adds to the logit."""

    feature = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    contribution = serializers.FloatField()


class PolicyScoreSerializer(serializers.Serializer[Any]):
    """One policy's score; logit = base_value + absent + sum(attributions) + sum(context) to 1e-9."""

    policy = serializers.CharField()
    score = serializers.FloatField()
    logit = serializers.FloatField()
    threshold = serializers.FloatField()
    flagged = serializers.BooleanField()
    base_value = serializers.FloatField()
    absent = serializers.FloatField()
    attributions = AttributionSerializer(many=True, required=False)
    context_attributions = ContextAttributionSerializer(many=True, required=False)


class ScoreAnswerSerializer(serializers.Serializer[Any]):
    """The model's name and a row a policy."""

    model = serializers.CharField()
    policies = PolicyScoreSerializer(many=True)


class TokenSerializer(StrictSerializer):
    """The fencing token of the lease one holds."""

    lease_token = StrictInteger()


class SkipSerializer(TokenSerializer):
    """Why one passes a case over."""

    reason = serializers.ChoiceField(choices=SkipReason.choices, default=SkipReason.OTHER)


class SpanSerializer(StrictSerializer):
    """Code points [start, end) of the shown text."""

    start = StrictInteger()
    end = StrictInteger()


class OpinionSerializer(StrictSerializer):
    """A verdict with the policies, actions and reasons."""

    verdict = serializers.ChoiceField(choices=Verdict.choices)
    policies = serializers.ListField(child=Text(max_length=40), required=False, max_length=50)
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=ActionKind.choices), required=False, max_length=20
    )
    rationale = Text(required=False, allow_blank=True, max_length=NOTE_LIMIT)

    def to_opinion(self) -> Opinion:
        """The validated body as the decision service takes it."""
        return opinion_of(self.validated_data)


class DecisionRequestSerializer(OpinionSerializer, TokenSerializer):
    """``POST /cases/{id}/decision``."""

    version = StrictInteger()
    evidence_id = StrictInteger()
    spans = SpanSerializer(many=True, required=False, max_length=200)  # type: ignore[call-arg]


class AppealRequestSerializer(StrictSerializer):
    """``POST /decisions/{id}/appeals``."""

    statement = Text(max_length=NOTE_LIMIT)
    appellant = ReporterSerializer(required=False)


class ResolveSerializer(StrictSerializer):
    """``POST /appeals/{id}/resolve``: uphold, or overturn with another opinion."""

    outcome = serializers.ChoiceField(choices=[("uphold", "Uphold"), ("overturn", "Overturn")])
    opinion = OpinionSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """An overturn names the new opinion, an uphold does not."""
        if (attrs["outcome"] == "overturn") != ("opinion" in attrs):
            raise serializers.ValidationError({"opinion": ["Name a new opinion to overturn, and none to uphold."]})
        return attrs


class DecisionAnswerSerializer(serializers.Serializer[Any]):
    """A binding decision."""

    id = serializers.IntegerField()
    case_id = serializers.IntegerField()
    kind = serializers.CharField()
    verdict = serializers.CharField(allow_null=True)
    policies = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.IntegerField(allow_null=True)
    evidence_id = serializers.IntegerField(allow_null=True)
    undo_until = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class AppealAnswerSerializer(serializers.Serializer[Any]):
    """An appeal and what became of it."""

    id = serializers.IntegerField()
    decision_id = serializers.IntegerField()
    state = serializers.CharField()
    resolution_id = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class PracticeSerializer(serializers.Serializer[Any]):
    """What the last cases like this one all were."""

    verdict = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())
    count = serializers.IntegerField()


class GoldenFeedbackSerializer(serializers.Serializer[Any]):
    """Whether a golden case was judged rightly, and the policies it is known to violate."""

    correct = serializers.BooleanField()
    policies = serializers.ListField(child=serializers.CharField())


class JudgedAnswerSerializer(DecisionAnswerSerializer):
    """What became of a judgement; ``id`` and ``undo_until`` are null where it does not bind, ``standing`` says why."""

    id = serializers.IntegerField(allow_null=True)
    undo_until = serializers.DateTimeField(allow_null=True)
    standing = serializers.ChoiceField(choices=Standing.choices)
    against_practice = PracticeSerializer(allow_null=True)
    golden = GoldenFeedbackSerializer(allow_null=True)


class JudgementSerializer(serializers.Serializer[Any]):
    """What one reviewer concluded."""

    id = serializers.IntegerField()
    reviewer = serializers.CharField()
    verdict = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField())
    rationale = serializers.CharField()
    created_at = serializers.DateTimeField()


class HoldSerializer(serializers.Serializer[Any]):
    """A decision that needs a second person."""

    id = serializers.IntegerField()
    case_id = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=HoldReason.choices)
    state = serializers.ChoiceField(choices=HoldState.choices)
    judgement = JudgementSerializer()
    settled_by = serializers.CharField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class SendBackSerializer(StrictSerializer):
    """``POST /holds/{id}/reject``."""

    note = Text(max_length=NOTE_LIMIT)


class DisagreementSerializer(serializers.Serializer[Any]):
    """A case on which two reviewers disagree; ``barred``: the caller gave one, and sees that alone."""

    case_id = serializers.IntegerField()
    review_id = serializers.IntegerField()
    queue = serializers.CharField()
    judgements = JudgementSerializer(many=True)
    barred = serializers.BooleanField()


class PrecedentSerializer(serializers.Serializer[Any]):
    """A decided case like this one."""

    case_id = serializers.IntegerField()
    likeness = serializers.FloatField()
    verdict = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField())
    decided_at = serializers.DateTimeField()


class EscalationSerializer(TokenSerializer):
    """``POST /cases/{id}/escalate``."""

    note = Text(required=False, allow_blank=True, max_length=NOTE_LIMIT, default="")


class EscalationViewSerializer(serializers.Serializer[Any]):
    """How the case came to this queue."""

    by = serializers.CharField()
    from_queue = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class LeaseSerializer(serializers.Serializer[Any]):
    """Who holds the review, until when; the token is shown to its holder alone."""

    token = serializers.IntegerField(required=False)
    holder = serializers.CharField()
    expires_at = serializers.DateTimeField()


class CaseReportSerializer(serializers.Serializer[Any]):
    """A complaint."""

    id = serializers.IntegerField()
    reporter = serializers.CharField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    policy = serializers.CharField(allow_null=True)
    note = serializers.CharField()
    outcome = serializers.CharField()
    received_at = serializers.DateTimeField()


class ContentViewSerializer(serializers.Serializer[Any]):
    """A content as it stands."""

    id = serializers.CharField(allow_null=True)
    type = serializers.CharField()
    author = serializers.CharField(allow_null=True)
    text = serializers.CharField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True)
    url = serializers.CharField()
    language = serializers.CharField()
    context = serializers.JSONField()  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    scoring_state = serializers.CharField()
    case_id = serializers.IntegerField(allow_null=True)


class PriorityReasonSerializer(serializers.Serializer[Any]):
    """A named part of the priority."""

    name = serializers.CharField()
    points = serializers.FloatField()
    words = serializers.CharField()


class CaseSummarySerializer(serializers.Serializer[Any]):
    """A case in a list."""

    id = serializers.IntegerField()
    status = serializers.CharField()
    queue = serializers.CharField()
    priority = serializers.FloatField()
    priority_reasons = PriorityReasonSerializer(many=True)
    why_shown = serializers.CharField(allow_null=True)
    content_id = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()


class CaseSerializer(CaseSummarySerializer):
    """A case with all that a reviewer sees."""

    blind = serializers.BooleanField()
    content = ContentViewSerializer()
    reports = CaseReportSerializer(many=True)
    model = serializers.CharField(allow_null=True)
    predictions = PolicyScoreSerializer(many=True)
    decisions = DecisionAnswerSerializer(many=True)
    lease = LeaseSerializer(allow_null=True)


class ClaimedCaseSerializer(CaseSerializer):
    """A case one has just been given."""

    review_id = serializers.IntegerField()
    evidence_id = serializers.IntegerField()
    precedents = PrecedentSerializer(many=True)
    practice = PracticeSerializer(allow_null=True)
    judgements = JudgementSerializer(many=True)
    escalation = EscalationViewSerializer(allow_null=True)


def opinion_of(data: dict[str, Any]) -> Opinion:
    """A validated opinion as the decision service takes it."""
    return Opinion(
        verdict=data["verdict"],
        policies=data.get("policies", []),
        actions=data.get("actions", []),
        rationale=data.get("rationale", ""),
        spans=data.get("spans", []),
    )


def _content(data: dict[str, Any]) -> ContentInput:
    thread = [
        {
            "author": message["author"],
            "text": message["text"],
            "created_at": message["created_at"].isoformat(),
        }
        for message in data.get("context", [])
    ]
    return ContentInput(
        id=data["id"],
        type=data["type"],
        text=data["text"],
        created_at=data["created_at"],
        url=data.get("url", ""),
        language=data.get("language", ""),
        thread=thread,
    )


def _account(data: dict[str, Any]) -> AccountInput:
    return AccountInput(id=data["id"], created_at=data.get("created_at"), attributes=data.get("attributes", {}))
