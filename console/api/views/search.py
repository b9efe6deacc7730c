"""Search over cases, content and accounts; searches kept under a name."""

from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import search_shapes as shapes
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from moderation import queries
from moderation.errors import InvalidInput, NotFound
from moderation.models import SavedView, User
from moderation.permissions import Permission
from moderation.queries import Query, Scope
from moderation.selectors import search
from moderation.selectors.paging import PAGE_SIZE
from moderation.services import saved_views

LARGEST_PAGE = 200


class SearchView(Endpoint):
    """What a search finds."""

    permissions = {"GET": Permission.READ_CASES}

    @extend_schema(
        operation_id="search",
        responses={200: shapes.FoundSerializer},
        parameters=[
            OpenApiParameter("q", OpenApiTypes.STR, description="Such as `policy:spam is:open score:>0.8 prize`."),
            OpenApiParameter("cursor", OpenApiTypes.STR),
            OpenApiParameter("page_size", OpenApiTypes.INT),
        ],
    )
    def get(self, request: Request) -> Response:
        """Cases, content or accounts by words and typed filters. A search that cannot be read is a 400, `bad_query`,
        with the code points at fault in `start` and `end`."""
        viewer = cast(User, request.user)
        query = queries.parse(request.query_params.get("q", ""))
        rows, after = _found(query, viewer, request.query_params.get("cursor", ""), _size(request))
        return Response({"in": query.scope, "query": query.written(), "next": after or None, "results": rows})


class ViewsView(Endpoint):
    """One's saved views."""

    permissions = {"GET": Permission.READ_CASES, "POST": Permission.READ_CASES}

    @extend_schema(operation_id="list_views", responses={200: shapes.ViewSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """One's own, by name."""
        return Response([shapes.view(row) for row in SavedView.objects.filter(owner=cast(User, request.user))])

    @extend_schema(
        operation_id="save_view", request=shapes.ViewRequestSerializer, responses={201: shapes.ViewSerializer}
    )
    def post(self, request: Request) -> Response:
        """Keep a search under a name; one of the same name is replaced."""
        body = shapes.ViewRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> int:
            return saved_views.save(acting_user=cast(User, request.user), **body.validated_data).pk

        def answer(view_id: Any) -> dict[str, Any]:
            view = SavedView.objects.filter(pk=view_id).first()
            if view is None:
                raise NotFound("The view has been deleted since.")
            return shapes.view(view)

        return answer_once(request, act, answer, status.HTTP_201_CREATED)


class ViewView(Endpoint):
    """One saved view."""

    permissions = {"DELETE": Permission.READ_CASES}

    @extend_schema(operation_id="delete_view", responses={204: None})
    def delete(self, request: Request, view_id: int) -> Response:
        """Forget it."""
        saved_views.delete(view_id=view_id, acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _found(query: Query, viewer: User, after: str, size: int) -> tuple[list[dict[str, Any]], str]:
    if query.scope == Scope.CASES:
        cases = search.cases(query, viewer=viewer, after=after, size=size)
        hits = search.case_hits(cases.rows, viewer=viewer)
        return [shapes.found_case(hit, viewer=viewer) for hit in hits], cases.after
    if query.scope == Scope.CONTENT:
        contents = search.contents(query, viewer=viewer, after=after, size=size)
        return [shapes.found_content(row) for row in contents.rows], contents.after
    accounts = search.accounts(query, after=after, size=size)
    return [shapes.found_account(row) for row in accounts.rows], accounts.after


def _size(request: Request) -> int:
    asked = request.query_params.get("page_size", str(PAGE_SIZE))
    if not (asked.isascii() and asked.isdigit() and 0 < int(asked[:6]) <= LARGEST_PAGE):
        raise InvalidInput(f"A page has 1 to {LARGEST_PAGE} results.", pointer="/page_size")
    return int(asked)
