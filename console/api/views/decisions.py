"""What follows a decision: undo, override, appeals."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import representations
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from console.api.serializers import (
    AppealAnswerSerializer,
    AppealRequestSerializer,
    ClaimedCaseSerializer,
    DecisionAnswerSerializer,
    OpinionSerializer,
    ResolveSerializer,
    opinion_of,
)
from console.api.views.cases import decision_answer
from moderation.models import Account, Appeal, User
from moderation.permissions import Permission
from moderation.services import appeals, decisions


class UndoView(Endpoint):
    """Take one's own decision back."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="undo_decision", request=None, responses={200: ClaimedCaseSerializer})
    def post(self, request: Request, decision_id: int) -> Response:
        """Undo the decision; the case is open again and leased to the caller."""
        claim = decisions.undo(decision_id=decision_id, acting_user=cast(User, request.user))
        return Response(representations.claimed(claim.review, claim.evidence, viewer=cast(User, request.user)))


class OverrideView(Endpoint):
    """Replace a decision."""

    permissions = {"POST": Permission.OVERRIDE}

    @extend_schema(
        operation_id="override_decision", request=OpinionSerializer, responses={201: DecisionAnswerSerializer}
    )
    def post(self, request: Request, decision_id: int) -> Response:
        """Replace the binding decision with another; effects and labels follow."""
        body = OpinionSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> int:
            return decisions.override(
                decision_id=decision_id, opinion=body.to_opinion(), acting_user=cast(User, request.user)
            ).pk

        return answer_once(request, act, decision_answer, status.HTTP_201_CREATED)


class AppealsView(Endpoint):
    """Contest a decision."""

    permissions = {"POST": Permission.INGEST}

    @extend_schema(
        operation_id="appeal_decision",
        request=AppealRequestSerializer,
        responses={201: AppealAnswerSerializer},
    )
    def post(self, request: Request, decision_id: int) -> Response:
        """Open the one appeal a decision may have."""
        body = AppealRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        appellant = body.validated_data.get("appellant")

        def act() -> int:
            return appeals.open_appeal(
                decision_id=decision_id,
                appellant=Account.objects.filter(external_id=appellant["id"]).first() if appellant else None,
                statement=body.validated_data["statement"],
                acting_user=cast(User, request.user),
            ).pk

        return answer_once(request, act, _appeal_answer, status.HTTP_201_CREATED)


class ResolveAppealView(Endpoint):
    """Decide an appeal."""

    permissions = {"POST": Permission.RESOLVE_APPEALS}

    @extend_schema(operation_id="resolve_appeal", request=ResolveSerializer, responses={200: AppealAnswerSerializer})
    def post(self, request: Request, appeal_id: int) -> Response:
        """Uphold the decision, or overturn it with another; never by its first decider."""
        body = ResolveSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data.get("opinion")
        opinion = opinion_of(told) if told else None
        appeal = appeals.resolve_appeal(appeal_id=appeal_id, opinion=opinion, acting_user=cast(User, request.user))
        return Response(representations.appeal(appeal))


def _appeal_answer(appeal_id: Any) -> dict[str, Any]:
    return representations.opened_appeal(Appeal.objects.get(pk=appeal_id))
