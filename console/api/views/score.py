"""Scoring a text on the spot."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.endpoint import Endpoint
from console.api.serializers import ScoreAnswerSerializer, ScoreRequestSerializer
from moderation.errors import BlindReview
from moderation.learning import context, likeness, scoring
from moderation.models import Account, User
from moderation.permissions import Permission
from moderation.selectors import blindness


class ScoreView(Endpoint):
    """The champion's opinion of a text; nothing is stored."""

    permissions = {"POST": Permission.SCORE}

    @extend_schema(operation_id="score_text", request=ScoreRequestSerializer, responses={200: ScoreAnswerSerializer})
    def post(self, request: Request) -> Response:
        """Score and explain a text under every active policy. A text that is to be judged blind is refused (403)."""
        body = ScoreRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        if blindness.hides_score(likeness.near_duplicate_bands(data["text"]), cast(User, request.user)):
            raise BlindReview("A case with this text is judged without the model’s opinion; ask again afterwards.")
        told = data.get("author")
        features = context.context_of_text(
            data["text"],
            author=Account.objects.filter(external_id=told["id"]).first() if told else None,
            author_created_at=told.get("created_at") if told else None,
        )
        (scored,) = scoring.score_texts([data["text"]], [features])
        return Response(_answer(scored, explain=data["explain"]))


def _answer(scored: scoring.Scored, *, explain: bool) -> dict[str, Any]:
    answer = ScoreAnswerSerializer({"model": str(scored.model_version), "policies": scored.policies}).data
    if not explain:
        for row in answer["policies"]:
            del row["attributions"], row["context_attributions"]
    return dict(answer)
