"""Content and reports in."""

from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import representations
from console.api.endpoint import Endpoint
from console.api.idempotency import answer_once, line_key
from console.api.parsers import JSONLinesAliasParser, JSONLinesParser, loads
from console.api.problems import flatten
from console.api.serializers import (
    ContentAnswerSerializer,
    ContentSerializer,
    ContentViewSerializer,
    ReportAnswerSerializer,
    ReportSerializer,
)
from moderation.errors import ModerationError
from moderation.models import Content, Report, User
from moderation.permissions import Permission
from moderation.selectors import contents
from moderation.services import intake

IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key and body replay the first answer.",
)


class ReportsView(Endpoint):
    """Complaints."""

    permissions = {"POST": Permission.INGEST}

    @extend_schema(
        operation_id="create_report",
        request=ReportSerializer,
        responses={202: ReportAnswerSerializer},
        parameters=[IDEMPOTENCY_HEADER],
    )
    def post(self, request: Request) -> Response:
        """Take in a report with the content it is about."""
        body = ReportSerializer(data=request.data)
        body.is_valid(raise_exception=True)

        def act() -> list[int | None]:
            return _receive(body, request)

        return answer_once(request, act, _report_answer, status.HTTP_202_ACCEPTED)


class BulkReportsView(Endpoint):
    """Complaints by the thousand."""

    permissions = {"POST": Permission.INGEST}
    parser_classes = [JSONLinesParser, JSONLinesAliasParser]

    @extend_schema(
        operation_id="create_reports_in_bulk",
        request={"application/x-ndjson": OpenApiTypes.STR},
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
        parameters=[IDEMPOTENCY_HEADER],
    )
    def post(self, request: Request) -> Response:
        """Take in one report a line; each line is accepted or rejected on its own.

        The answer's ``results`` has one row a line: ``line`` (from 1), ``status`` and the report's answer, or the
        problem. Under an idempotency key each line is done once, however often the request is repeated.
        """
        lines = cast(list[bytes], request.data if request.data else [])
        # A transaction a line: locks are held too briefly for two requests to wait in a ring.
        results = [{"line": number, **_take_line(request, number, line)} for number, line in enumerate(lines, start=1)]
        accepted = sum(row["status"] == "accepted" for row in results)
        return Response({"accepted": accepted, "rejected": len(results) - accepted, "results": results})


class ContentsView(Endpoint):
    """Content without a complaint."""

    permissions = {"POST": Permission.INGEST}

    @extend_schema(
        operation_id="create_content",
        request=ContentSerializer,
        responses={202: ContentAnswerSerializer},
        parameters=[IDEMPOTENCY_HEADER],
    )
    def post(self, request: Request) -> Response:
        """Take in a content for proactive scanning; the same id with another text is a new revision."""
        body = ContentSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        submitted, author = body.to_input()

        def act() -> list[int]:
            content = intake.receive_content(submitted=submitted, author=author, acting_user=cast(User, request.user))
            return [content.pk, content.current_revision.number if content.current_revision else 0]

        return answer_once(request, act, _content_answer, status.HTTP_202_ACCEPTED)


class ContentView(Endpoint):
    """One content, under the platform's id."""

    permissions = {"GET": Permission.READ_CASES, "DELETE": Permission.INGEST}

    @extend_schema(operation_id="read_content", responses={200: ContentViewSerializer})
    def get(self, request: Request, external_id: str) -> Response:
        """The content as it stands: its wording, whether it is scored, its case."""
        return Response(representations.content(contents.get(external_id), viewer=cast(User, request.user)))

    @extend_schema(operation_id="delete_content", responses={204: None})
    def delete(self, request: Request, external_id: str) -> Response:
        """The platform deleted the content: what is open is closed."""
        intake.withdraw_content(external_id=external_id, acting_user=cast(User, request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _take_line(request: Request, number: int, line: bytes) -> dict[str, Any]:
    try:
        receipt = _receive_line(request, number, line)
    except ValidationError as error:
        return {"status": "rejected", "code": "invalid", "errors": flatten(error.detail)}
    except ParseError as error:
        return {
            "status": "rejected",
            "code": "parse_error",
            "errors": [{"pointer": "", "detail": str(error.detail)}],
        }
    except ModerationError as error:
        return {
            "status": "rejected",
            "code": error.code,
            "errors": [{"pointer": error.pointer or "", "detail": error.detail}],
        }
    return {"status": "accepted", **_report_answer(receipt)}


def _receive_line(request: Request, number: int, line: bytes) -> list[int | None]:
    body = ReportSerializer(data=loads(line))
    body.is_valid(raise_exception=True)

    return line_key(request, number, line, lambda: _receive(body, request))


def _receive(body: ReportSerializer, request: Request) -> list[int | None]:
    """Keys of the report and of its case as it is now: what a replay must answer, whatever comes after."""
    report = intake.receive_report(submitted=body.to_report(), acting_user=cast(User, request.user))
    return [report.pk, report.case_id]


def _report_answer(receipt: Any) -> dict[str, Any]:
    report_id, case_id = receipt
    return representations.report_answer(Report.objects.select_related("content").get(pk=report_id), case_id=case_id)


def _content_answer(value: Any) -> dict[str, Any]:
    content_id, revision = value
    return representations.content_answer(Content.objects.get(pk=content_id), revision)
