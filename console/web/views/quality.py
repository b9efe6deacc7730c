"""How well people agree, and what is missed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.charts import intervals
from moderation import enqueue
from moderation.errors import ModerationError
from moderation.permissions import Permission
from moderation.selectors import quality as selectors


@page(Permission.REVIEW)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Agreement, golden accuracy and anchoring: everyone's for who leads, one's own for everyone."""
    return render(request, "console/quality.html", {"quality": selectors.quality_of(user_of(request))})


@page(Permission.READ_QUALITY)
@require_POST
def measure(request: HttpRequest) -> HttpResponse:
    """Have a worker measure now instead of within the hour."""
    try:
        enqueue.measure_quality()
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "A worker measures now; the figures follow in a moment.")
    return redirect("quality")


@page(Permission.READ_QUALITY)
@require_GET
def insights(request: HttpRequest) -> HttpResponse:
    """Prevalence and recall by policy, over the whole time and week by week."""
    found = selectors.missed()
    rows = [
        {"name": name, "whole": whole, "weeks": weeks, "chart": intervals([week["prevalence"] for week in weeks])}
        for name, whole, weeks in found.policies
    ]
    return render(request, "console/insights.html", {"missed": found, "rows": rows})
