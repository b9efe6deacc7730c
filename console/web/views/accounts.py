"""An account of the platform: its record here."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from console.web.access import page, user_of
from moderation.permissions import Permission
from moderation.selectors.accounts import account_profile


@page(Permission.READ_CASES)
@require_GET
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Attributes, strikes, contents with their cases, whom it has to do with, and the record as a reporter."""
    after = request.GET.get("after", "")
    profile = account_profile(account_id, viewer=user_of(request), after=after)
    rows = [{"content": content, "hit": profile.hits.get(content.pk)} for content in profile.contents.rows]
    context = {"profile": profile, "rows": rows, "bars": _bars(profile.hours), "after": after}
    return render(request, "console/account.html", context)


def _bars(hours: Sequence[int]) -> list[dict[str, str | int]]:
    """A bar an hour: where it stands in a drawing of 240 by 40, and what it counts."""
    highest = max(hours) or 1
    return [
        {
            "hour": hour,
            "count": count,
            "x": f"{10 * hour + 1}",
            "y": f"{40 - 40 * count / highest:.1f}",
            "height": f"{40 * count / highest:.1f}",
        }
        for hour, count in enumerate(hours)
    ]
