"""What is held on an account: given out, and erased."""

import json
from collections.abc import Iterator
from typing import cast

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.endpoint import Endpoint
from moderation import audit
from moderation.models import Account, User
from moderation.permissions import Permission
from moderation.selectors import data_rights
from moderation.services import erasure


class AccountDataView(Endpoint):
    """What is held on an account."""

    permissions = {"GET": Permission.MANAGE, "DELETE": Permission.MANAGE}

    @extend_schema(operation_id="export_account_data", responses={(200, "application/x-ndjson"): OpenApiTypes.STR})
    def get(self, request: Request, external_id: str) -> StreamingHttpResponse:
        """Stream it, one thing a line: the account, its contents with decisions, its reports, strikes and appeals."""
        account = data_rights.account_named(external_id)
        audit.account_exported(account, actor=cast(User, request.user))
        answer = StreamingHttpResponse(_lines(account), content_type="application/x-ndjson")
        answer["Cache-Control"] = "no-store"
        return answer

    @extend_schema(operation_id="erase_account_data", responses={204: None})
    def delete(self, request: Request, external_id: str) -> Response:
        """Erase it: texts and identifiers go, decisions and figures stay. May be repeated if it broke off."""
        erasure.erase_account(external_id=external_id, acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _lines(account: Account) -> Iterator[str]:
    for row in data_rights.held_on(account):
        yield json.dumps(row) + "\n"
