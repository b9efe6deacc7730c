"""An account of the platform, as far as it is known here."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import ExtractHour

from moderation.enums import ReportOutcome
from moderation.errors import NotFound
from moderation.models import Account, Case, Content, Report, User
from moderation.selectors import paging, search
from moderation.selectors.blindness import masked_contents
from moderation.selectors.paging import Slice
from moderation.selectors.related import Relation, related
from moderation.selectors.search import CaseHit
from moderation.selectors.workspace import AuthorRecord, author_record


@dataclass(frozen=True, slots=True)
class AccountProfile:
    """The account, its record as author and as reporter, and its contents from a place on, with their cases.

    ``latest_cases`` of each content holds its newest case, if it has any, and ``hits`` what may be told of that case,
    by content; ``hours`` counts its contents by the hour they were written in (UTC).
    """

    account: Account
    record: AuthorRecord
    contents: Slice[Content]
    hits: dict[int, CaseHit]
    content_count: int
    hours: Sequence[int]
    related: Sequence[Relation]
    reports_made: int
    reports_upheld: int
    reports_settled: int


def account_profile(account_id: int, *, viewer: User, after: str = "") -> AccountProfile:
    """The profile; raises ``NotFound``, ``InvalidInput`` for a cursor of no list. A fixed number of statements.

    A content that the viewer is judging as a golden item is left out: what was decided of it would give it away.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    hidden = list(masked_contents(viewer).values_list("content_id", flat=True))
    newest = Case.objects.filter(content=OuterRef("content_id")).order_by("-pk").values("pk")[:1]
    cases = Case.objects.filter(pk=Subquery(newest)).select_related("queue")
    contents = paging.by_field(
        account.contents.exclude(pk__in=hidden)
        .select_related("current_revision")
        .prefetch_related(Prefetch("cases", queryset=cases, to_attr="latest_cases")),
        field="created_at",
        descending=True,
        after=after,
        size=20,
    )
    hits = search.case_hits([case for row in contents.rows for case in row.latest_cases], viewer=viewer)  # type: ignore[attr-defined]
    made = Report.objects.filter(reporter=account).aggregate(
        made=Count("pk"),
        upheld=Count("pk", filter=Q(outcome=ReportOutcome.UPHELD)),
        settled=Count("pk", filter=Q(outcome__in=[ReportOutcome.UPHELD, ReportOutcome.NOT_UPHELD])),
    )
    hours = _hours(account, hidden)
    return AccountProfile(
        account=account,
        record=author_record(account, without=hidden),
        contents=contents,
        hits={hit.case.content_id: hit for hit in hits},
        content_count=sum(hours),
        hours=hours,
        related=related(account, without=hidden),
        reports_made=made["made"],
        reports_upheld=made["upheld"],
        reports_settled=made["settled"],
    )


def _hours(account: Account, hidden: Sequence[int]) -> list[int]:
    rows = account.contents.exclude(pk__in=hidden).annotate(hour=ExtractHour("created_at")).values_list("hour")
    counted = dict(rows.annotate(count=Count("pk")).order_by())
    return [counted.get(hour, 0) for hour in range(24)]
