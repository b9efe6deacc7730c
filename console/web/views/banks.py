"""Banks: what they hold, what an entry would catch, what it has hit."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from console.web.access import page, user_of
from console.web.rule_forms import BankChangeForm, BankForm, EntryChangeForm, EntryForm
from moderation.errors import Conflict, InvalidInput
from moderation.models import Bank
from moderation.permissions import Permission
from moderation.selectors import banks as selectors
from moderation.services import banks

PAGE_SIZE = 50
HITS_LISTED = 10


@page(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """Every bank; a new one."""
    form = BankForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            bank = banks.create(acting_user=user_of(request), **form.cleaned_data)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, f"The bank “{bank.name}” is made; it holds nothing yet.")
            return redirect("bank", slug=bank.slug)
    context = {"banks": selectors.banks(), "form": form}
    return render(request, "console/banks.html", context, status=422 if form.errors else 200)


@page(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def bank(request: HttpRequest, slug: str) -> HttpResponse:
    """A bank's entries, newest first, and a form for another; a post changes the bank itself."""
    row = selectors.get(slug)
    if request.method == "GET":
        return _bank(request, row, EntryForm(initial={"days": 30, "owner": user_of(request).username}))
    form = BankChangeForm(request.POST)
    if form.is_valid():
        banks.change(slug=slug, acting_user=user_of(request), **form.cleaned_data)
        messages.success(request, "The bank is changed.")
    else:
        messages.error(request, "A bank has a name of 1 to 80 characters and an active policy.")
    return redirect("bank", slug=slug)


@page(Permission.MANAGE)
@require_POST
def add_entry(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the entry would catch, or keep it."""
    row = selectors.get(slug)
    form = EntryForm(request.POST)
    if not form.is_valid():
        return _bank(request, row, form, status=422)
    try:
        if "preview" in request.POST:
            return _preview(request, row, form)
        entry = banks.add_entry(
            bank=row,
            value=form.cleaned_data["value"],
            acting_user=user_of(request),
            **form.values(),
        )
    except InvalidInput as error:
        form.refuse(error)
        return _bank(request, row, form, status=422)
    except Conflict as error:
        form.add_error("value", error.detail)
        return _bank(request, row, form, status=409)
    messages.success(request, f"Entry {entry.pk} is kept and matches from now on.")
    return redirect("bank", slug=slug)


@page(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry with what it has hit; its end, note and owner can be changed."""
    row = selectors.entry(entry_id)
    form = EntryChangeForm(request.POST) if request.method == "POST" else EntryChangeForm.of(row)
    if request.method == "POST" and form.is_valid():
        try:
            banks.change_entry(entry_id=entry_id, acting_user=user_of(request), **form.values())
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, "The entry is changed.")
            return redirect("bank_entry", entry_id=entry_id)
    context = {"entry": row, "form": form, "hits": selectors.latest_hits(row, limit=HITS_LISTED)}
    return render(request, "console/bank_entry.html", context, status=422 if form.errors else 200)


@page(Permission.MANAGE)
@require_POST
def remove_entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """The entry matches nothing from now on."""
    removed = banks.remove_entry(entry_id=entry_id, acting_user=user_of(request))
    messages.success(request, "The entry is removed and matches nothing from now on.")
    return redirect("bank", slug=removed.bank.slug)


def _preview(request: HttpRequest, row: Bank, form: EntryForm) -> HttpResponse:
    _, matched = banks.matched_form(row.kind, form.cleaned_data["value"])
    seen = selectors.preview(kind=row.kind, form=matched, days=form.cleaned_data["days"] or 30)
    return _bank(request, row, form, preview=seen)


def _bank(
    request: HttpRequest, row: Bank, form: EntryForm, *, preview: selectors.Preview | None = None, status: int = 200
) -> HttpResponse:
    containing = request.GET.get("containing", "").replace("\0", "")[:200]
    pages = Paginator(selectors.entries(row, containing=containing), PAGE_SIZE)
    context = {
        "bank": row,
        "form": form,
        "preview": preview,
        "pages": pages.get_page(request.GET.get("page")),
        "containing": containing,
        "change_form": BankChangeForm(
            initial={"name": row.name, "policy": row.policy.slug, "is_active": row.is_active}
        ),
    }
    if request.headers.get("HX-Request"):
        return render(request, "console/partials/bank_entry_form.html", context, status=status)
    return render(request, "console/bank.html", context, status=status)
