"""Cases: lists, claims, leases, decisions."""

from typing import Any, cast

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import representations
from console.api.batch_shapes import ReservationSerializer
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from console.api.pagination import CursorPages
from console.api.serializers import (
    CaseSerializer,
    CaseSummarySerializer,
    ClaimedCaseSerializer,
    DecisionRequestSerializer,
    EscalationSerializer,
    JudgedAnswerSerializer,
    LeaseSerializer,
    SkipSerializer,
    TokenSerializer,
)
from moderation.enums import CaseStatus
from moderation.errors import InvalidInput
from moderation.models import Decision, Queue, User
from moderation.permissions import Permission, may
from moderation.selectors import blindness, cases
from moderation.services import claims, decisions, undoing


class CasesView(Endpoint):
    """Cases by cursor, newest first."""

    permissions = {"GET": Permission.READ_CASES}
    pagination_class = CursorPages

    @extend_schema(
        operation_id="list_cases",
        responses={200: CaseSummarySerializer(many=True)},
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR, enum=CaseStatus.values),
            OpenApiParameter("queue", OpenApiTypes.STR),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
    )
    def get(self, request: Request) -> Response:
        """Cases, filtered by status and queue."""
        viewer = cast(User, request.user)
        rows = cases.seen_by(viewer)
        wanted = request.query_params.get("status")
        if wanted is not None:
            if wanted not in CaseStatus.values:
                raise InvalidInput(f"The status is one of {', '.join(CaseStatus.values)}.")
            rows = rows.filter(status=wanted)
        if "queue" in request.query_params:
            rows = rows.filter(queue__slug=request.query_params["queue"].replace("\0", ""))
        pages = self.pagination_class()
        page = pages.paginate_queryset(rows, request, view=self) or []
        hidden = blindness.blind_among(page) if may(viewer, Permission.REVIEW) else set()
        summaries = [representations.case_summary(case, viewer=viewer, blind=case.pk in hidden) for case in page]
        return pages.get_paginated_response(summaries)


class CaseView(Endpoint):
    """One case."""

    permissions = {"GET": Permission.READ_CASES}

    @extend_schema(operation_id="read_case", responses={200: CaseSerializer})
    def get(self, request: Request, case_id: int) -> Response:
        """The case with content, reports, prediction, decisions and lease."""
        viewer = cast(User, request.user)
        return Response(representations.case_detail(cases.get(case_id, viewer=viewer), viewer=viewer))


class ClaimView(Endpoint):
    """The next case of a queue."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="claim_case", request=None, responses={200: ClaimedCaseSerializer, 204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Lease the queue's most urgent case; one who holds one gets that again; 204 if nothing waits."""
        queue = get_object_or_404(Queue, slug=slug, is_active=True)
        claim = claims.claim_next(queue=queue, acting_user=cast(User, request.user))
        if claim is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(representations.claimed(claim.review, claim.evidence, viewer=cast(User, request.user)))


class ReservationView(Endpoint):
    """The case after the one at hand, kept for its holder."""

    permissions = {"POST": Permission.REVIEW, "DELETE": Permission.REVIEW}

    @extend_schema(operation_id="reserve_case", request=None, responses={200: ReservationSerializer, 204: None})
    def post(self, request: Request, slug: str) -> Response:
        """Reserve the queue's next case for after the one at hand; 204 if there is none to have.

        It counts among the cases one may hold, nothing of it is told, and the next claim gives it.
        """
        queue = get_object_or_404(Queue, slug=slug, is_active=True)
        review = claims.reserve_next(queue=queue, acting_user=cast(User, request.user))
        if review is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response({"expires_at": review.lease_expires_at})

    @extend_schema(operation_id="release_reservation", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Give back what is reserved, in whatever queue."""
        get_object_or_404(Queue, slug=slug, is_active=True)
        claims.release_reserved(acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TakeOverView(Endpoint):
    """A lead takes the case from who holds it."""

    permissions = {"POST": Permission.OVERRIDE}

    @extend_schema(operation_id="take_over_case", request=None, responses={200: ClaimedCaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Lease the case whoever holds it; they are told to whom they lost it."""
        user = cast(User, request.user)
        claim = claims.take_over(case=cases.get(case_id), acting_user=user)
        return Response(representations.claimed(claim.review, claim.evidence, viewer=user))


class HeartbeatView(Endpoint):
    """The lease goes on."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="renew_lease", request=TokenSerializer, responses={200: LeaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Extend the lease by its full length."""
        token = _token(request)
        review = claims.renew(case_id=case_id, token=token, acting_user=cast(User, request.user))
        holder = review.reviewer.username if review.reviewer else ""
        return Response({"token": token, "holder": holder, "expires_at": review.lease_expires_at})


class ReleaseView(Endpoint):
    """The lease ends."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="release_case", request=TokenSerializer, responses={204: None})
    def post(self, request: Request, case_id: int) -> Response:
        """Give the case back to its queue."""
        claims.release(case_id=case_id, token=_token(request), acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SkipView(Endpoint):
    """Not by me."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="skip_case", request=SkipSerializer, responses={204: None})
    def post(self, request: Request, case_id: int) -> Response:
        """Pass the case over, with a reason; it is offered to this person last."""
        body = SkipSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        claims.skip(
            case_id=case_id,
            token=body.validated_data["lease_token"],
            reason=body.validated_data["reason"],
            acting_user=cast(User, request.user),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class EscalateView(Endpoint):
    """For someone more senior."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="escalate_case", request=EscalationSerializer, responses={204: None})
    def post(self, request: Request, case_id: int) -> Response:
        """Hand the case, with a note why, to the queue that takes this queue's escalations."""
        body = EscalationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token, note = body.validated_data["lease_token"], body.validated_data["note"]
        claims.escalate(case_id=case_id, token=token, note=note, acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TakeBackView(Endpoint):
    """What does not bind yet."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(operation_id="take_back", request=None, responses={200: ClaimedCaseSerializer})
    def post(self, request: Request, case_id: int) -> Response:
        """Undo one's own escalation, or a judgement nobody has built on; the case is leased to the caller."""
        viewer = cast(User, request.user)
        claim = undoing.take_back(case_id=case_id, acting_user=viewer)
        return Response(representations.claimed(claim.review, claim.evidence, viewer=viewer))


class DecideView(Endpoint):
    """The judgement."""

    permissions = {"POST": Permission.REVIEW}

    @extend_schema(
        operation_id="decide_case",
        request=DecisionRequestSerializer,
        responses={201: JudgedAnswerSerializer},
    )
    def post(self, request: Request, case_id: int) -> Response:
        """Judge a leased case on the evidence shown. A stale or lost lease is a 409 that says who and when.

        ``standing`` says whether it binds. After ``informed`` the caller holds the case again, now with the model's
        opinion: the queue's claim gives the lease.
        """
        body = DecisionRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data

        def act() -> dict[str, Any]:
            outcome = decisions.judge(
                case_id=case_id,
                lease_token=data["lease_token"],
                version=data["version"],
                evidence_id=data["evidence_id"],
                opinion=body.to_opinion(),
                acting_user=cast(User, request.user),
            )
            return representations.receipt(outcome)

        return answer_once(request, act, representations.judged, status.HTTP_201_CREATED)


def decision_answer(decision_id: Any) -> dict[str, Any]:
    """A decision by its key."""
    return representations.decision(Decision.objects.select_related("judgement").get(pk=decision_id))


def _token(request: Request) -> int:
    body = TokenSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    return cast(int, body.validated_data["lease_token"])
