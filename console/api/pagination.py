"""Lists by cursor: stable while rows come and go, equally fast on every page."""

from rest_framework.pagination import CursorPagination


class CursorPages(CursorPagination):
    """Newest first, 50 a page, up to 200 by ``page_size``."""

    ordering = "-pk"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
