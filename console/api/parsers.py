"""Bodies: strict JSON under a size limit, and JSON Lines."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from console.api.problems import BodyTooLarge

_SURROGATES = ("\ud800", "\udfff")
_DEPTH_LIMIT = 64


class StrictJSONParser(BaseParser):
    """UTF-8 JSON as RFC 8259 has it: no NaN, no NUL, no lone surrogates, no duplicate keys."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body's value. Raises ``ParseError`` (400) and ``BodyTooLarge`` (413)."""
        return loads(read_limited(stream, parser_context, limit=settings.BODY_LIMIT_BYTES))


class JSONLinesParser(BaseParser):
    """JSON Lines, one value a line; lines are left as bytes, so that a bad one does not spoil the others."""

    media_type = "application/x-ndjson"

    def parse(  # type: ignore[override]
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> list[bytes]:
        """The body's lines without empty ones at the end. Raises ``BodyTooLarge`` (413)."""
        body = read_limited(stream, parser_context, limit=settings.BULK_BODY_LIMIT_BYTES)
        lines = body.split(b"\n")
        while lines and not lines[-1].strip():
            lines.pop()
        if len(lines) > settings.BULK_LINE_LIMIT:
            raise BodyTooLarge(f"At most {settings.BULK_LINE_LIMIT} lines at a time.")
        return lines


class JSONLinesAliasParser(JSONLinesParser):
    """The other name JSON Lines goes by."""

    media_type = "application/jsonl"


def read_limited(stream: IO[Any], parser_context: Mapping[str, Any] | None, *, limit: int) -> bytes:
    """The whole body, or ``BodyTooLarge`` before more than the limit is read."""
    request = (parser_context or {}).get("request")
    declared = int(request.META.get("CONTENT_LENGTH") or 0) if request is not None else 0
    if declared > limit:
        raise BodyTooLarge(f"The body is over the limit of {limit} bytes.")
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge(f"The body is over the limit of {limit} bytes.")
    return body


def loads(body: bytes) -> Any:
    """Parse strict JSON. Raises ``ParseError`` with what is wrong and where."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique_keys,
        )
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from error
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"The body is not acceptable JSON: {error}") from error
    if b"\\u" in body or body.count(b"[") + body.count(b"{") > _DEPTH_LIMIT:
        _check_values(value)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("an object has the same key twice")
    return keys


def _check_values(value: Any) -> None:
    """Refuse what is nested too deeply for those who read it after us, and NULs and lone surrogates in strings.

    Only an escape can bring either character into valid UTF-8 JSON.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _DEPTH_LIMIT + 1:
            raise ParseError(f"The body is nested more than {_DEPTH_LIMIT} levels deep.")
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_string(item)
            elif isinstance(item, dict):
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
        level = below


def _check_string(text: str) -> None:
    if "\0" in text or any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in text):
        raise ParseError("A text holds a NUL character or a lone surrogate.")
