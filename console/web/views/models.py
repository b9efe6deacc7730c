"""Model versions: where they come from, how they were judged, who may change which one scores."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from moderation.errors import ModerationError
from moderation.permissions import Permission
from moderation.selectors import models as selectors


@page(Permission.READ_MODELS)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every version with its status and its gates at a glance."""
    context = {"versions": selectors.model_versions(), "earlier": selectors.earlier_champion()}
    return render(request, "console/models.html", context)


@page(Permission.READ_MODELS)
@require_GET
def model(request: HttpRequest, number: int) -> HttpResponse:
    """One version: gates with their figures, training set, card."""
    context = {"profile": selectors.model_profile(number), "earlier": selectors.earlier_champion()}
    return render(request, "console/model.html", context)


@page(Permission.MANAGE)
@require_POST
def promote(request: HttpRequest, number: int) -> HttpResponse:
    """Make the version champion; open cases are scored anew."""
    # Training pulls in the learning libraries; a web process pays for them only here.
    from moderation.services import training

    version = selectors.model_profile(number).version
    done = f"Model v{number} scores from now on; open cases are scored anew."
    _try(request, lambda: training.promote(version=version, acting_user=user_of(request)), done)
    return redirect("model", number=number)


@page(Permission.MANAGE)
@require_POST
def roll_back(request: HttpRequest) -> HttpResponse:
    """Go back to the champion before."""
    from moderation.services import training

    done = "The earlier model scores again; open cases are scored anew."
    _try(request, lambda: training.roll_back(acting_user=user_of(request)), done)
    return redirect("models")


@page(Permission.MANAGE)
@require_POST
def retrain(request: HttpRequest) -> HttpResponse:
    """Have a worker train a candidate on the labels there are."""
    from moderation.services import training

    done = "Training has been asked for. The candidate appears here once a worker has judged it."
    _try(request, lambda: training.request_retrain(acting_user=user_of(request)), done)
    return redirect("models")


def _try(request: HttpRequest, change: Callable[[], object], done: str) -> None:
    """Make the change, and say in words what came of it."""
    try:
        change()
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
