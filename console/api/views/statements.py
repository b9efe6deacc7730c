"""Statements of reasons out."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.endpoint import Endpoint
from console.api.fields import StrictSerializer, Timestamp
from console.api.pagination import CursorPages
from moderation.permissions import Permission
from moderation.selectors import statements


class StatementQuerySerializer(StrictSerializer):
    """The parameters of ``GET /statements``."""

    since = Timestamp(required=False, help_text="Decided at this time or later.")
    until = Timestamp(required=False, help_text="Decided before this time.")
    cursor = serializers.CharField(required=False)
    page_size = serializers.CharField(required=False)


class StatementSerializer(serializers.Serializer[Any]):
    """A statement as the transparency database of the Digital Services Act takes it."""

    puid = serializers.CharField()
    decision_visibility = serializers.ListField(child=serializers.CharField(), required=False)
    decision_account = serializers.CharField(required=False)
    decision_ground = serializers.CharField()
    incompatible_content_ground = serializers.CharField()
    incompatible_content_explanation = serializers.CharField()
    content_type = serializers.ListField(child=serializers.CharField())
    content_language = serializers.CharField(required=False)
    category = serializers.CharField()
    category_addition = serializers.ListField(child=serializers.CharField(), required=False)
    content_date = serializers.DateField()
    application_date = serializers.DateField()
    decision_facts = serializers.CharField()
    source_type = serializers.CharField()
    automated_detection = serializers.ChoiceField(choices=["Yes", "No"])
    automated_decision = serializers.CharField()


class StatementsView(Endpoint):
    """Statements of reasons."""

    permissions = {"GET": Permission.READ_STATEMENTS}
    pagination_class = CursorPages

    @extend_schema(
        operation_id="list_statements",
        parameters=[StatementQuerySerializer],
        responses={200: StatementSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Statements of the decisions in force, by cursor, the newest first; without personal data."""
        asked = StatementQuerySerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        period = asked.validated_data
        pages = self.pagination_class()
        rows = statements.between(period.get("since"), period.get("until"))
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response(statements.statements(page))
