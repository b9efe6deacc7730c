"""Labels out."""

import json
from collections.abc import Iterator

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from console.api.endpoint import Endpoint
from moderation.permissions import Permission
from moderation.selectors.labels import label_rows


class LabelsView(Endpoint):
    """Every label with its lineage, as JSON Lines."""

    permissions = {"GET": Permission.READ_LABELS}

    @extend_schema(operation_id="stream_labels", responses={(200, "application/x-ndjson"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Stream all labels, oldest first."""
        return StreamingHttpResponse(_lines(), content_type="application/x-ndjson")


def _lines() -> Iterator[str]:
    for row in label_rows():
        yield json.dumps(row) + "\n"
