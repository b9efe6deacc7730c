"""Accounts that have to do with one another: they wrote near-duplicates, or linked to the same places."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Q

from moderation import links
from moderation.models import Account, ContentRevision
from moderation.selectors.search import revisions_with

LOOKED_AT = 200  # newest contents of the account, and hits for each way
MOST_DOMAINS = 8
COMMON = 20  # a domain that more accounts link to says nothing of any of them
LISTED = 20


@dataclass(slots=True)
class Relation:
    """Another account, with how many near-duplicates it shares, how close in time the closest pair was written, and
    the domains both link to."""

    account: Account
    texts: set[int] = field(default_factory=set)
    apart: timedelta | None = None
    domains: list[str] = field(default_factory=list)


def related(account: Account, *, without: Collection[int]) -> list[Relation]:
    """Those that share the most, at most ``LISTED``; some contents left out. A fixed number of statements."""
    own = list(
        ContentRevision.objects.filter(content__author=account, content__current_revision=F("pk"))
        .exclude(content__in=without)
        .select_related("content")
        .order_by("-pk")[:LOOKED_AT]
    )
    found: dict[int, Relation] = {}
    _by_text(own, account, without, found)
    _by_link(own, account, without, found)
    ranked = sorted(found.values(), key=lambda one: (-len(one.texts) - len(one.domains), one.account.pk))
    return ranked[:LISTED]


def _by_text(
    own: Sequence[ContentRevision], account: Account, without: Collection[int], found: dict[int, Relation]
) -> None:
    """Whoever wrote a near-duplicate."""
    written: dict[int, list[datetime]] = defaultdict(list)
    for revision in own:
        if revision.group_id is not None:
            written[revision.group_id].append(revision.content.created_at)
    others = _of_others(Q(group__in=written), account, without)
    for revision in others:
        relation = _relation(revision, found)
        if relation is None or revision.group_id is None:
            continue
        relation.texts.add(revision.group_id)
        closest = min(abs(revision.content.created_at - moment) for moment in written[revision.group_id])
        relation.apart = closest if relation.apart is None else min(relation.apart, closest)


def _by_link(
    own: Sequence[ContentRevision], account: Account, without: Collection[int], found: dict[int, Relation]
) -> None:
    """Whoever linked to the same place, unless everybody does."""
    seen = dict.fromkeys(domain for revision in own for domain in sorted(links.domains(revision.text)))
    domains = list(seen)[:MOST_DOMAINS]
    if not domains:
        return
    linking = Q(pk__in=revisions_with(domains, limit=10 * LOOKED_AT))
    sharing: dict[str, dict[int, ContentRevision]] = defaultdict(dict)
    for revision in _of_others(linking, account, without):
        for domain in links.domains(revision.text).intersection(domains):
            sharing[domain][revision.content.author_id or 0] = revision
    for domain, by_author in sorted(sharing.items()):
        for revision in by_author.values() if len(by_author) <= COMMON else ():
            relation = _relation(revision, found)
            if relation is not None:
                relation.domains.append(domain)


def _of_others(wanted: Q, account: Account, without: Collection[int]) -> list[ContentRevision]:
    rows = ContentRevision.objects.filter(wanted, content__author__isnull=False)
    rows = rows.exclude(content__author=account).exclude(content__in=without)
    return list(rows.select_related("content__author").order_by("-pk")[:LOOKED_AT])


def _relation(revision: ContentRevision, found: dict[int, Relation]) -> Relation | None:
    author = revision.content.author
    if author is None:
        return None
    return found.setdefault(author.pk, Relation(author))
