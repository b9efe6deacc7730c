"""What needs someone else: decisions to approve, disagreements to settle."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.forms import SendBackForm
from moderation.errors import ModerationError
from moderation.permissions import Permission
from moderation.selectors import adjudications as disagreements
from moderation.selectors import holds as selectors
from moderation.selectors import paging
from moderation.services import holds

PAGE_SIZE = 20


@page(Permission.OVERRIDE)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Held decisions, the oldest first, each with what was judged and why; one's own cannot be approved."""
    pages = Paginator(selectors.pending(), PAGE_SIZE)
    context = {"pages": pages.get_page(request.GET.get("page")), "disagreements": disagreements.pending().count()}
    return render(request, "console/holds.html", context)


@page(Permission.OVERRIDE)
@require_POST
def approve(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Let the held decision bind."""
    try:
        decision = holds.approve(hold_id=hold_id, acting_user=user_of(request))
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"Approved: the decision on case {decision.case_id} binds; its effects follow.")
    return redirect("holds")


@page(Permission.OVERRIDE)
@require_POST
def send_back(request: HttpRequest, hold_id: int) -> HttpResponse:
    """Send the held decision back, with a reason; the case waits for someone else."""
    form = SendBackForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say in a few words why it is sent back.")
        return redirect("holds")
    try:
        hold = holds.reject(hold_id=hold_id, note=form.cleaned_data["note"], acting_user=user_of(request))
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"Sent back: case {hold.case_id} waits for someone else.")
    return redirect("holds")


@page(Permission.OVERRIDE)
@require_GET
def adjudications(request: HttpRequest) -> HttpResponse:
    """Cases on which two reviewers disagree, the oldest first, with both judgements side by side."""
    after = request.GET.get("after", "")
    found = paging.newest(disagreements.pending(), after=after, size=PAGE_SIZE, descending=False)
    rows = disagreements.all_of(found.rows, viewer=user_of(request))
    context = {"rows": rows, "next": found.after, "after": after, "held": selectors.pending().count()}
    return render(request, "console/adjudications.html", context)
