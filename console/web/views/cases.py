"""The permanent page of a case: how it came to where it stands; overriding for seniors."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.forms import OpinionForm
from moderation.enums import ActionKind, CaseStatus
from moderation.errors import ModerationError
from moderation.models import User
from moderation.permissions import Permission, may
from moderation.selectors import blindness, history, pending, queues, workspace
from moderation.services import decisions, priority


@page(Permission.READ_CASES)
@require_GET
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """Status, content, decisions, evidence, labels and the timeline."""
    return render(request, "console/case.html", _case(request, case_id))


@page(Permission.OVERRIDE)
@require_POST
def override(request: HttpRequest, case_id: int, decision_id: int) -> HttpResponse:
    """Replace the binding decision with another."""
    form = OpinionForm(request.POST)
    problem, status = "", 400
    if form.is_valid():
        try:
            decisions.override(decision_id=decision_id, opinion=form.opinion(), acting_user=user_of(request))
        except ModerationError as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, "The decision is replaced; its effects follow.")
            return redirect("case", case_id=case_id)
    else:
        problem = next(str(errors[0]) for errors in form.errors.values())
    context = {**_case(request, case_id), "problem": problem, "typed": form.typed()}
    return render(request, "console/case.html", context, status=status)


def _case(request: HttpRequest, case_id: int) -> dict[str, Any]:
    user = user_of(request)
    told = history.case_history(case_id, viewer=user)
    reviewing = queues.live_review(told.case)
    # A mask that came and went would tell what the model thinks.
    graphic = told.hides_model or bool(workspace.graphic_policies(told.case))
    return {
        "told": told,
        "graphic": graphic,
        "masked": graphic and request.GET.get("reveal") != "1",
        "priority": None if told.hides_model else priority.current(told.case),
        "holder": reviewing.reviewer if reviewing else None,
        "mine": reviewing is not None and reviewing.reviewer_id == user.pk,
        "can_claim": _can_claim(told, user),
        "can_take_back": _can_take_back(told, user),
        "can_undo": told.binding is not None and _may_undo(told, user),
        "can_override": told.binding is not None
        and told.case.status == CaseStatus.DECIDED
        and may(user, Permission.OVERRIDE),
        "policies": workspace.policy_keys(),
        "actions": list(ActionKind),
        "typed": {"verdict": "", "policies": [], "actions": [], "rationale": ""},
    }


def _can_claim(told: history.CaseHistory, user: User) -> bool:
    review = told.case.reviews.filter(state__in=blindness.PENDING).select_related("queue").first()
    if review is None or not may(user, Permission.REVIEW) or review.bars.filter(user=user).exists():
        return False
    return not review.queue.seniors_only or may(user, Permission.OVERRIDE)


def _can_take_back(told: history.CaseHistory, user: User) -> bool:
    return (pending.escalation_of(told.case, user) or pending.judgement_of(told.case, user)) is not None


def _may_undo(told: history.CaseHistory, user: User) -> bool:
    if told.binding is None or told.case.status != CaseStatus.DECIDED or not may(user, Permission.REVIEW):
        return False
    return told.binding.decided_by_id == user.pk or may(user, Permission.OVERRIDE)
