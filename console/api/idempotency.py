"""The ``Idempotency-Key`` header over the idempotency service."""

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from rest_framework.request import Request
from rest_framework.response import Response

from moderation.errors import InvalidInput
from moderation.models import ApiKey, User
from moderation.services import idempotency

KEY_LIMIT = 255
_Value = TypeVar("_Value")


def answer_once(request: Request, act: Callable[[], Any], render: Callable[[Any], Any], status: int) -> Response:
    """Do ``act`` (once, if the request carries a key) and answer with its rendered value.

    ``act`` returns references (JSON); ``render`` makes the answer from them, so that a replay says what was said.
    """
    key = _key(request)
    if key is None:
        return Response(render(act()), status=status)
    answer = idempotency.once(
        user=cast(User, request.user),
        api_key=_api_key(request),
        key=key,
        request=f"{request.method} {request.path} {json.dumps(request.data, sort_keys=True)}",
        act=act,
    )
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    return Response(render(answer.value), status=status, headers=headers)


def line_key(request: Request, number: int, line: bytes, act: Callable[[], _Value]) -> _Value:
    """Do ``act`` for one line of a bulk request, once a key, line number and line."""
    key = _key(request)
    if key is None:
        return act()
    answer = idempotency.once(
        user=cast(User, request.user),
        api_key=_api_key(request),
        key=f"{key}\n{number}",
        request=f"{request.method} {request.path} {line.decode('utf-8', 'replace')}",
        act=act,
    )
    return cast(_Value, answer.value)


def _key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isprintable()):
        raise InvalidInput(f"An idempotency key has 1 to {KEY_LIMIT} printable characters.")
    return key


def _api_key(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None
