"""Banks and their entries."""

from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import rule_representations as representations
from console.api.bank_serializers import (
    BankChangeSerializer,
    BankRequestSerializer,
    BankSerializer,
    EntryChangeSerializer,
    EntryRequestSerializer,
    EntrySerializer,
    PreviewRequestSerializer,
    PreviewSerializer,
)
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from console.api.pagination import CursorPages
from moderation.models import User
from moderation.permissions import Permission
from moderation.selectors import banks as selectors
from moderation.services import banks


class BanksView(Endpoint):
    """Every bank."""

    permissions = {"GET": Permission.MANAGE, "POST": Permission.MANAGE}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_banks", responses={200: BankSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Banks by cursor, newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(selectors.banks(), request, view=self) or []
        return pages.get_paginated_response([representations.bank(row) for row in page])

    @extend_schema(operation_id="create_bank", request=BankRequestSerializer, responses={201: BankSerializer})
    def post(self, request: Request) -> Response:
        """Make an empty bank."""
        body = BankRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> str:
            return banks.create(acting_user=cast(User, request.user), **body.validated_data).slug

        return answer_once(request, act, _bank_answer, status.HTTP_201_CREATED)


class BankView(Endpoint):
    """One bank."""

    permissions = {"GET": Permission.MANAGE, "PUT": Permission.MANAGE}

    @extend_schema(operation_id="read_bank", responses={200: BankSerializer})
    def get(self, request: Request, slug: str) -> Response:
        """The bank."""
        return Response(_bank_answer(slug))

    @extend_schema(operation_id="change_bank", request=BankChangeSerializer, responses={200: BankSerializer})
    def put(self, request: Request, slug: str) -> Response:
        """Give the bank another name or policy, switch it off or on. Its kind stays."""
        body = BankChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        banks.change(slug=slug, acting_user=cast(User, request.user), **body.validated_data)
        return Response(_bank_answer(slug))


class BankEntriesView(Endpoint):
    """What a bank holds."""

    permissions = {"GET": Permission.MANAGE, "POST": Permission.MANAGE}
    pagination_class = CursorPages

    @extend_schema(
        operation_id="list_bank_entries",
        responses={200: EntrySerializer(many=True)},
        parameters=[OpenApiParameter("containing", OpenApiTypes.STR), OpenApiParameter("cursor", OpenApiTypes.STR)],
    )
    def get(self, request: Request, slug: str) -> Response:
        """The bank's entries by cursor, newest first, each with its hits."""
        containing = request.query_params.get("containing", "").replace("\0", "")
        pages = self.pagination_class()
        rows = selectors.entries(selectors.get(slug), containing=containing)
        page = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([representations.entry(row) for row in page])

    @extend_schema(operation_id="create_bank_entry", request=EntryRequestSerializer, responses={201: EntrySerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Add an entry, in the form it is matched in."""
        body = EntryRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        bank = selectors.get(slug)

        def act() -> int:
            return banks.add_entry(bank=bank, acting_user=cast(User, request.user), **body.validated_data).pk

        return answer_once(request, act, _entry_answer, status.HTTP_201_CREATED)


class BankPreviewView(Endpoint):
    """Before an entry is kept."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="preview_bank_entry", request=PreviewRequestSerializer, responses=PreviewSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """What the entry would have caught in the last days. Keeps nothing."""
        body = PreviewRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        bank = selectors.get(slug)
        _, form = banks.matched_form(bank.kind, body.validated_data["value"])
        seen = selectors.preview(kind=bank.kind, form=form, days=body.validated_data["days"])
        return Response(representations.preview(seen))


class BankEntryView(Endpoint):
    """One entry."""

    permissions = {"GET": Permission.MANAGE, "PUT": Permission.MANAGE, "DELETE": Permission.MANAGE}

    @extend_schema(operation_id="read_bank_entry", responses={200: EntrySerializer})
    def get(self, request: Request, entry_id: int) -> Response:
        """The entry with its hits."""
        return Response(_entry_answer(entry_id))

    @extend_schema(operation_id="change_bank_entry", request=EntryChangeSerializer, responses={200: EntrySerializer})
    def put(self, request: Request, entry_id: int) -> Response:
        """Give the entry another end, note or owner. What it matches stays."""
        body = EntryChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        banks.change_entry(entry_id=entry_id, acting_user=cast(User, request.user), **body.validated_data)
        return Response(_entry_answer(entry_id))

    @extend_schema(operation_id="remove_bank_entry", responses={204: None})
    def delete(self, request: Request, entry_id: int) -> Response:
        """The entry matches nothing from now on; what it has hit stays."""
        banks.remove_entry(entry_id=entry_id, acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _bank_answer(slug: Any) -> dict[str, Any]:
    return representations.bank(selectors.get(slug))


def _entry_answer(entry_id: Any) -> dict[str, Any]:
    return representations.entry(selectors.entry(entry_id))
