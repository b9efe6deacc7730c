"""Where the platform hears of decisions, how far each effect has come on its way there, and the dead letters."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.delivery_forms import ChangeEndpointForm, DeliveryFilterForm, NewEndpointForm
from moderation.enums import DeliveryState, OutboxTopic
from moderation.errors import Conflict, InvalidInput
from moderation.permissions import Permission
from moderation.selectors import deliveries as selectors
from moderation.services import dead_letters, endpoints

PAGE_SIZE = 50


@page(Permission.MANAGE)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All endpoints with what waits for them, and the form of a new one."""
    return _index(request, NewEndpointForm())


@page(Permission.MANAGE)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add an endpoint; the page that answers shows its secret, and nothing does again."""
    form = NewEndpointForm(request.POST)
    if form.is_valid():
        try:
            endpoint = endpoints.add(**form.cleaned_data, acting_user=user_of(request))
        except InvalidInput as error:
            form.refuse(error)
        else:
            return render(request, "console/webhook_secret.html", {"endpoint": endpoint, "fresh": True})
    return _index(request, form, status=400)


@page(Permission.MANAGE)
@require_GET
def endpoint(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """One endpoint: how it is doing, what can be done, what was sent last."""
    return _endpoint(request, endpoint_id, None)


@page(Permission.MANAGE)
@require_POST
def change(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Change address and concurrency."""
    form = ChangeEndpointForm(request.POST)
    if form.is_valid():
        try:
            endpoints.change(endpoint_id=endpoint_id, acting_user=user_of(request), **form.cleaned_data)
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, "Saved.")
            return redirect("webhook", endpoint_id)
    return _endpoint(request, endpoint_id, form, status=400)


@page(Permission.MANAGE)
@require_POST
def switch(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Switch the endpoint on or off, as the button said, whatever another tab did meanwhile."""
    on = request.POST.get("to") == "on"
    endpoints.change(endpoint_id=endpoint_id, is_active=on, acting_user=user_of(request))
    messages.success(request, "Switched on: what waits is being sent." if on else "Switched off: nothing is sent.")
    return redirect("webhook", endpoint_id)


@page(Permission.MANAGE)
@require_POST
def rotate(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Make a fresh secret, shown this once."""
    rotated = endpoints.rotate_secret(endpoint_id=endpoint_id, acting_user=user_of(request))
    return render(request, "console/webhook_secret.html", {"endpoint": rotated, "fresh": False})


@page(Permission.MANAGE)
@require_POST
def ping(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Send a test and say what came of it."""
    attempt = endpoints.ping(endpoint_id=endpoint_id, acting_user=user_of(request))
    if attempt.error:
        messages.error(request, f"The ping failed: {attempt.error}.")
    else:
        messages.success(request, f"Answered {attempt.status_code} after {attempt.milliseconds} ms.")
    return redirect("webhook", endpoint_id)


@page(Permission.MANAGE)
@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """Deliveries by state, endpoint and topic, the newest first; the dead letters unless something is asked for."""
    form = DeliveryFilterForm(request.GET if request.GET.keys() - {"page"} else {"state": DeliveryState.DEAD})
    chosen = form.to_filter()
    pages = Paginator(selectors.deliveries(chosen), PAGE_SIZE).get_page(request.GET.get("page"))
    asked = {"state": chosen.state, "endpoint": chosen.endpoint or "", "topic": chosen.topic}
    context = {
        "pages": pages,
        "chosen": chosen,
        "states": DeliveryState.choices,
        "topics": OutboxTopic.choices,
        "endpoints": selectors.endpoints(),
        "query": urlencode(asked) + "&",
        "dead_chosen": chosen.state == DeliveryState.DEAD and pages.paginator.count,
    }
    return render(request, "console/deliveries.html", context)


@page(Permission.MANAGE)
@require_GET
def delivery(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """One delivery with its log."""
    row = selectors.delivery(delivery_id)
    pages = Paginator(selectors.attempts_of(row), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "console/delivery.html", {"delivery": row, "pages": pages})


@page(Permission.MANAGE)
@require_POST
def replay(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Queue one dead letter again."""
    try:
        row = dead_letters.replay(delivery_id=delivery_id, acting_user=user_of(request))
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        queued = row.state == DeliveryState.PENDING
        messages.success(request, "Queued again." if queued else "Cancelled: it was superseded meanwhile.")
    return redirect("delivery", delivery_id)


@page(Permission.MANAGE)
@require_POST
def replay_all(request: HttpRequest) -> HttpResponse:
    """Queue all dead letters of the filter again."""
    chosen = DeliveryFilterForm(request.POST).to_filter()
    done = dead_letters.replay_all(chosen=chosen, acting_user=user_of(request))
    messages.success(request, f"{done.queued} queued again, {done.cancelled} cancelled because they were superseded.")
    return redirect("deliveries")


def _index(request: HttpRequest, form: NewEndpointForm, status: int = 200) -> HttpResponse:
    context = {"endpoints": selectors.endpoints(), "form": form, "unaddressed": selectors.unaddressed()}
    return render(request, "console/webhooks.html", context, status=status)


def _endpoint(
    request: HttpRequest, endpoint_id: int, form: ChangeEndpointForm | None, status: int = 200
) -> HttpResponse:
    row = selectors.endpoint(endpoint_id)
    pages = Paginator(selectors.attempts_at(row), PAGE_SIZE).get_page(request.GET.get("page"))
    shown = form or ChangeEndpointForm(initial={"url": row.url, "concurrency": row.concurrency})
    return render(request, "console/webhook.html", {"endpoint": row, "pages": pages, "form": shown}, status=status)
