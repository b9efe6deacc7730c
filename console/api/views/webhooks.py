"""Where the platform hears of decisions, and how far each effect has come on its way there."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import webhook_forms as forms
from console.api.endpoint import Endpoint
from console.api.pagination import CursorPages
from moderation.models import User
from moderation.permissions import Permission
from moderation.selectors import deliveries as selectors
from moderation.services import dead_letters, endpoints


class WebhooksView(Endpoint):
    """Endpoints."""

    permissions = {"GET": Permission.MANAGE, "POST": Permission.MANAGE}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_webhooks", responses={200: forms.WebhookSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """All endpoints, by cursor, the newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(selectors.endpoints(), request, view=self) or []
        return pages.get_paginated_response([forms.webhook(row) for row in page])

    @extend_schema(
        operation_id="add_webhook",
        request=forms.AddWebhookSerializer,
        responses={201: forms.WebhookSecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add an endpoint; its signing secret is in this answer and in no other.

        An ``Idempotency-Key`` is of no use here: the secret would have to be kept to be told again.
        """
        body = forms.AddWebhookSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = endpoints.add(**body.validated_data, acting_user=cast(User, request.user))
        return Response(forms.with_secret(endpoint), status=status.HTTP_201_CREATED)


class WebhookView(Endpoint):
    """One endpoint."""

    permissions = {"GET": Permission.MANAGE, "PATCH": Permission.MANAGE}

    @extend_schema(operation_id="read_webhook", responses={200: forms.WebhookSerializer})
    def get(self, request: Request, endpoint_id: int) -> Response:
        """The endpoint, its breaker, its last rotation."""
        return Response(forms.webhook(selectors.endpoint(endpoint_id)))

    @extend_schema(
        operation_id="change_webhook", request=forms.ChangeWebhookSerializer, responses={200: forms.WebhookSerializer}
    )
    def patch(self, request: Request, endpoint_id: int) -> Response:
        """Change what is given; switching it on closes its breaker."""
        body = forms.ChangeWebhookSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        acting_user = cast(User, request.user)
        return Response(
            forms.webhook(endpoints.change(endpoint_id=endpoint_id, acting_user=acting_user, **body.validated_data))
        )


class RotateWebhookView(Endpoint):
    """A fresh secret."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="rotate_webhook_secret", request=None, responses={200: forms.WebhookSecretSerializer})
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Make a fresh secret, shown this once; the one before signs too until ``previous_secret_until``."""
        endpoint = endpoints.rotate_secret(endpoint_id=endpoint_id, acting_user=cast(User, request.user))
        return Response(forms.with_secret(endpoint))


class PingWebhookView(Endpoint):
    """A test."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="ping_webhook", request=None, responses={200: forms.AttemptSerializer})
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Send a signed ``ping`` now; what came of it."""
        attempt = endpoints.ping(endpoint_id=endpoint_id, acting_user=cast(User, request.user))
        return Response(forms.attempt(attempt))


class DeliveriesView(Endpoint):
    """Effects on their way."""

    permissions = {"GET": Permission.MANAGE}
    pagination_class = CursorPages

    @extend_schema(
        operation_id="list_deliveries",
        parameters=[forms.DeliveryQuerySerializer],
        responses={200: forms.DeliverySerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Deliveries by state, endpoint, topic and time of settling, by cursor, the newest first."""
        asked = forms.DeliveryQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        pages = self.pagination_class()
        page = pages.paginate_queryset(selectors.deliveries(asked.to_filter()), request, view=self) or []
        return pages.get_paginated_response([forms.delivery(row) for row in page])


class DeliveryView(Endpoint):
    """One effect on its way to one endpoint."""

    permissions = {"GET": Permission.MANAGE}

    @extend_schema(operation_id="read_delivery", responses={200: forms.DeliveryDetailSerializer})
    def get(self, request: Request, delivery_id: int) -> Response:
        """The delivery with its log, the latest attempt first."""
        row = selectors.delivery(delivery_id)
        return Response({**forms.delivery(row), "log": [forms.attempt(one) for one in selectors.attempts_of(row)]})


class ReplayDeliveryView(Endpoint):
    """A dead letter."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="replay_delivery", request=None, responses={200: forms.DeliverySerializer})
    def post(self, request: Request, delivery_id: int) -> Response:
        """Queue a dead letter again; what was superseded since is cancelled instead, as ``state`` says."""
        row = dead_letters.replay(delivery_id=delivery_id, acting_user=cast(User, request.user))
        return Response(forms.delivery(selectors.delivery(row.pk)))


class ReplayDeliveriesView(Endpoint):
    """Dead letters."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(
        operation_id="replay_deliveries",
        request=forms.DeliveryFilterSerializer,
        responses={200: forms.ReplayedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Queue all dead letters again that the filter names; an empty filter names all."""
        asked = forms.DeliveryFilterSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        done = dead_letters.replay_all(chosen=asked.to_filter(), acting_user=cast(User, request.user))
        return Response({"queued": done.queued, "cancelled": done.cancelled})
