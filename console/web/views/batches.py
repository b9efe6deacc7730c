"""Deciding many cases as one: by a range of scores, by campaign, by account, or picked from a list."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from console.web.access import page, user_of
from console.web.charts import histogram
from console.web.forms import BatchForm, ScoreRangeForm, keys_of
from moderation.enums import ActionKind, BatchMode, BatchState
from moderation.errors import InvalidInput, ModerationError, NotFound
from moderation.models import Account, Batch, Policy, Queue, Review
from moderation.permissions import Permission
from moderation.selectors import automation, campaigns, paging
from moderation.selectors import batches as selectors
from moderation.selectors.workspace import policy_keys
from moderation.services import batches

PAGE_SIZE = 25
LISTED = 100
_AT_WORK = (BatchState.DECIDING, BatchState.UNDOING)
_NOTHING_TYPED: dict[str, Any] = {"verdict": "", "policies": [], "actions": [], "rationale": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A case as the lists show it; ``hidden``: its text is of a graphic policy and shown only when asked for."""

    review: Review
    hidden: bool
    likeness: float | None = None


@page(Permission.BATCH)
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The three ways to decide many cases, and the batches there were."""
    made = Batch.objects.select_related("queue", "account", "made_by")
    after = request.GET.get("after", "")
    found = paging.newest(made, after=after, size=PAGE_SIZE)
    context = {"batches": found.rows, "next": found.after, "after": after, "campaigns": campaigns.waiting(limit=5)}
    return render(request, "console/batches.html", context)


@page(Permission.BATCH)
@require_GET
def by_score(request: HttpRequest) -> HttpResponse:
    """A histogram of a policy's scores; of the range that is picked, how many cases wait and some of them by chance."""
    form = ScoreRangeForm(request.GET)
    if not form.is_valid():
        raise InvalidInput(next(str(errors[0]) for errors in form.errors.values()))
    policies = list(Policy.objects.filter(is_active=True))
    if not policies:
        raise NotFound("There is no policy.")
    policy = next((row for row in policies if row.slug == form.cleaned_data["policy"]), policies[0])
    queue = Queue.objects.filter(slug=form.cleaned_data["queue"], is_active=True).first()
    low, high = form.range()
    scope = batches.Scope(mode=BatchMode.SCORE, policy=policy.slug, low=low, high=high, queue=queue)
    reviews = scope.reviews(user_of(request))
    context = {
        **_deciding(reviews, _rows(selectors.sample(reviews))),
        "scope": scope,
        "policy": policy,
        "policies_to_choose": policies,
        "queues": Queue.objects.filter(is_active=True),
        "chart": histogram(selectors.histogram(policy=policy.slug, queue=queue), low=low, high=high),
        "typed": _NOTHING_TYPED,
    }
    return render(request, "console/batch_by_score.html", context)


@page(Permission.BATCH)
@require_GET
def by_campaign(request: HttpRequest) -> HttpResponse:
    """Campaigns that wait, the largest first."""
    return render(request, "console/campaigns.html", {"campaigns": campaigns.waiting()})


@page(Permission.BATCH)
@require_GET
def campaign(request: HttpRequest, group_id: int) -> HttpResponse:
    """A campaign's waiting cases, the least like the others first, to be decided as one."""
    found = campaigns.campaign(group_id)
    scope = batches.Scope(mode=BatchMode.CAMPAIGN, group_id=group_id)
    members = campaigns.members(found, limit=LISTED)
    graphic = _graphic()
    rows = [Row(member.review, member.review.policy in graphic, member.likeness) for member in members]
    standings = automation.standings(Policy.objects.filter(is_active=True).values_list("slug", flat=True))
    context = {
        **_deciding(scope.reviews(user_of(request)), rows),
        "scope": scope,
        "campaign": found,
        "automated": sorted(slug for slug, standing in standings.items() if standing.is_on),
        "typed": _NOTHING_TYPED,
    }
    return render(request, "console/campaign.html", context)


@page(Permission.BATCH)
@require_GET
def by_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Everything open by one account, to be decided as one."""
    account = _account(account_id)
    scope = batches.Scope(mode=BatchMode.ACCOUNT, account=account)
    reviews = scope.reviews(user_of(request))
    rows = _rows(list(selectors.with_texts(reviews).order_by("-priority", "pk")[:LISTED]))
    context = {
        **_deciding(reviews, rows),
        "scope": scope,
        "account": account,
        "elsewhere": selectors.elsewhere(account),
        "typed": _NOTHING_TYPED,
    }
    return render(request, "console/sweep.html", context)


@page(Permission.BATCH)
@require_GET
def picked(request: HttpRequest) -> HttpResponse:
    """Cases picked from a list, looked at together, to be decided as one."""
    chosen = frozenset(keys_of(request.GET.getlist("case")))
    if not 0 < len(chosen) <= batches.MOST_PICKED:
        raise InvalidInput(_("Pick between one and %(most)d cases.") % {"most": batches.MOST_PICKED})
    scope = batches.Scope(mode=BatchMode.PICKED, picked=chosen)
    reviews = scope.reviews(user_of(request))
    rows = _rows(list(selectors.with_texts(reviews).order_by("-priority", "pk")))
    context = {
        **_deciding(reviews, rows),
        "scope": scope,
        "left_out": len(chosen) - len(rows),
        "typed": _NOTHING_TYPED,
    }
    return render(request, "console/picked.html", context)


@page(Permission.BATCH)
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Decide what the page showed, less what was pulled out."""
    form = BatchForm(request.POST)
    if not form.is_valid():
        messages.error(request, next(str(errors[0]) for errors in form.errors.values()))
        return redirect(_back(request))
    data = form.cleaned_data
    scope = batches.Scope(
        mode=BatchMode(data["mode"]),
        policy=data["policy"],
        low=data["score_from"] or 0.0,
        high=data["score_to"] if data["score_to"] is not None else 1.0,
        queue=Queue.objects.filter(slug=data["queue"]).first() if data["queue"] else None,
        group_id=data["group"],
        account=_account(data["account"]) if data["account"] else None,
        newest=data["newest"],
        picked=frozenset(form.keys("picked")),
    )
    try:
        batch = batches.begin(
            scope=scope,
            opinion=form.opinion(),
            acting_user=user_of(request),
            exceptions=form.keys("exceptions"),
            sampled=form.keys("sampled"),
            follows=data["follows"],
        )
        batches.work_if_small(batch.pk)
    except ModerationError as error:
        messages.error(request, error.detail)
        return redirect(_back(request))
    return redirect("batch", batch_id=batch.pk)


@page(Permission.BATCH)
@require_GET
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What a batch decided, how far it is, and what was left out."""
    return _batch_page(request, batch_id)


@page(Permission.BATCH)
@require_POST
def undo(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Take the batch back as a whole."""
    try:
        batches.undo(batch_id=batch_id, acting_user=user_of(request))
        batches.work_if_small(batch_id)
    except ModerationError as error:
        messages.error(request, error.detail)
    return redirect("batch", batch_id=batch_id)


@page(Permission.BATCH)
@require_POST
def stop(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Decide no further cases of the batch."""
    try:
        batches.stop(batch_id=batch_id, acting_user=user_of(request))
    except NotFound:
        raise
    except ModerationError as error:
        messages.error(request, error.detail)
    return redirect("batch", batch_id=batch_id)


def _batch_page(request: HttpRequest, batch_id: int) -> HttpResponse:
    found = selectors.get(batch_id)
    context = {
        "batch": found,
        "progress": selectors.progress(found),
        "at_work": found.state in _AT_WORK,
        "cases": selectors.cases_of(found, limit=LISTED),
    }
    template = "console/partials/batch.html" if request.htmx else "console/batch.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _deciding(reviews: QuerySet[Review], rows: list[Row]) -> dict[str, Any]:
    """What the form that decides needs to know, whatever the batch is about."""
    return {
        "count": reviews.count(),
        "newest": reviews.aggregate(newest=Max("pk"))["newest"],
        "rows": rows,
        "largest": batches.LARGEST,
        "policies": policy_keys(),
        "actions": list(ActionKind),
    }


def _rows(reviews: list[Review]) -> list[Row]:
    graphic = _graphic()
    return [Row(review, review.policy in graphic) for review in reviews]


def _graphic() -> set[str]:
    return set(Policy.objects.filter(graphic=True).values_list("slug", flat=True))


def _account(account_id: int) -> Account:
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _back(request: HttpRequest) -> str:
    """The page the form stood on, or the list of batches for an address that is none of ours."""
    address = request.POST.get("back", "")
    return address if address.startswith("/batches/") else "batches"
