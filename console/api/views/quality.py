"""What needs someone else, how well people agree, and what is missed."""

from typing import cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import representations
from console.api.endpoint import Endpoint
from console.api.pagination import CursorPages
from console.api.serializers import (
    DecisionAnswerSerializer,
    DisagreementSerializer,
    HoldSerializer,
    SendBackSerializer,
)
from moderation.models import User
from moderation.permissions import Permission
from moderation.selectors import adjudications
from moderation.selectors import holds as held
from moderation.selectors import quality as measured
from moderation.services import holds


class HoldsView(Endpoint):
    """Decisions that wait for a second person."""

    permissions = {"GET": Permission.OVERRIDE}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_holds", responses={200: HoldSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Held decisions, by cursor, the newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(held.pending(), request, view=self) or []
        return pages.get_paginated_response([representations.hold(row) for row in page])


class ApproveHoldView(Endpoint):
    """The second person says yes."""

    permissions = {"POST": Permission.OVERRIDE}

    @extend_schema(operation_id="approve_hold", request=None, responses={200: DecisionAnswerSerializer})
    def post(self, request: Request, hold_id: int) -> Response:
        """Let the held decision bind; repeating it changes nothing. Never by its own author."""
        decision = holds.approve(hold_id=hold_id, acting_user=cast(User, request.user))
        return Response(representations.decision(decision))


class RejectHoldView(Endpoint):
    """The second person says no."""

    permissions = {"POST": Permission.OVERRIDE}

    @extend_schema(operation_id="reject_hold", request=SendBackSerializer, responses={200: HoldSerializer})
    def post(self, request: Request, hold_id: int) -> Response:
        """Send the held decision back: the case waits for someone else. Repeating it changes nothing."""
        body = SendBackSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        note = body.validated_data["note"]
        return Response(
            representations.hold(holds.reject(hold_id=hold_id, note=note, acting_user=cast(User, request.user)))
        )


class AdjudicationsView(Endpoint):
    """Disagreements; they are claimed from the queue they name, and decided like any case."""

    permissions = {"GET": Permission.OVERRIDE}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_adjudications", responses={200: DisagreementSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Cases on which two reviewers disagree, with both judgements, by cursor, the newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(adjudications.pending(), request, view=self) or []
        viewer = cast(User, request.user)
        return pages.get_paginated_response(
            [representations.disagreement(row) for row in adjudications.all_of(page, viewer=viewer)]
        )


class QualityView(Endpoint):
    """Agreement, golden accuracy and anchoring."""

    permissions = {"GET": Permission.REVIEW}

    @extend_schema(operation_id="read_quality", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """Everyone's figures for who leads, one's own for everyone."""
        return Response(representations.quality(measured.quality_of(cast(User, request.user))))


class InsightsView(Endpoint):
    """What is missed."""

    permissions = {"GET": Permission.READ_QUALITY}

    @extend_schema(operation_id="read_insights", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request) -> Response:
        """Prevalence, recall of flagging and of automation by policy, over the whole time and week by week."""
        return Response(representations.missed(measured.missed()))
