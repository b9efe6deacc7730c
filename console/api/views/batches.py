"""Deciding many cases as one: by score, by campaign, by account."""

from typing import Any, cast

from django.db.models import Max, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import batch_shapes as shapes
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from console.api.pagination import CursorPages
from moderation.enums import BatchMode
from moderation.errors import InvalidInput
from moderation.models import Batch, Review, User
from moderation.permissions import Permission
from moderation.selectors import batches as selectors
from moderation.selectors import campaigns
from moderation.services import batches
from moderation.services.batches import Scope

LISTED = 200


class BatchesView(Endpoint):
    """Batches: made, and listed."""

    permissions = {"GET": Permission.BATCH, "POST": Permission.BATCH}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_batches", responses={200: shapes.BatchSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Batches by cursor, the newest first."""
        pages = self.pagination_class()
        rows = Batch.objects.select_related("queue", "account", "made_by", "undone_by")
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([shapes.batch(row) for row in page])

    @extend_schema(
        operation_id="make_batch",
        request=shapes.BatchRequestSerializer,
        responses={201: shapes.BatchSerializer},
    )
    def post(self, request: Request) -> Response:
        """Decide what waits in the scope, less the exceptions. A large batch is decided by a worker: read it again."""
        body = shapes.BatchRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data

        def act() -> int:
            return batches.begin(
                scope=body.to_scope(),
                opinion=body.to_opinion(),
                acting_user=cast(User, request.user),
                exceptions=data.get("exceptions", ()),
                sampled=data.get("sampled", ()),
                follows=data.get("follows", False),
            ).pk

        def answer(batch_id: Any) -> dict[str, Any]:
            batches.work_if_small(batch_id)
            return _batch_answer(batch_id)

        return answer_once(request, act, answer, status.HTTP_201_CREATED)


class BatchView(Endpoint):
    """One batch."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(operation_id="read_batch", responses={200: shapes.BatchSerializer})
    def get(self, request: Request, batch_id: int) -> Response:
        """What it decides and how far it is."""
        return Response(_batch_answer(batch_id))


class UndoBatchView(Endpoint):
    """All of it back."""

    permissions = {"POST": Permission.BATCH}

    @extend_schema(operation_id="undo_batch", request=None, responses={200: shapes.BatchSerializer})
    def post(self, request: Request, batch_id: int) -> Response:
        """Take every decision of the batch back, but those decided anew since. Repeating it changes nothing."""
        batches.undo(batch_id=batch_id, acting_user=cast(User, request.user))
        batches.work_if_small(batch_id)
        return Response(_batch_answer(batch_id))


class StopBatchView(Endpoint):
    """No further."""

    permissions = {"POST": Permission.BATCH}

    @extend_schema(operation_id="stop_batch", request=None, responses={200: shapes.BatchSerializer})
    def post(self, request: Request, batch_id: int) -> Response:
        """Decide no further cases; what was decided stays so."""
        batches.stop(batch_id=batch_id, acting_user=cast(User, request.user))
        return Response(_batch_answer(batch_id))


_POLICY = OpenApiParameter("policy", OpenApiTypes.STR, required=True)
_QUEUE = OpenApiParameter("queue", OpenApiTypes.STR)


class HistogramView(Endpoint):
    """Where the scores lie."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(
        operation_id="read_histogram", responses={200: shapes.HistogramSerializer}, parameters=[_POLICY, _QUEUE]
    )
    def get(self, request: Request) -> Response:
        """How the scores of a policy lie among the cases that are about it and wait."""
        scope = _scope(request)
        bins = selectors.histogram(policy=scope.policy, queue=scope.queue)
        rows = [{"start": row.start, "end": row.end, "count": row.count} for row in bins]
        return Response({"policy": scope.policy, "bins": rows})


class SampleView(Endpoint):
    """A look before the leap."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(
        operation_id="read_sample",
        responses={200: shapes.SampleSerializer},
        parameters=[
            _POLICY,
            _QUEUE,
            OpenApiParameter("score_from", OpenApiTypes.FLOAT),
            OpenApiParameter("score_to", OpenApiTypes.FLOAT),
        ],
    )
    def get(self, request: Request) -> Response:
        """Some cases of a range of scores by chance, and how many there are."""
        reviews = _scope(request).reviews(cast(User, request.user))
        return Response(_listed(reviews, selectors.sample(reviews)))


class CampaignsView(Endpoint):
    """Near-duplicates that wait together."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(operation_id="list_campaigns", responses={200: shapes.CampaignSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """The campaigns with the most waiting cases."""
        return Response([shapes.campaign(row) for row in campaigns.waiting()])


class CampaignView(Endpoint):
    """One campaign."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(operation_id="read_campaign", responses={200: shapes.CampaignDetailSerializer})
    def get(self, request: Request, group_id: int) -> Response:
        """Its waiting cases, the least like the example first."""
        found = campaigns.campaign(group_id)
        rows = campaigns.members(found, limit=LISTED)
        newest = max((row.review.pk for row in rows), default=None)
        return Response({**shapes.campaign(found), "newest": newest, "cases": [shapes.member(row) for row in rows]})


class AccountCasesView(Endpoint):
    """Everything open by one account."""

    permissions = {"GET": Permission.BATCH}

    @extend_schema(operation_id="read_account_cases", responses={200: shapes.SweepSerializer})
    def get(self, request: Request, external_id: str) -> Response:
        """What a sweep would decide, and what is open besides."""
        account = shapes.account_named(external_id)
        reviews = selectors.by_account(cast(User, request.user), account)
        rows = list(selectors.with_texts(reviews).order_by("-priority", "pk")[:LISTED])
        elsewhere = [case.pk for case in selectors.elsewhere(account)]
        return Response({**_listed(reviews, rows), "account": account.external_id, "elsewhere": elsewhere})


def _batch_answer(batch_id: Any) -> dict[str, Any]:
    return shapes.batch(selectors.get(batch_id))


def _listed(reviews: QuerySet[Review], rows: list[Review]) -> dict[str, Any]:
    newest = reviews.aggregate(newest=Max("pk"))["newest"]
    return {"count": reviews.count(), "newest": newest, "cases": [shapes.waiting(row) for row in rows]}


def _scope(request: Request) -> Scope:
    policy = request.query_params.get("policy", "").replace("\0", "")
    if not policy:
        raise InvalidInput("Name the policy.", pointer="/policy")
    queue = request.query_params.get("queue")
    return Scope(
        mode=BatchMode.SCORE,
        policy=policy,
        low=_number(request, "score_from", 0.0),
        high=_number(request, "score_to", 1.0),
        queue=shapes.queue_named(queue) if queue else None,
    )


def _number(request: Request, name: str, default: float) -> float:
    try:
        value = float(request.query_params.get(name, default))
    except ValueError as error:
        raise InvalidInput("This is no number.", pointer=f"/{name}") from error
    if not 0 <= value <= 1:  # not a number is none either
        raise InvalidInput("A score lies between 0 and 1.", pointer=f"/{name}")
    return value
