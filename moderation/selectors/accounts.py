"""An account of the platform, as far as it is known here."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Prefetch, Q, Subquery

from moderation.enums import ReportOutcome
from moderation.errors import NotFound
from moderation.models import Account, Case, Content, Report, User
from moderation.selectors.blindness import masked_contents
from moderation.selectors.workspace import AuthorRecord, author_record

CONTENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class AccountProfile:
    """The account, its record as author and as reporter, and its newest contents with their cases.

    ``latest_cases`` of each content holds its newest case, if it has any.
    """

    account: Account
    record: AuthorRecord
    contents: Sequence[Content]
    content_count: int
    reports_made: int
    reports_upheld: int
    reports_settled: int


def account_profile(account_id: int, *, viewer: User) -> AccountProfile:
    """The profile; raises ``NotFound``. A fixed number of statements.

    A content that the viewer is judging as a golden item is left out: what was decided of it would give it away.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound("There is no such account.")
    hidden = list(masked_contents(viewer).values_list("content_id", flat=True))
    newest = Case.objects.filter(content=OuterRef("content_id")).order_by("-pk").values("pk")[:1]
    cases = Case.objects.filter(pk=Subquery(newest)).select_related("queue")
    contents = (
        account.contents.exclude(pk__in=hidden)
        .select_related("current_revision")
        .prefetch_related(Prefetch("cases", queryset=cases, to_attr="latest_cases"))
        .order_by("-created_at")
    )
    made = Report.objects.filter(reporter=account).aggregate(
        made=Count("pk"),
        upheld=Count("pk", filter=Q(outcome=ReportOutcome.UPHELD)),
        settled=Count("pk", filter=Q(outcome__in=[ReportOutcome.UPHELD, ReportOutcome.NOT_UPHELD])),
    )
    return AccountProfile(
        account=account,
        record=author_record(account, without=hidden),
        contents=list(contents[:CONTENTS_SHOWN]),
        content_count=account.contents.exclude(pk__in=hidden).count(),
        reports_made=made["made"],
        reports_upheld=made["upheld"],
        reports_settled=made["settled"],
    )
