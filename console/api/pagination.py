"""Lists by cursor: stable while rows come and go, equally fast on every page."""

import re

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class CursorPages(CursorPagination):
    """Newest first, 50 a page, up to 200 by ``page_size``."""

    ordering: str | tuple[str, ...] = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor sent; raises ``NotFound`` where it is none of ours."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _NUMBER.fullmatch(str(cursor.position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor
