"""Search over cases, content and accounts, and the searches one keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.snippets import Piece, snippet
from moderation import queries
from moderation.enums import CaseStatus
from moderation.errors import ModerationError, NotFound
from moderation.models import Account, Content, ContentRevision, SavedView, User
from moderation.permissions import Permission, may
from moderation.queries import FILTERS, BadQuery, Query, Scope
from moderation.queries.parsing import LONGEST
from moderation.selectors import search
from moderation.selectors.paging import Slice
from moderation.selectors.search import CaseHit
from moderation.services import saved_views

_SCOPES = (
    (Scope.CASES, gettext_lazy("Cases")),
    (Scope.CONTENT, gettext_lazy("Content")),
    (Scope.ACCOUNTS, gettext_lazy("Accounts")),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A result as the list shows it: one of the three, with the part of its text to show.

    ``masked``: the text is shown only when asked for; ``pickable``: the case may be among those decided as one.
    """

    hit: CaseHit | None = None
    content: Content | None = None
    account: Account | None = None
    text: Sequence[Piece] = ()
    masked: bool = False
    pickable: bool = False


@page(Permission.READ_CASES)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """What the search finds, page by page; what cannot be read is shown with its place."""
    typed = request.GET.get("q", "")
    user = user_of(request)
    context: dict[str, Any] = {
        "typed": typed,
        "longest": LONGEST,
        "filters": FILTERS.items(),
        "views": list(SavedView.objects.filter(owner=user)),
        "after": request.GET.get("after", ""),
    }
    try:
        query = queries.parse(typed)
        if typed.strip():
            context["results"], context["next"] = _results(query, user, request.GET.get("after", ""))
    except ModerationError as error:
        context |= {"error": error, "at_fault": _at_fault(typed, error)}
        return render(request, "console/search.html", context, status=error.status)
    context["scopes"] = [
        {"label": label, "address": _address(query.within(scope).written()), "current": scope == query.scope}
        for scope, label in _SCOPES
    ]
    context["query"] = query
    return render(request, "console/search.html", context)


@page(Permission.READ_CASES)
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the search under a name."""
    typed = request.POST.get("q", "")
    try:
        view = saved_views.save(name=request.POST.get("name", ""), query=typed, acting_user=user_of(request))
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, _("Kept as “%(name)s”.") % {"name": view.name})
    return redirect(_address(typed))


@page(Permission.READ_CASES)
@require_POST
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Forget a view of one's own; its search stays on screen. Gone already is as good."""
    try:
        typed = saved_views.delete(view_id=view_id, acting_user=user_of(request))
    except NotFound as error:
        messages.error(request, error.detail)
        return redirect("search")
    return redirect(_address(typed))


def _results(query: Query, user: User, after: str) -> tuple[list[Found], str]:
    if query.scope == Scope.CASES:
        cases = search.cases(query, viewer=user, after=after)
        batches = may(user, Permission.BATCH)
        found = [
            Found(
                hit=hit,
                masked=hit.masked,
                text=_part(hit.case.content.current_revision, query),
                pickable=batches and hit.case.status == CaseStatus.OPEN and not hit.blind,
            )
            for hit in search.case_hits(cases.rows, viewer=user)
        ]
        return found, cases.after
    if query.scope == Scope.CONTENT:
        contents: Slice[Content] = search.contents(query, viewer=user, after=after)
        newest = [case for row in contents.rows for case in row.latest_cases]  # type: ignore[attr-defined]
        masked = {hit.case.content_id for hit in search.case_hits(newest, viewer=user) if hit.masked}
        found = [
            Found(content=row, text=_part(row.current_revision, query), masked=row.pk in masked)
            for row in contents.rows
        ]
        return found, contents.after
    accounts = search.accounts(query, after=after)
    return [Found(account=row) for row in accounts.rows], accounts.after


def _part(revision: ContentRevision | None, query: Query) -> list[Piece]:
    if revision is None or revision.erased_at is not None:
        return []
    return snippet(revision.text, query.terms)


def _at_fault(typed: str, error: ModerationError) -> tuple[str, str, str] | None:
    """What was typed before the place at fault, there, and after it."""
    if not isinstance(error, BadQuery):
        return None
    return typed[: error.start], typed[error.start : error.end], typed[error.end :]


def _address(typed: str) -> str:
    return f"{reverse('search')}?{urlencode({'q': typed})}"
