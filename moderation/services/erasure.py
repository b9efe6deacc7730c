"""Erasure: texts and identifiers go, decisions, labels and figures stay.

What is erased stands in rows of its own (DESIGN, rule 8), so nothing immutable is touched and the audit chain holds.
What outlives it: keyed digests of texts, offsets and scores, and whatever a model has learnt.
"""

import re
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from moderation import audit
from moderation.errors import NotFound
from moderation.models import (
    Account,
    Appeal,
    Batch,
    Content,
    ContentRevision,
    Escalation,
    Hold,
    JudgementNote,
    Precedent,
    ProtectedAccount,
    Rationale,
    Report,
    SavedView,
    TextGroupBand,
    User,
)
from moderation.permissions import Permission, require
from moderation.services import intake

_CHUNK = 200  # contents a transaction


def erase_account(*, external_id: str, acting_user: User) -> int:
    """Erase what is held on an account: what it wrote, what it said in reports and appeals, and who it is.

    Goes in pieces, a transaction each; if it dies midway the account is still there under its id, and the same call
    goes on. The last piece locks the account, so that nothing of theirs can come in meanwhile. Returns how many
    contents were erased in this call. Raises ``NotFound``, ``NotPermitted``.
    """
    require(acting_user, Permission.MANAGE)
    account = Account.objects.filter(external_id=external_id).first()
    if account is None:
        raise NotFound("There is no account with this id.")
    erased = 0
    while count := _erase_some(account, acting_user=acting_user):
        erased += count
    with transaction.atomic():
        account = Account.objects.select_for_update().get(pk=account.pk)
        if account.external_id is None:  # another call was faster
            return erased
        while count := _erase_some(account, acting_user=acting_user):
            erased += count
        _erase_identity(account, external_id)
        audit.account_erased(account, actor=acting_user, contents=erased)
    return erased


@transaction.atomic
def _erase_some(account: Account, *, acting_user: User) -> int:
    """Erase the next contents the account wrote; how many."""
    contents = list(
        Content.objects.select_for_update(no_key=True, of=("self",))
        .filter(author=account, erased_at__isnull=True)
        .order_by("pk")[:_CHUNK]
    )
    if contents:
        erase_contents(contents, acting_user=acting_user)
    return len(contents)


def erase_contents(contents: Sequence[Content], *, acting_user: User) -> None:
    """Erase contents that are locked, in the caller's transaction: what is open on them is closed first."""
    for content in contents:
        if content.withdrawn_at is None:
            intake.close_content(content, acting_user=acting_user)
    keys = [content.pk for content in contents]
    _forget_views([content.external_id for content in contents if content.external_id])
    _erase_words_about(keys)
    revisions = ContentRevision.objects.filter(content__in=keys)
    groups = set(revisions.filter(group__isnull=False).values_list("group_id", flat=True))
    now = timezone.now()
    revisions.update(text="", thread=[], erased_at=now)
    Precedent.objects.filter(revision__content__in=keys).delete()
    _forget_likeness(groups)
    Content.objects.filter(pk__in=keys).update(external_id=None, url="", attributes={}, erased_at=now)
    audit.contents_erased(contents, actor=acting_user)


def _erase_words_about(contents: Collection[int]) -> None:
    """Free words of others beside the contents: they may quote them."""
    Report.objects.filter(content__in=contents).exclude(note="").update(note="")
    Rationale.objects.filter(decision__case__content__in=contents).update(text="")
    JudgementNote.objects.filter(judgement__review__case__content__in=contents).update(text="")
    Hold.objects.filter(case__content__in=contents).exclude(note="").update(note="")
    Escalation.objects.filter(review__case__content__in=contents).exclude(note="").update(note="")
    Appeal.objects.filter(decision__case__content__in=contents).update(statement="", rationale="")
    Batch.objects.filter(cases__case__content__in=contents).exclude(rationale="").update(rationale="")


def _forget_likeness(groups: Collection[int]) -> None:
    """Hashes of texts go with the last text of their group; the group itself keeps its side of the split."""
    legible = ContentRevision.objects.filter(group=OuterRef("group"), erased_at__isnull=True)
    TextGroupBand.objects.filter(~Exists(legible), group__in=groups).delete()


def _erase_identity(account: Account, external_id: str) -> None:
    """The account's own words elsewhere, what others sent of it, and its name."""
    Report.objects.filter(reporter=account).exclude(note="").update(note="")
    Appeal.objects.filter(appellant=account).update(statement="", rationale="")
    Batch.objects.filter(account=account).exclude(rationale="").update(rationale="")
    ProtectedAccount.objects.filter(account=account).update(reason="")
    _leave_threads(external_id)
    _forget_views([external_id])
    account.external_id, account.created_at, account.attributes = None, None, {}
    account.erased_at = timezone.now()
    account.save(update_fields=["external_id", "created_at", "attributes", "erased_at"])


def _leave_threads(external_id: str) -> None:
    """Take the account's messages out of the threads that came with contents of others."""
    quoting = ContentRevision.objects.filter(thread__contains=[{"author": external_id}])
    for revision in quoting.select_for_update(no_key=True).order_by("pk").iterator(chunk_size=_CHUNK):
        revision.thread = [message for message in revision.thread if message.get("author") != external_id]
        revision.save(update_fields=["thread"])


def _forget_views(identifiers: Sequence[str]) -> None:
    """Saved searches that name one of the identifiers."""
    if not identifiers:
        return
    named = Q()
    for identifier in identifiers:
        named |= Q(query__icontains=identifier)
    words = [re.compile(rf"(?<!\w){re.escape(identifier)}(?!\w)", re.IGNORECASE) for identifier in identifiers]
    naming = [
        view.pk
        for view in SavedView.objects.filter(named).only("query")
        if any(word.search(view.query) for word in words)
    ]
    SavedView.objects.filter(pk__in=naming).delete()
