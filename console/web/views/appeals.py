"""Appeals: the public page behind the signed link, and the seniors' list and decision."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from console.web.access import page, public_page, user_of
from console.web.appeal_forms import AppealForm, ResolutionForm
from console.web.rate import within_rate
from moderation.enums import ActionKind
from moderation.errors import ModerationError
from moderation.models import Appeal, Decision
from moderation.permissions import Permission
from moderation.selectors import appeals as selectors
from moderation.selectors import workspace
from moderation.services import appeal_links, appeals

PAGE_SIZE = 20
RECENT = 20


@public_page
@csrf_exempt  # the token is what lets one in: no cookie adds to it, and without a referrer none could be checked
@require_http_methods(["GET", "HEAD", "POST"])
def appeal(request: HttpRequest, token: str) -> HttpResponse:
    """What was decided on which text, and a form to contest it, once; opening it changes nothing."""
    response = _appeal(request, token)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _appeal(request: HttpRequest, token: str) -> HttpResponse:
    if not within_rate(request):
        context = {
            "title": _("Too many visits"),
            "problem": _("There were too many visits from your address. Try again in a minute."),
        }
        return render(request, "console/appeal_refused.html", context, status=429)
    form = AppealForm(request.POST if request.method == "POST" else None)
    try:
        decision = selectors.decision_of(appeal_links.decision_id(token))
        if request.method == "POST" and form.is_valid():
            appeals.open_appeal(
                decision_id=decision.pk,
                appellant=decision.case.content.author,
                statement=form.cleaned_data["statement"],
                acting_user=None,
            )
            return redirect("appeal", token=token)
    except ModerationError as error:
        refusal = {"title": error.title, "problem": error.detail}
        return render(request, "console/appeal_refused.html", refusal, status=error.status)
    shown = {**_public(decision), "form": form}
    return render(request, "console/appeal.html", shown, status=400 if form.errors else 200)


def _public(decision: Decision) -> dict[str, Any]:
    """What an appellant sees: never who decided, nor a note of theirs."""
    return {
        "decision": decision,
        "revision": selectors.text_decided_on(decision),
        "actions": [ActionKind(kind).label for kind in decision.actions],
        "until": selectors.deadline(decision),
        "appeal": Appeal.objects.filter(decision=decision).first(),
        "replaced": Decision.objects.filter(supersedes=decision).exists(),
    }


@page(Permission.RESOLVE_APPEALS)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Open appeals, the oldest first, and what became of the last ones."""
    pages = Paginator(selectors.contested(), PAGE_SIZE)
    resolved = [(row, row.resolved_at - row.created_at) for row in selectors.resolved()[:RECENT] if row.resolved_at]
    context = {"pages": pages.get_page(request.GET.get("page")), "resolved": resolved}
    return render(request, "console/appeals.html", context)


@page(Permission.RESOLVE_APPEALS)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, appeal_id: int) -> HttpResponse:
    """The text, the decision and the appeal against it, without who decided; uphold, overturn or change."""
    contested = selectors.get(appeal_id)
    form = ResolutionForm(request.POST if request.method == "POST" else None)
    problem, status = "", 200
    if form.is_bound and form.is_valid():
        try:
            appeals.resolve_appeal(
                appeal_id=appeal_id,
                opinion=form.new_opinion(),
                rationale=form.cleaned_data["rationale"],
                acting_user=user_of(request),
            )
        except ModerationError as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, _("The appeal is decided; its effects follow."))
            return redirect("appeals")
    elif form.is_bound:
        problem, status = next(str(errors[0]) for errors in form.errors.values()), 400
    context = {
        **_public(contested.decision),
        "appeal": contested,
        "own": user_of(request).pk in selectors.deciders(contested.decision),
        "form": form,
        "problem": problem,
        "typed": form.typed(),
        "policies": workspace.policy_keys(),
        "action_kinds": list(ActionKind),
    }
    return render(request, "console/appeal_decide.html", context, status=status)
