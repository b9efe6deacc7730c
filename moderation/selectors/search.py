"""Finding cases, content and accounts by what a person typed.

Words are found by PostgreSQL's full text search without a language's stemming, so that every language is served; in
scripts that put no space between words each sign is a word. What may be spelt otherwise is found by trigrams. Both
have an index on the text itself, so that what is erased is gone from them with the row.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext as _

from moderation.enums import CaseStatus, ReviewState
from moderation.models import Account, Case, Content, ContentRevision, Decision, Policy, Queue, Review, User
from moderation.models.content import UNSPACED, WORDS
from moderation.permissions import Permission, may
from moderation.queries import Filter, Query, Sort, Term
from moderation.selectors import blindness, paging
from moderation.selectors.paging import Slice
from moderation.selectors.queues import database_clock

CONFIG = "simple"
RARE = 2_000  # hits up to which a word is looked up first
_UNSPACED = re.compile(UNSPACED)
_LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
# The older something is, the earlier its moment.
_TURNED = {">": "lt", ">=": "lte", "<": "gt", "<=": "gte"}
_PENDING = Review.objects.filter(case=OuterRef("pk"), state__in=blindness.PENDING)


@dataclass(frozen=True, slots=True)
class CaseHit:
    """A case that was found, as far as the viewer may know of it.

    ``blind``: the model's opinion is hidden, so policy and score are not told; ``masked``: the text is of a graphic
    policy, or may be, and is shown only when asked for; ``decision``: what binds, where nobody is to judge any more.
    """

    case: Case
    blind: bool
    masked: bool
    policy: str
    decision: Decision | None


def cases(query: Query, *, viewer: User, after: str = "", size: int = paging.PAGE_SIZE) -> Slice[Case]:
    """The cases the query finds. Raises ``BadQuery`` for a name that nothing has, ``InvalidInput`` for the cursor.

    What asks for the model's opinion passes over the cases that are to be judged without it, and what asks for others'
    decisions those that are to be judged a second time: neither a hit nor a miss tells anything of them.
    """
    rows = blindness.visible(Case.including_golden.all(), viewer)
    for one in query.filters:
        found = _of_case(one, viewer)
        rows = rows.exclude(found) if one.negated else rows.filter(found)
    asked = {one.key for one in query.filters}
    if asked & {"score", "policy"} or query.sort == Sort.SCORE:
        rows = blindness.without_blind(rows, viewer)
    if asked & {"decided", "by"}:
        rows = blindness.without_second(rows, viewer)
    rows = rows.filter(_said(query.terms, "content__current_revision"))
    rows = rows.select_related("queue", "content__author", "content__current_revision")
    if query.sort in {Sort.NEW, Sort.OLD}:
        return paging.newest(rows, after=after, size=size, descending=query.sort == Sort.NEW)
    if query.sort == Sort.SCORE:
        rows = rows.filter(score__isnull=False)
    field = {Sort.PRIORITY: "priority", Sort.SCORE: "score", Sort.DUE: "due_at"}[query.sort]
    return paging.by_field(rows, field=field, descending=query.sort != Sort.DUE, after=after, size=size)


def case_hits(found: Sequence[Case], *, viewer: User) -> list[CaseHit]:
    """The cases as a list shows them; a fixed number of statements."""
    reviews = may(viewer, Permission.REVIEW)
    hidden = blindness.blind_among(found) if reviews else set()
    second = blindness.second_among(found) if reviews else set()
    policies = {policy.slug: policy for policy in Policy.objects.all()}
    binding = Decision.objects.filter(case__in=found, superseded_by__isnull=True).select_related("decided_by")
    decisions = {one.case_id: one for one in binding if one.verdict is not None}
    hits = []
    for case in found:
        blind = case.pk in hidden
        policy = policies.get(case.policy)
        hits.append(
            CaseHit(
                case=case,
                blind=blind,
                masked=blind or (policy is not None and policy.graphic),
                policy="" if blind or policy is None else policy.name,
                decision=None if blind or case.pk in second else decisions.get(case.pk),
            )
        )
    return hits


def contents(query: Query, *, viewer: User, after: str = "", size: int = paging.PAGE_SIZE) -> Slice[Content]:
    """The contents the query finds, each with its newest case in ``latest_cases``; raises as ``cases`` does.

    What the viewer was shown as a golden case and has not judged is left out, as on its author's page.
    """
    rows = Content.objects.exclude(pk__in=blindness.masked_contents(viewer).values("content"))
    for one in query.filters:
        found = _of_content(one)
        rows = rows.exclude(found) if one.negated else rows.filter(found)
    rows = rows.filter(_said(query.terms, "current_revision"))
    newest = Case.objects.filter(content=OuterRef("content_id")).order_by("-pk").values("pk")[:1]
    shown = Prefetch("cases", Case.objects.filter(pk=newest).select_related("queue"), to_attr="latest_cases")
    rows = rows.select_related("author", "current_revision").prefetch_related(shown)
    return paging.newest(rows, after=after, size=size, descending=query.sort == Sort.NEW)


def accounts(query: Query, *, after: str = "", size: int = paging.PAGE_SIZE) -> Slice[Account]:
    """The accounts whose id holds the words; raises as ``cases`` does."""
    rows = Account.objects.alias(folded=Upper("external_id"))
    for one in query.filters:
        rows = rows.exclude(_days("first_seen_at", one)) if one.negated else rows.filter(_days("first_seen_at", one))
    for term in query.terms:
        said = Q(folded__trigram_word_similar=term.text) if term.alike else Q(external_id__icontains=term.text)
        rows = rows.exclude(said) if term.negated else rows.filter(said)
    return paging.newest(rows, after=after, size=size, descending=query.sort == Sort.NEW)


def revisions_with(text: str) -> QuerySet[ContentRevision]:
    """The wordings that hold the words one after the other, such as the host of a link."""
    return _worded(SearchQuery(_spaced(text), config=CONFIG, search_type="phrase"))


def _said(terms: Sequence[Term], place: str) -> Q:
    """What the terms ask of the wording at ``place``; one index each way, one statement for each that must be there."""
    wanted = [term for term in terms if not term.negated]
    words = [_words(term) for term in wanted if not term.alike]
    found = _among(_worded(reduce(and_, words)), place) if words else Q()
    for term in wanted:
        if term.alike:
            found &= _among(_alike(term), place)
    for term in terms:
        if term.negated:
            unwanted = _alike(term) if term.alike else _worded(_words(term))
            found &= ~Q(Exists(unwanted.filter(pk=OuterRef(place))))
    return found


def _among(revisions: QuerySet[ContentRevision], place: str) -> Q:
    """That the wording is one of these. Few are named by their keys, so that the planner knows how few they are; where
    there are many, walking through the newest rows soon meets a page of them."""
    keys = list(revisions.values_list("pk", flat=True)[: RARE + 1])
    return Q(**{f"{place}__in": keys if len(keys) <= RARE else revisions})


def _alike(term: Term) -> QuerySet[ContentRevision]:
    return ContentRevision.objects.alias(folded=Upper("text")).filter(folded__trigram_word_similar=term.text)


def _words(term: Term) -> SearchQuery:
    """A word from its beginning; a phrase, and a word of a script without spaces, sign by sign."""
    if term.phrase or _UNSPACED.search(term.text):
        return SearchQuery(_spaced(term.text), config=CONFIG, search_type="phrase")
    word = term.text.replace("\\", " ").replace("'", " ")
    return SearchQuery(f"'{word}':*", config=CONFIG, search_type="raw")


def _spaced(text: str) -> str:
    return _UNSPACED.sub(r" \1 ", text)


def _worded(words: SearchQuery) -> QuerySet[ContentRevision]:
    return ContentRevision.objects.alias(words=WORDS).filter(words=words)


def _of_case(one: Filter, viewer: User) -> Q:
    """The filter as a condition on cases."""
    made = _OF_CASES.get(one.key)
    return made(one, viewer) if made else _of_content(one, prefix="content__")


def _of_content(one: Filter, *, prefix: str = "") -> Q:
    if one.key == "author":
        written_by = Account.objects.filter(external_id__in=one.values)
        return Q(**{f"{prefix}author__in": written_by.values("pk")})
    if one.key == "sent":
        return _days(f"{prefix}created_at", one)
    if one.key == "lang":
        return _any(
            Q(**{f"{prefix}language__iexact": value}) | Q(**{f"{prefix}language__istartswith": f"{value}-"})
            for value in one.values
        )
    return Q(**{f"{prefix}type__in": one.values})


def _standings(one: Filter, viewer: User) -> Q:
    return _any(_standing(value, viewer) for value in one.values)


def _queues(one: Filter, _viewer: User) -> Q:
    return Q(queue__in=_named(one, Queue.objects.all(), _("queue")))


def _policies(one: Filter, _viewer: User) -> Q:
    return Q(policy__in=[policy.slug for policy in _named(one, Policy.objects.all(), _("policy"))])


def _standing(value: str, viewer: User) -> Q:
    if value in CaseStatus.values:
        return Q(status=value)
    if value == "overdue":
        return Q(status=CaseStatus.OPEN, due_at__lt=timezone.now())
    pending = _PENDING
    if value == "waiting":
        pending = pending.filter(state=ReviewState.WAITING)
    else:
        pending = pending.filter(state=ReviewState.LEASED, reserved=False, lease_expires_at__gt=database_clock())
        if value == "mine":
            pending = pending.filter(reviewer=viewer)
    return Q(Exists(pending), status=CaseStatus.OPEN)


def _decided(one: Filter, viewer: User) -> Q:
    binding = Decision.objects.filter(case=OuterRef("pk"), superseded_by__isnull=True, verdict__isnull=False)
    if one.key == "decided":
        return Q(Exists(binding.filter(verdict__in=one.values)), status=CaseStatus.DECIDED)
    people = {name for name in one.values if name != "me"}
    known = list(User.objects.filter(username__in=people))
    if len(known) < len(people):
        raise one.refused(_("Nobody here has that name."))
    deciders = [*known, viewer] if "me" in one.values else known
    return Q(Exists(binding.filter(decided_by__in=deciders)))


def _named(one: Filter, rows: QuerySet[Any], kind: str) -> list[Any]:
    """The rows whose slugs, or names, the filter gives. Raises ``BadQuery`` with those there are."""
    known = list(rows)
    by_name = {name.casefold(): row for row in known for name in (row.slug, row.name)}
    found = [by_name.get(value.casefold()) for value in one.values]
    if None in found:
        unknown = one.values[found.index(None)]
        words = {"kind": kind, "unknown": unknown, "known": ", ".join(row.slug for row in known)}
        raise one.refused(_("There is no %(kind)s “%(unknown)s”. There are: %(known)s.") % words)
    return [row for row in found if row is not None]


def _numbers(field: str, one: Filter) -> Q:
    low, high = one.bounds() if field != "pk" else (int(one.values[0]), int(one.values[-1]))
    if one.comparison in _LOOKUPS:
        return Q(**{f"{field}__{_LOOKUPS[one.comparison]}": low})
    return Q(**{f"{field}__gte": low, f"{field}__lte": high})


def _ages(field: str, one: Filter) -> Q:
    now = timezone.now()
    low, high = one.ages()
    if one.comparison in _TURNED:
        return Q(**{f"{field}__{_TURNED[one.comparison]}": now - low})
    # An age without a comparison is at most that old.
    low = low if one.comparison else timedelta()
    return Q(**{f"{field}__gte": now - high, f"{field}__lte": now - low})


def _days(field: str, one: Filter) -> Q:
    first, end = one.days()
    if one.comparison in {">", "<="}:
        return Q(**{f"{field}__{'gte' if one.comparison == '>' else 'lt'}": end})
    if one.comparison in {">=", "<"}:
        return Q(**{f"{field}__{'gte' if one.comparison == '>=' else 'lt'}": first})
    return Q(**{f"{field}__gte": first, f"{field}__lt": end})


def _any(conditions: Iterable[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


_OF_CASES: Mapping[str, Callable[[Filter, User], Q]] = {
    "is": _standings,
    "queue": _queues,
    "policy": _policies,
    "decided": _decided,
    "by": _decided,
    "score": lambda one, _viewer: _numbers("score", one),
    "case": lambda one, _viewer: _numbers("pk", one),
    "age": lambda one, _viewer: _ages("opened_at", one),
    "opened": lambda one, _viewer: _days("opened_at", one),
}
