"""One's own exposure: what the day brought, by severity. Nobody else sees it."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from console.web.access import page, user_of
from moderation.permissions import Permission
from moderation.selectors import exposure

_OFFERED = "break_offered"


@page(Permission.REVIEW)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Cases shown to the person today, by the gravest policy in play."""
    rows = exposure.exposure_of(user_of(request))
    context = {"rows": rows, "total": sum(count for _severity, count in rows), "every": settings.BREAK_EVERY_GRAVE}
    return render(request, "console/wellbeing.html", context)


def offer_break(request: HttpRequest) -> None:
    """Suggest a break, once, each time the person has been shown another so many grave cases today."""
    if not settings.BREAK_EVERY_GRAVE:
        return
    seen = exposure.grave_today(user_of(request))
    due = seen // settings.BREAK_EVERY_GRAVE
    offered = f"{timezone.now():%Y-%m-%d} {due}"
    if not due or request.session.get(_OFFERED) == offered:
        return
    request.session[_OFFERED] = offered
    messages.info(
        request,
        _("You have seen %(count)d cases of severe or critical policies today. A short break would do you good.")
        % {"count": seen},
    )
