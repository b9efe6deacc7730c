"""What requests and answers about many cases look like, and rows in that shape."""

from typing import Any

from rest_framework import serializers

from console.api.fields import Identifier, StrictBoolean, StrictInteger, Text
from console.api.serializers import OpinionSerializer, PriorityReasonSerializer
from moderation.enums import BatchCaseState, BatchMode
from moderation.errors import NotFound
from moderation.models import Account, Batch, Queue, Review
from moderation.selectors import batches
from moderation.selectors.campaigns import Campaign, Member
from moderation.services import priority
from moderation.services.batches import LARGEST, MOST_PICKED, Scope

_TEXT_SHOWN = 2_000


class BatchRequestSerializer(OpinionSerializer):
    """``POST /batches``: what it is about by its mode, the opinion, and what is pulled out."""

    mode = serializers.ChoiceField(choices=BatchMode.choices)
    policy = Text(required=False, max_length=40)
    score_from = serializers.FloatField(required=False, min_value=0, max_value=1)
    score_to = serializers.FloatField(required=False, min_value=0, max_value=1)
    queue = Text(required=False, max_length=40)
    campaign = StrictInteger(required=False)
    account = Identifier(required=False)
    cases = serializers.ListField(child=StrictInteger(), required=False, max_length=MOST_PICKED)
    newest = StrictInteger(
        required=False, help_text="The last review that counts: later ones came in since you looked."
    )
    exceptions = serializers.ListField(child=StrictInteger(), required=False, max_length=LARGEST)
    sampled = serializers.ListField(child=StrictInteger(), required=False, max_length=1_000)
    follows = StrictBoolean(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Each mode names what it is about."""
        wanted = {
            BatchMode.SCORE: ("policy", "score_from", "score_to"),
            BatchMode.CAMPAIGN: ("campaign",),
            BatchMode.ACCOUNT: ("account",),
            BatchMode.PICKED: ("cases",),
        }[attrs["mode"]]
        missing = {name: ["This mode needs it."] for name in wanted if name not in attrs}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs

    def to_scope(self) -> Scope:
        """What the batch is about. Raises ``NotFound`` for a queue or account there is not."""
        data = self.validated_data
        return Scope(
            mode=BatchMode(data["mode"]),
            policy=data.get("policy", ""),
            low=data.get("score_from", 0.0),
            high=data.get("score_to", 1.0),
            queue=queue_named(data["queue"]) if "queue" in data else None,
            group_id=data.get("campaign"),
            account=account_named(data["account"]) if "account" in data else None,
            newest=data.get("newest"),
            picked=frozenset(data.get("cases", ())),
        )


class ProgressSerializer(serializers.Serializer[Any]):
    """How many cases came to what."""

    total = serializers.IntegerField()
    pending = serializers.IntegerField()
    decided = serializers.IntegerField()
    left_out = serializers.IntegerField()
    undone = serializers.IntegerField()
    kept = serializers.IntegerField()


class BatchSerializer(serializers.Serializer[Any]):
    """A batch and how far it is."""

    id = serializers.IntegerField()
    mode = serializers.CharField()
    state = serializers.CharField()
    policy = serializers.CharField()
    score_from = serializers.FloatField(allow_null=True)
    score_to = serializers.FloatField(allow_null=True)
    queue = serializers.CharField(allow_null=True)
    campaign = serializers.IntegerField(allow_null=True)
    account = serializers.CharField(allow_null=True)
    verdict = serializers.CharField()
    policies = serializers.ListField(child=serializers.CharField())
    actions = serializers.ListField(child=serializers.CharField())
    follows = serializers.BooleanField()
    sampled = serializers.IntegerField()
    made_by = serializers.CharField()
    undone_by = serializers.CharField(allow_null=True)
    progress = ProgressSerializer()
    left_out = serializers.ListField(child=serializers.DictField())
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class BinSerializer(serializers.Serializer[Any]):
    """Scores in [from, to), and how many cases have one."""

    start = serializers.FloatField()
    end = serializers.FloatField()
    count = serializers.IntegerField()


class HistogramSerializer(serializers.Serializer[Any]):
    """How the scores of a policy lie among what waits."""

    policy = serializers.CharField()
    bins = BinSerializer(many=True)


class WaitingSerializer(serializers.Serializer[Any]):
    """A case that a batch would decide."""

    case_id = serializers.IntegerField()
    review_id = serializers.IntegerField()
    queue = serializers.CharField()
    content_id = serializers.CharField(allow_null=True)
    author = serializers.CharField(allow_null=True)
    policy = serializers.CharField()
    score = serializers.FloatField(allow_null=True)
    likeness = serializers.FloatField(required=False)
    text = serializers.CharField()
    priority_reasons = PriorityReasonSerializer(many=True)


class SampleSerializer(serializers.Serializer[Any]):
    """Some of a range by chance, with how many there are; ``newest`` keeps a batch to those."""

    count = serializers.IntegerField()
    newest = serializers.IntegerField(allow_null=True)
    cases = WaitingSerializer(many=True)


class CampaignSerializer(serializers.Serializer[Any]):
    """Near-duplicates that wait together."""

    id = serializers.IntegerField()
    waiting = serializers.IntegerField()
    authors = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    example = serializers.CharField(allow_null=True)
    decided_by_batch = serializers.IntegerField(allow_null=True)


class CampaignDetailSerializer(CampaignSerializer):
    """A campaign with its members, the least like the example first."""

    newest = serializers.IntegerField(allow_null=True)
    cases = WaitingSerializer(many=True)


class SweepSerializer(SampleSerializer):
    """Everything open by one account; ``elsewhere`` are cases that someone holds or that are looked at with care."""

    account = serializers.CharField()
    elsewhere = serializers.ListField(child=serializers.IntegerField())


class ReservationSerializer(serializers.Serializer[Any]):
    """That the next case is kept for its holder; nothing of what it is."""

    expires_at = serializers.DateTimeField()


def queue_named(slug: str) -> Queue:
    """The active queue. Raises ``NotFound``."""
    queue = Queue.objects.filter(slug=slug.replace("\0", ""), is_active=True).first()
    if queue is None:
        raise NotFound("There is no such queue.")
    return queue


def account_named(external_id: str) -> Account:
    """The platform's account. Raises ``NotFound``."""
    account = Account.objects.filter(external_id=external_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    return account


def batch(row: Batch) -> dict[str, Any]:
    """A batch and how far it is."""
    progress = batches.progress(row)
    return {
        "id": row.pk,
        "mode": row.mode,
        "state": row.state,
        "policy": row.policy,
        "score_from": row.score_from,
        "score_to": row.score_to,
        "queue": row.queue.slug if row.queue else None,
        "campaign": row.group_id,
        "account": row.account.external_id if row.account else None,
        "verdict": row.verdict,
        "policies": row.policies,
        "actions": row.actions,
        "follows": row.follows,
        "sampled": row.sample_count,
        "made_by": row.made_by.username,
        "undone_by": row.undone_by.username if row.undone_by else None,
        "progress": {
            "total": progress.total,
            **{state.value: getattr(progress, state.value) for state in BatchCaseState},
        },
        "left_out": [{"reason": words, "cases": count} for words, count in progress.reasons],
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


def waiting(review: Review) -> dict[str, Any]:
    """A case that a batch would decide."""
    case, content = review.case, review.case.content
    revision = content.current_revision
    return {
        "case_id": case.pk,
        "review_id": review.pk,
        "queue": review.queue.slug,
        "content_id": content.external_id,
        "author": content.author.external_id if content.author else None,
        "policy": review.policy,
        "score": review.score,
        "text": revision.text[:_TEXT_SHOWN] if revision else "",
        "priority_reasons": [*case.priority_parts, priority.waiting_part(case)],
    }


def member(row: Member) -> dict[str, Any]:
    """A case of a campaign, with how like the example it is."""
    return {**waiting(row.review), "likeness": round(row.likeness, 3)}


def campaign(row: Campaign) -> dict[str, Any]:
    """Near-duplicates that wait together."""
    return {
        "id": row.group_id,
        "waiting": row.waiting,
        "authors": row.authors,
        "since": row.since,
        "example": row.example.text[:_TEXT_SHOWN] if row.example else None,
        "decided_by_batch": row.decided.pk if row.decided else None,
    }
