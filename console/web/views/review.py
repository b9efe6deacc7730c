"""The review workspace: claim, look, judge; the next case comes."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from console.web.access import page, user_of
from console.web.charts import waterfall
from console.web.forms import DecisionForm, EscalationForm, LeaseForm, OpinionForm, SkipForm
from console.web.views.wellbeing import offer_break
from moderation.enums import ActionKind, CaseStatus, ReviewKind, SkipReason, Standing
from moderation.errors import Conflict, InvalidInput, LeaseLost, ModelUnavailable, ModerationError, NotFound
from moderation.learning import removal
from moderation.models import Case, Evidence, Queue, Review, User
from moderation.permissions import Permission, may
from moderation.selectors import blindness, pending, queues, workspace
from moderation.services import census, claims, decisions, priority, undoing

CASES_LISTED = 25
_QUEUE_KEY = "review_queue"
_ACTION_KEYS = {
    ActionKind.REMOVE: "r",
    ActionKind.RESTRICT: "l",
    ActionKind.WARN: "w",
    ActionKind.SUSPEND: "s",
    ActionKind.TERMINATE: "t",
}
# What is told before an action that is hard to make good again.
_CONSEQUENCES = {
    ActionKind.SUSPEND: "The platform is asked to suspend the author, not only this text.",
    ActionKind.TERMINATE: "The platform is asked to close the author’s account for good.",
}
_NOTHING_TYPED: dict[str, Any] = {"verdict": "", "policies": [], "actions": [], "rationale": ""}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why what the person asked for was not done, and whether the case can be had again by one key."""

    title: str
    detail: str
    code: str
    status: int
    reclaimable: bool


@page(Permission.REVIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: the queue with the cases next in line. POST: claim the next case."""
    line = queues.active_queue(slug)
    if request.method == "POST":
        request.session[_QUEUE_KEY] = line.slug
        return _next_case(request, line)
    return _queue_page(request, line)


@page(Permission.REVIEW)
@require_GET
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """The workspace of a case one holds, or held until the lease was lost."""
    user = user_of(request)
    review = queues.held_by(user).filter(case_id=case_id).first()
    if review is not None:
        claim = claims.claim_case(case=review.case, acting_user=user)
        return _workspace(request, claim.evidence, claim.review)
    evidence = workspace.evidence_shown(case_id=case_id, user=user)
    if evidence is None or evidence.case.status != CaseStatus.OPEN:
        return redirect("case", case_id=case_id)
    lost = LeaseLost("Your lease on this case has ended.")
    return _workspace(request, evidence, None, problem=_problem(lost, case_id, user))


@page(Permission.REVIEW)
@require_GET
def change(request: HttpRequest, case_id: int) -> HttpResponse:
    """What would have to go from the text one was shown for a policy not to flag it: a fragment."""
    shown = workspace.evidence_shown(case_id=case_id, user=user_of(request))
    if shown is None or shown.case.status != CaseStatus.OPEN:
        raise NotFound("You were not shown this case.")
    context: dict[str, Any] = {"change": None}
    try:
        context["change"] = removal.what_would_change(shown, policy=request.GET.get("policy", ""))
    except ModelUnavailable:
        context["words"] = _("The model that scored this is not at hand.")
    return render(request, "console/partials/change.html", context)


@page(Permission.REVIEW)
@require_POST
def claim(request: HttpRequest, case_id: int) -> HttpResponse:
    """Lease this very case, or have its lease back; what was typed so far comes along."""
    user = user_of(request)
    wanted = Case.including_golden.filter(pk=case_id).first()
    if wanted is None:
        raise NotFound("There is no such case.")
    typed = OpinionForm(request.POST).typed()
    try:
        taken = claims.claim_case(case=wanted, acting_user=user)
    except Conflict as error:
        return _refused(request, case_id, error, typed)
    if request.POST.get("version", "") not in {"", str(taken.evidence.case_version)}:
        messages.warning(request, "The case has changed since you first saw it. Look at it again.")
    if not _is_fragment(request) and not any(typed.values()):
        return redirect("review_case", case_id=case_id)
    return _workspace(request, taken.evidence, taken.review, typed=typed)


@page(Permission.REVIEW)
@require_POST
def decide(request: HttpRequest, case_id: int) -> HttpResponse:
    """Judge the case; then the next one is claimed at once."""
    user = user_of(request)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _refused(request, case_id, InvalidInput(_first_error(form)), form.typed())
    line = _line_of(request, case_id)
    try:
        outcome = decisions.judge(
            case_id=case_id,
            lease_token=form.cleaned_data["lease_token"],
            version=form.cleaned_data["version"],
            evidence_id=form.cleaned_data["evidence_id"],
            opinion=form.opinion(),
            acting_user=user,
        )
    except ModerationError as error:
        return _refused(request, case_id, error, form.typed())
    _tell_outcome(request, outcome)
    if outcome.claim is not None:
        return _workspace(request, outcome.claim.evidence, outcome.claim.review, typed=form.typed())
    return _next_case(request, line)


@page(Permission.REVIEW)
@require_POST
def skip(request: HttpRequest, case_id: int) -> HttpResponse:
    """Pass the case over, with a reason; the next one comes."""
    form = SkipForm(request.POST)
    line = _line_of(request, case_id)
    try:
        token = _token(form)
        claims.skip(case_id=case_id, token=token, reason=form.cleaned_data["reason"], acting_user=user_of(request))
    except ModerationError as error:
        return _refused(request, case_id, error, OpinionForm(request.POST).typed())
    messages.info(request, "Skipped. This case will not be offered to you again.")
    return _next_case(request, line)


@page(Permission.REVIEW)
@require_POST
def escalate(request: HttpRequest, case_id: int) -> HttpResponse:
    """Hand the case to the queue above, the rationale as the note; the next one comes."""
    line = _line_of(request, case_id)
    try:
        form = EscalationForm(request.POST)
        token = _token(form)
        note = form.cleaned_data["rationale"]
        review = claims.escalate(case_id=case_id, token=token, note=note, acting_user=user_of(request))
    except ModerationError as error:
        return _refused(request, case_id, error, OpinionForm(request.POST).typed())
    if pending.last_act_of(user_of(request)) is None:  # else the notice with the undo says so
        messages.info(request, f"Escalated to “{review.queue.name}”.")
    return _next_case(request, line)


@page(Permission.REVIEW)
@require_POST
def take_back(request: HttpRequest, case_id: int) -> HttpResponse:
    """Undo one's own escalation, or a judgement that waits for someone else; the case is leased again."""
    try:
        taken = undoing.take_back(case_id=case_id, acting_user=user_of(request))
    except ModerationError as error:
        messages.error(request, error.detail)
        return _go(request, reverse("home"))
    messages.success(request, "Undone. The case is yours again.")
    if _is_fragment(request):
        return _workspace(request, taken.evidence, taken.review)
    return redirect("review_case", case_id=case_id)


@page(Permission.REVIEW)
@require_POST
def release(request: HttpRequest, case_id: int) -> HttpResponse:
    """Give the case back and stop."""
    try:
        claims.release(case_id=case_id, token=_token(LeaseForm(request.POST)), acting_user=user_of(request))
    except ModerationError as error:
        return _refused(request, case_id, error, OpinionForm(request.POST).typed())
    messages.info(request, "The case is back in its queue.")
    return _go(request, reverse("home"))


@page(Permission.OVERRIDE)
@require_POST
def take_over(request: HttpRequest, case_id: int) -> HttpResponse:
    """Take the case from who holds it."""
    wanted = Case.including_golden.filter(pk=case_id).first()
    if wanted is None:
        raise NotFound("There is no such case.")
    try:
        claims.take_over(case=wanted, acting_user=user_of(request))
    except Conflict as error:
        messages.error(request, error.detail)
        return redirect("case", case_id=case_id)
    return redirect("review_case", case_id=case_id)


@page(Permission.REVIEW)
@require_POST
def reserve(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the queue's next case for after the one at hand; nothing of it is told."""
    claims.reserve_next(queue=queues.active_queue(slug), acting_user=user_of(request))
    return HttpResponse(status=204)


@page(Permission.REVIEW)
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """The person leaves the page: what was reserved for them goes back."""
    claims.release_reserved(acting_user=user_of(request))
    return HttpResponse(status=204)


@page(Permission.REVIEW)
@require_POST
def undo(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Take a decision back; its case is open again and leased to who undid it."""
    user = user_of(request)
    try:
        taken = decisions.undo(decision_id=decision_id, acting_user=user)
    except ModerationError as error:
        messages.error(request, error.detail)
        return _go(request, reverse("decisions"))
    messages.success(request, "Undone. The case is yours again.")
    if _is_fragment(request):
        return _workspace(request, taken.evidence, taken.review)
    return redirect("review_case", case_id=taken.review.case_id)


@page(Permission.REVIEW)
@require_POST
def heartbeat(request: HttpRequest, case_id: int) -> JsonResponse:
    """Renew the lease: seconds left and the case's version, or why not."""
    user = user_of(request)
    try:
        review = claims.renew(case_id=case_id, token=_token(LeaseForm(request.POST)), acting_user=user)
    except ModerationError as error:
        problem = _problem(error, case_id, user)
        body = {"title": problem.title, "detail": problem.detail, "code": problem.code}
        return JsonResponse({**body, "reclaimable": problem.reclaimable}, status=problem.status)
    return JsonResponse({"expires_in": _seconds_left(review), "version": review.case.version})


def _next_case(request: HttpRequest, line: Queue) -> HttpResponse:
    taken = claims.claim_next(queue=line, acting_user=user_of(request))
    if taken is None:
        return _queue_page(request, line) if _is_fragment(request) else redirect("queue", slug=line.slug)
    offer_break(request)
    if _is_fragment(request):
        return _workspace(request, taken.evidence, taken.review)
    return redirect("review_case", case_id=taken.review.case_id)


def _tell_outcome(request: HttpRequest, outcome: decisions.Outcome) -> None:
    """Say what became of the judgement, where it is not simply the decision."""
    if outcome.feedback is not None:
        known = ", ".join(workspace.policy_names(outcome.feedback.policies)) or "no violation"
        if outcome.feedback.correct:
            messages.success(request, f"That was a golden case, and you were right: {known}.")
        else:
            messages.warning(request, f"That was a golden case. You missed it; the known answer is: {known}.")
    elif outcome.standing == Standing.CONFIRMED:
        messages.info(request, f"{outcome.standing.label}.")


def _line_of(request: HttpRequest, case_id: int) -> Queue:
    """The queue the person works through, or the case's own if they came to it by its address."""
    chosen = Queue.objects.filter(slug=request.session.get(_QUEUE_KEY, ""), is_active=True).first()
    if chosen is not None:
        return chosen
    found = Case.including_golden.select_related("queue").filter(pk=case_id).first()
    if found is None:
        raise NotFound("There is no such case.")
    return found.queue


def _refused(request: HttpRequest, case_id: int, error: ModerationError, typed: dict[str, Any]) -> HttpResponse:
    """Show the case again with what was typed and why it did not go through."""
    user = user_of(request)
    evidence = workspace.evidence_shown(case_id=case_id, user=user)
    if evidence is None:
        raise error
    review = queues.held_by(user).filter(case_id=case_id).first()
    return _workspace(request, evidence, review, problem=_problem(error, case_id, user), typed=typed)


def _problem(error: ModerationError, case_id: int, user: User) -> Problem:
    """The error in words; a case that is open and that nobody else holds can be had again by one key."""
    holder = error.extra.get("holder")
    free = isinstance(error, LeaseLost) and (
        holder == user.username or (holder is None and error.extra.get("since") is None)
    )
    is_open = Case.including_golden.filter(pk=case_id, status=CaseStatus.OPEN).exists()
    reclaimable = is_open and (free or error.code == "stale_version")
    return Problem(error.title, error.detail, error.code, error.status, reclaimable)


def _workspace(
    request: HttpRequest,
    evidence: Evidence,
    review: Review | None,
    *,
    problem: Problem | None = None,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    user = user_of(request)
    shown = workspace.evidence_by_key(evidence.pk)
    space = workspace.workspace_of(shown, policy=request.GET.get("policy"))
    reasons = [*space.priority_parts, priority.waiting_part(space.case)]
    context = {
        "space": space,
        "chart": waterfall(space.explanation) if space.explanation else None,
        "review": review,
        "lease_left": _seconds_left(review) if review else 0,
        "problem": problem,
        "typed": typed or _NOTHING_TYPED,
        "masked": space.may_be_graphic and request.GET.get("reveal") != "1",
        "reveal": request.GET.get("reveal") == "1",
        "actions": [(kind, _ACTION_KEYS[kind], _CONSEQUENCES.get(kind)) for kind in ActionKind],
        "skip_reasons": list(enumerate(SkipReason, 1)),
        "reasons": reasons,
        "why_first": priority.sentence(reasons),
        "priority": sum(part["points"] for part in space.priority_parts) + priority.waiting_points(space.case),
        "line": _line_of(request, space.case.pk),
        "last_act": pending.last_act_of(user),
        "second_look": shown.review.kind == ReviewKind.INFORMED,
        "can_escalate": shown.review.queue.escalates_to_id is not None,
        "sees_senior_queues": may(user, Permission.OVERRIDE),
    }
    template = "console/partials/review.html" if _is_fragment(request) else "console/review.html"
    response = render(request, template, context, status=problem.status if problem else 200)
    if _is_fragment(request) and request.method == "POST":
        response["HX-Push-Url"] = reverse("review_case", args=[space.case.pk])
    return response


def _queue_page(request: HttpRequest, line: Queue) -> HttpResponse:
    user = user_of(request)
    seniors = may(user, Permission.OVERRIDE)
    census.keep_fresh()
    summaries = queues.queue_summaries(user, seniors=seniors)
    context = {
        "line": next(summary for summary in summaries if summary.queue.pk == line.pk),
        "others": [s for s in summaries if s.queue.pk != line.pk and s.claimable and s.for_me],
        "cases": _in_line(queues.next_cases(line, limit=CASES_LISTED)),
        "last_act": pending.last_act_of(user),
    }
    template = "console/partials/queue.html" if _is_fragment(request) else "console/queue.html"
    response = render(request, template, context)
    if _is_fragment(request):
        response["HX-Push-Url"] = reverse("queue", args=[line.slug])
    return response


def _in_line(waiting: list[queues.Waiting]) -> list[tuple[Case, float, list[Any] | None, User | None]]:
    """Each case with its points, their parts and its holder; of a blind one nothing that the model says (``None``)."""
    hidden = blindness.blind_among([row.case for row in waiting])
    rows = []
    for row in waiting:
        case = row.case
        blind = case.pk in hidden
        parts = list(blindness.open_parts(case.priority_parts, blind=blind))
        points = sum(part["points"] for part in parts) + priority.waiting_points(case)
        rows.append((case, points, None if blind and not parts else parts, row.holder))
    return rows


def _go(request: HttpRequest, address: str) -> HttpResponse:
    if _is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


def _is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asked and will put the answer into the page it has."""
    return bool(request.htmx) and not request.htmx.history_restore_request  # type: ignore[attr-defined]


def _token(form: LeaseForm) -> int:
    if not form.is_valid():
        raise InvalidInput(_first_error(form))
    return int(form.cleaned_data["lease_token"])


def _first_error(form: OpinionForm | LeaseForm) -> str:
    field, errors = next(iter(form.errors.items()))
    first = str(errors[0])
    return first if field in {"verdict", "__all__"} else f"{field.replace('_', ' ')}: {first}"


def _seconds_left(review: Review) -> int:
    if review.lease_expires_at is None:
        return 0
    return max(int((review.lease_expires_at - timezone.now()).total_seconds()), 0)
