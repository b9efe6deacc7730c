"""Context features: what is known around a text, snapshotted when it is scored."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from moderation.enums import ReportOutcome
from moderation.models import Account, Content, Report, Strike

_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)


def context_of_contents(contents: Sequence[Content]) -> list[dict[str, float]]:
    """One mapping a content, each of which has a current revision.

    account_age_days, author_strikes (not lifted), reports (on this content), reports_upheld_before (on the author's
    other contents), links (in the text). An unknown feature is left out.
    """
    ids = [content.pk for content in contents]
    authors = {content.author_id for content in contents if content.author_id}
    reports = dict(Report.objects.filter(content__in=ids).values_list("content_id").annotate(count=Count("pk")))
    strikes = _strikes(authors)
    upheld = _upheld(authors, besides=ids)
    rows = []
    for content in contents:
        text = content.current_revision.text if content.current_revision else ""
        rows.append(
            {
                **_of_text(text),
                **_of_account(content.author),
                "author_strikes": float(strikes.get(content.author_id or 0, 0)),
                "reports": float(reports.get(content.pk, 0)),
                "reports_upheld_before": float(upheld.get(content.author_id or 0, 0)),
            }
        )
    return rows


def context_of_text(text: str, *, author: Account | None, author_created_at: datetime | None) -> dict[str, float]:
    """The features of a text that is no content yet; ``author`` as known here, if so."""
    known = {author.pk} if author else set()
    age = _of_age(author_created_at) if author_created_at else _of_account(author)
    return {
        **_of_text(text),
        **age,
        "author_strikes": float(sum(_strikes(known).values())),
        "reports_upheld_before": float(sum(_upheld(known, besides=[]).values())),
        "reports": 0.0,
    }


def _of_text(text: str) -> dict[str, float]:
    return {"links": float(len(_LINK.findall(text)))}


def _of_account(account: Account | None) -> dict[str, float]:
    return _of_age(account.created_at) if account is not None and account.created_at is not None else {}


def _of_age(created_at: datetime) -> dict[str, float]:
    return {"account_age_days": max((timezone.now() - created_at).total_seconds() / 86400, 0.0)}


def _strikes(accounts: set[int]) -> dict[int, int]:
    return dict(
        Strike.objects.filter(account__in=accounts, lifted_by__isnull=True)
        .values_list("account_id")
        .annotate(count=Count("pk"))
    )


def _upheld(authors: set[int], *, besides: Sequence[int]) -> dict[int, int]:
    return {
        author: count
        for author, count in Report.objects.filter(content__author__in=authors, outcome=ReportOutcome.UPHELD)
        .exclude(content__in=besides)
        .values_list("content__author_id")
        .annotate(count=Count("pk"))
        if author is not None
    }
