"""Routing rules and their backtests."""

from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import rule_representations as representations
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once
from console.api.pagination import CursorPages
from console.api.rule_serializers import (
    BacktestRequestSerializer,
    BacktestSerializer,
    FactSerializer,
    RuleChangeSerializer,
    RuleMoveSerializer,
    RuleRequestSerializer,
    RuleSerializer,
    RuleStateSerializer,
    RuleVersionSerializer,
)
from moderation.enums import RuleState
from moderation.errors import InvalidInput
from moderation.models import RoutingRule, User
from moderation.permissions import Permission
from moderation.selectors import backtests as backtest_selectors
from moderation.selectors import rules as selectors
from moderation.services import backtests, rules


class RulePages(CursorPages):
    """Rules in their order."""

    ordering = ("position", "pk")


class VocabularyView(Endpoint):
    """What conditions may ask."""

    permissions = {"GET": Permission.MANAGE}

    @extend_schema(operation_id="list_rule_facts", responses={200: FactSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Every fact with the operators that can be asked of it."""
        return Response(representations.vocabulary())


class RulesView(Endpoint):
    """Rules in their order."""

    permissions = {"GET": Permission.MANAGE, "POST": Permission.MANAGE}
    pagination_class = RulePages

    @extend_schema(
        operation_id="list_rules",
        responses={200: RuleSerializer(many=True)},
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=RuleState.values),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
    )
    def get(self, request: Request) -> Response:
        """Rules by cursor, in their order; the retired ones only when asked for."""
        wanted = request.query_params.get("state")
        if wanted is not None and wanted not in RuleState.values:
            raise InvalidInput(f"The state is one of {', '.join(RuleState.values)}.")
        rows = selectors.in_state(wanted) if wanted is not None else selectors.ordered()
        pages = self.pagination_class()
        page = cast(list[RoutingRule], pages.paginate_queryset(rows, request, view=self) or [])
        return pages.get_paginated_response(representations.rule_list(page))

    @extend_schema(operation_id="create_rule", request=RuleRequestSerializer, responses={201: RuleSerializer})
    def post(self, request: Request) -> Response:
        """Keep a new draft at the end of the order."""
        body = RuleRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> int:
            return rules.create(draft=body.to_draft(), acting_user=cast(User, request.user)).pk

        return answer_once(request, act, _rule_answer, status.HTTP_201_CREATED)


class RuleView(Endpoint):
    """One rule."""

    permissions = {"GET": Permission.MANAGE, "PUT": Permission.MANAGE, "DELETE": Permission.MANAGE}

    @extend_schema(operation_id="read_rule", responses={200: RuleSerializer})
    def get(self, request: Request, rule_id: int) -> Response:
        """The rule with its record and what is wrong with it."""
        return Response(_rule_answer(rule_id))

    @extend_schema(operation_id="change_rule", request=RuleChangeSerializer, responses={200: RuleSerializer})
    def put(self, request: Request, rule_id: int) -> Response:
        """Write a draft anew; a rule that has left its draft is changed by a draft of it."""
        body = RuleChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rules.change(
            rule_id=rule_id,
            version=body.validated_data["version"],
            draft=body.to_draft(),
            acting_user=cast(User, request.user),
        )
        return Response(_rule_answer(rule_id))

    @extend_schema(
        operation_id="delete_rule",
        responses={204: None},
        parameters=[OpenApiParameter("version", OpenApiTypes.INT, required=True)],
    )
    def delete(self, request: Request, rule_id: int) -> Response:
        """Throw a draft away."""
        query = RuleVersionSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        rules.delete(rule_id=rule_id, version=query.validated_data["version"], acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RuleDraftView(Endpoint):
    """A draft of a rule."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="draft_rule", request=None, responses={201: RuleSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """The one draft that replaces the rule when it goes live; made if there is none."""

        def act() -> int:
            return rules.copy(rule_id=rule_id, acting_user=cast(User, request.user)).pk

        return answer_once(request, act, _rule_answer, status.HTTP_201_CREATED)


class RuleStateView(Endpoint):
    """Into force and out of it."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="set_rule_state", request=RuleStateSerializer, responses={200: RuleSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """Put the rule into shadow, live, or retire it."""
        body = RuleStateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rules.set_state(rule_id=rule_id, acting_user=cast(User, request.user), **body.validated_data)
        return Response(_rule_answer(rule_id))


class RuleMoveView(Endpoint):
    """The place in the order."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="move_rule", request=RuleMoveSerializer, responses={200: RuleSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """Give the rule another place; the others close up."""
        body = RuleMoveSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rules.move(rule_id=rule_id, to=body.validated_data["position"], acting_user=cast(User, request.user))
        return Response(_rule_answer(rule_id))


class RuleBacktestsView(Endpoint):
    """What the rule would have done."""

    permissions = {"GET": Permission.MANAGE, "POST": Permission.MANAGE}
    pagination_class = CursorPages

    @extend_schema(operation_id="list_backtests", responses={200: BacktestSerializer(many=True)})
    def get(self, request: Request, rule_id: int) -> Response:
        """The rule's backtests by cursor, newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(backtest_selectors.of_rule(selectors.get(rule_id)), request, view=self) or []
        return pages.get_paginated_response([representations.backtest(row) for row in page])

    @extend_schema(
        operation_id="request_backtest", request=BacktestRequestSerializer, responses={202: BacktestSerializer}
    )
    def post(self, request: Request, rule_id: int) -> Response:
        """Have a worker test the rule on the contents of the last days."""
        body = BacktestRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> int:
            return backtests.request(
                rule_id=rule_id, days=body.validated_data["days"], acting_user=cast(User, request.user)
            ).pk

        return answer_once(request, act, _backtest_answer, status.HTTP_202_ACCEPTED)


class BacktestView(Endpoint):
    """One backtest."""

    permissions = {"GET": Permission.MANAGE}

    @extend_schema(operation_id="read_backtest", responses={200: BacktestSerializer})
    def get(self, request: Request, backtest_id: int) -> Response:
        """The backtest with what it has found so far."""
        return Response(_backtest_answer(backtest_id))


class CancelBacktestView(Endpoint):
    """Enough."""

    permissions = {"POST": Permission.MANAGE}

    @extend_schema(operation_id="cancel_backtest", request=None, responses={200: BacktestSerializer})
    def post(self, request: Request, backtest_id: int) -> Response:
        """End the backtest with what it has found so far."""
        backtests.cancel(backtest_id=backtest_id, acting_user=cast(User, request.user))
        return Response(_backtest_answer(backtest_id))


def _rule_answer(rule_id: Any) -> dict[str, Any]:
    return representations.rule(selectors.get(rule_id))


def _backtest_answer(backtest_id: Any) -> dict[str, Any]:
    return representations.backtest(backtest_selectors.get(backtest_id))
