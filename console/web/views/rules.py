"""Routing rules: their order, each rule's record, the editor, and backtests."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from console.web import column_chart, condition_editor
from console.web.access import page, user_of
from console.web.condition_editor import Group
from console.web.rule_forms import DaysForm, MoveForm, RuleForm, RuleStepForm, VersionForm
from moderation.conditions.vocabulary import FACTS
from moderation.enums import ReportSource, RuleState
from moderation.errors import Conflict, InvalidInput, ModerationError
from moderation.models import Bank, Policy, RoutingRule
from moderation.permissions import Permission
from moderation.selectors import automation, rule_records
from moderation.selectors import backtests as backtest_selectors
from moderation.selectors import rules as selectors
from moderation.services import backtests, rules

WEEKS = 13
HITS_LISTED = 10


@page(Permission.MANAGE)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The rules in order; from htmx the list alone."""
    return _list(request)


@page(Permission.MANAGE)
@require_POST
def move(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Give the rule the next place up or down."""
    form = MoveForm(request.POST)
    if form.is_valid():
        _try(request, lambda: rules.move(rule_id=rule_id, acting_user=user_of(request), **form.cleaned_data))
    return _list(request) if request.headers.get("HX-Request") else redirect("rules")


@page(Permission.MANAGE)
@require_GET
def rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """One rule: what it asks, what follows, what it hit, and what tests of it found."""
    row = selectors.get(rule_id)
    weeks = rule_records.by_week(rule_id, weeks=WEEKS)
    tests = list(backtest_selectors.of_rule(row)[:10])
    of_this = [test.pk for test in tests if backtest_selectors.is_of(test, row)]
    context = {
        "rule": row,
        "words": selectors.words(row),
        "findings": [finding for finding in selectors.findings() if finding.rule_id == rule_id],
        "record": selectors.recent_records([row])[row.pk],
        "chart": column_chart.chart(weeks),
        "hits": rule_records.latest(rule_id, limit=HITS_LISTED),
        "backtests": tests,
        "report": backtest_selectors.report(tests[0]) if tests else None,
        "of_this_wording": of_this,
        "tested": any(test.state == "done" and test.pk in of_this for test in tests),
        "draft": row.drafts.filter(state=RuleState.DRAFT).first(),
        "standing": automation.standings([row.automates.slug])[row.automates.slug] if row.automates else None,
    }
    return render(request, "console/rule.html", context)


@page(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Write a new draft."""
    if request.method == "GET":
        root = Group(rows=[condition_editor.Row(path="c.0")])
        return _editor(request, RuleForm(initial={"queue": _first_queue()}), root)
    return _edit(request, None, lambda draft, _: rules.create(draft=draft, acting_user=user_of(request)))


@page(Permission.MANAGE)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Write a draft anew."""
    row = selectors.get(rule_id)
    if row.state != RuleState.DRAFT:
        raise Conflict("Only a draft can be edited; make a draft of this rule first.")
    if request.method == "GET":
        return _editor(request, RuleForm.of(row), condition_editor.of_condition(row.condition), rule=row)
    return _edit(
        request,
        row,
        lambda draft, version: rules.change(
            rule_id=rule_id, version=version, draft=draft, acting_user=user_of(request)
        ),
    )


@page(Permission.MANAGE)
@require_POST
def copy(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Make, or go on with, the draft that is to replace the rule."""
    draft = rules.copy(rule_id=rule_id, acting_user=user_of(request))
    return redirect("edit_rule", rule_id=draft.pk)


@page(Permission.MANAGE)
@require_POST
def set_state(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Put the rule into shadow, live, or retire it."""
    form = RuleStepForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose what is to become of the rule.")
        return redirect("rule", rule_id=rule_id)
    done = f"The rule is {RuleState(form.cleaned_data['state']).label.lower()} now."
    _try(request, lambda: rules.set_state(rule_id=rule_id, acting_user=user_of(request), **form.cleaned_data), done)
    return redirect("rule", rule_id=rule_id)


@page(Permission.MANAGE)
@require_POST
def delete(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Throw a draft away."""
    form = VersionForm(request.POST)
    if not form.is_valid():
        return redirect("rule", rule_id=rule_id)
    version = form.cleaned_data["version"]
    deleted = _try(
        request,
        lambda: rules.delete(rule_id=rule_id, version=version, acting_user=user_of(request)),
        "The draft is deleted.",
    )
    return redirect("rules") if deleted else redirect("rule", rule_id=rule_id)


@page(Permission.MANAGE)
@require_POST
def request_backtest(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Have a worker test the rule on the contents of the last days."""
    form = DaysForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A backtest looks at 1 to 365 days.")
        return redirect("rule", rule_id=rule_id)
    days = form.cleaned_data["days"]
    _try(request, lambda: backtests.request(rule_id=rule_id, days=days, acting_user=user_of(request)))
    return redirect("rule", rule_id=rule_id)


@page(Permission.MANAGE)
@require_GET
def backtest(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """One backtest with what it has found so far; from htmx the report alone."""
    report = backtest_selectors.report(backtest_selectors.get(backtest_id))
    if request.headers.get("HX-Request"):
        return _progress(request, report)
    return render(request, "console/backtest.html", {"report": report})


@page(Permission.MANAGE)
@require_POST
def cancel_backtest(request: HttpRequest, backtest_id: int) -> HttpResponse:
    """End the backtest with what it has found so far."""
    row = backtest_selectors.get(backtest_id)
    _try(request, lambda: backtests.cancel(backtest_id=backtest_id, acting_user=user_of(request)))
    if request.headers.get("HX-Request"):
        return _progress(request, backtest_selectors.report(backtest_selectors.get(backtest_id)))
    return redirect("rule", rule_id=row.rule_id)


def _progress(request: HttpRequest, report: backtest_selectors.Report) -> HttpResponse:
    """The report; once it has ended the page around it is out of date too, and loads itself anew."""
    response = render(request, "console/partials/backtest.html", {"report": report})
    if not report.is_running:
        response["HX-Refresh"] = "true"
    return response


def _list(request: HttpRequest) -> HttpResponse:
    rows = selectors.listed()
    context = {
        "rows": rows,
        "last": len(rows),
        "troubled": [row for row in rows if row.findings],
        "retired": selectors.in_state(RuleState.RETIRED).order_by("-state_changed_at"),
        "days": selectors.RECORD_DAYS,
    }
    template = "console/partials/rules.html" if request.headers.get("HX-Request") else "console/rules.html"
    return render(request, template, context)


def _edit(
    request: HttpRequest, row: RoutingRule | None, save: Callable[[rules.Draft, int], RoutingRule]
) -> HttpResponse:
    """A change of the rows answers with the rows; saving answers with the rule, or with what is wrong."""
    form, root = RuleForm(request.POST), condition_editor.of_form(request.POST)
    change = request.POST.get("change", "")
    if change:
        root = condition_editor.changed(root, change)
        if request.headers.get("HX-Request"):
            return render(request, "console/partials/condition.html", {"root": root, **_choices()})
        return _editor(request, RuleForm(initial=_typed(request)), root, rule=row)
    if not form.is_valid():
        return _editor(request, form, root, rule=row, status=422)
    try:
        saved = save(form.to_draft(root.document()), form.cleaned_data["version"] or 0)
    except InvalidInput as error:
        if (error.pointer or "").startswith("/condition"):
            condition_editor.mark(root, str(error.pointer), error.detail)
        else:
            form.refuse(error)
        return _editor(request, form, root, rule=row, status=422)
    except Conflict as error:
        form.add_error(None, error.detail)
        return _editor(request, form, root, rule=row, status=409)
    messages.success(request, "The draft is saved.")
    return redirect("rule", rule_id=saved.pk)


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What was typed, to show it again without a word on what is missing."""
    many = {"automatic_actions": request.POST.getlist("automatic_actions")}
    return {name: request.POST.get(name, "") for name in RuleForm.base_fields} | many


def _editor(
    request: HttpRequest, form: RuleForm, root: Group, *, rule: RoutingRule | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "root": root, "rule": rule, **_choices()}
    return render(request, "console/rule_editor.html", context, status=status)


def _choices() -> dict[str, Any]:
    """What the rows of a condition can be chosen from."""
    policies = list(Policy.objects.values_list("slug", "name"))
    return {
        "facts": list(FACTS.values()),
        "policies": policies,
        "names": {
            "policy": policies,
            "bank": list(Bank.objects.values_list("slug", "name")),
            "source": ReportSource.choices,
        },
    }


def _first_queue() -> str:
    return next((queue.slug for queue in selectors.open_queues()), "")


def _try(request: HttpRequest, change: Callable[[], object], done: str = "") -> bool:
    """Make the change, and say in words what came of it; whether it was made."""
    try:
        change()
    except ModerationError as error:
        messages.error(request, error.detail)
        return False
    if done:
        messages.success(request, done)
    return True
