"""Model versions: where they come from, how they were judged, who may change which one scores."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.forms import CalibrationForm
from moderation.enums import ModelStatus
from moderation.errors import ModerationError
from moderation.models import ModelVersion
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
    """One version: gates with their figures, training set, card, and what watching it has found."""
    profile = selectors.model_profile(number)
    context = {
        "profile": profile,
        "earlier": selectors.earlier_champion(),
        "shadow": selectors.shadow(),
        "comparison": _comparison(profile.version),
    }
    return render(request, "console/model.html", context)


@page(Permission.READ_MODELS)
@require_GET
def words(request: HttpRequest, number: int) -> HttpResponse:
    """The words that raise and lower each policy's score most, folded away: many are offensive."""
    from moderation.learning.words import word_importances

    version = selectors.model_version(number)
    context = {"version": version, "policies": word_importances(version)}
    return render(request, "console/model_words.html", context)


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
def begin_shadow(request: HttpRequest, number: int) -> HttpResponse:
    """Have the version score live traffic without a say in it."""
    from moderation.services import shadow

    version = selectors.model_profile(number).version
    done = f"Model v{number} scores in shadow from now on. Nothing hangs on what it says."
    _try(request, lambda: shadow.begin(version=version, acting_user=user_of(request)), done)
    return redirect("model", number=number)


@page(Permission.MANAGE)
@require_POST
def refuse_shadow(request: HttpRequest, number: int) -> HttpResponse:
    """End the version's shadow by refusing it."""
    from moderation.services import shadow

    version = selectors.model_profile(number).version
    done = f"Model v{number} is refused and scores no more."
    _try(request, lambda: shadow.refuse(version=version, acting_user=user_of(request)), done)
    return redirect("model", number=number)


@page(Permission.MANAGE)
@require_POST
def calibrate(request: HttpRequest, slug: str) -> HttpResponse:
    """Look for the score from which the policy's precision is guaranteed; nothing is automated by it."""
    from moderation.services import automation

    policy = selectors.policy(slug)
    form = CalibrationForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The precision must be a number between 0.5 and 0.999.")
        return redirect("models")
    precision = form.cleaned_data["precision"]
    try:
        found = automation.calibrate(policy=policy, precision=precision, acting_user=user_of(request))
    except ModerationError as error:
        messages.error(request, error.detail)
        return redirect("models")
    messages.success(request, f"{policy.name}: {found.sentence}")
    return redirect("model", number=found.model_version.number)


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


def _comparison(version: ModelVersion) -> object:
    """The shadow beside the champion, for the shadow's own page."""
    if version.status != ModelStatus.SHADOW:
        return None
    from moderation.learning import comparison

    return comparison.compare(version)


def _try(request: HttpRequest, change: Callable[[], object], done: str) -> None:
    """Make the change, and say in words what came of it."""
    try:
        change()
    except ModerationError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
