"""Keeping banks: their entries are checked, brought into the form they are matched in, and recorded."""

from collections.abc import Sequence
from datetime import datetime

from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.utils import timezone

from moderation import audit, links
from moderation.conditions import patterns
from moderation.enums import BankKind
from moderation.errors import Conflict, InvalidInput, NotFound
from moderation.learning import forms
from moderation.models import Bank, BankEntry, BankEntryBand, Policy, User
from moderation.permissions import Permission, require

TEXT_LENGTH = 20_000
NOTE_LENGTH = 300
SHORTEST_NEAR = 20  # characters of a form: what is shorter is near to too much
_REFRESH = 500


@transaction.atomic
def create(*, slug: str, name: str, kind: str, policy: str, acting_user: User) -> Bank:
    """A new, empty bank. Raises ``NotPermitted``, ``InvalidInput``."""
    require(acting_user, Permission.MANAGE)
    _check_slug(slug)
    if kind not in BankKind.values:
        raise InvalidInput(f"A kind is one of {', '.join(BankKind.values)}.", pointer="/kind")
    bank = Bank(slug=slug, kind=kind, name=_name(name), policy=_policy(policy))
    bank.save(force_insert=True)
    audit.bank_changed(bank, actor=acting_user, change="added")
    return bank


@transaction.atomic
def change(*, slug: str, name: str, policy: str, is_active: bool, acting_user: User) -> Bank:
    """Give the bank another name or policy, switch it off or on. Raises ``NotFound``, ``InvalidInput``."""
    require(acting_user, Permission.MANAGE)
    bank = Bank.objects.select_for_update(no_key=True).filter(slug=slug).first()
    if bank is None:
        raise NotFound("There is no such bank.")
    bank.name, bank.policy, bank.is_active = _name(name), _policy(policy), is_active
    bank.save(update_fields=["name", "policy", "is_active"])
    audit.bank_changed(bank, actor=acting_user, change="changed")
    return bank


@transaction.atomic
def add_entry(
    *,
    bank: Bank,
    value: str,
    acting_user: User,
    expires_at: datetime | None = None,
    note: str = "",
    owner: str | None = None,
) -> BankEntry:
    """A new entry in the form its bank is matched in; owned by who adds it, unless a user name is given.

    Raises ``InvalidInput`` for what the kind of bank cannot match; ``Conflict`` if the bank has it.
    """
    require(acting_user, Permission.MANAGE)
    written, form = matched_form(bank.kind, value)
    entry = BankEntry(
        bank=bank,
        value=written,
        digest=forms.digest(bank.kind, form),
        form=forms.NORMALISER if bank.kind in {BankKind.TEXT, BankKind.NEAR} else "",
        note=_note(note),
        owner=_owner(owner) if owner is not None else acting_user,
        expires_at=_expiry(expires_at),
    )
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("The bank has this entry already.") from error
    _write_bands([(entry, form)])
    audit.bank_entry_changed(entry, actor=acting_user, change="added")
    return entry


@transaction.atomic
def change_entry(
    *, entry_id: int, expires_at: datetime | None, note: str, owner: str | None, acting_user: User
) -> BankEntry:
    """Give the entry another end, note or owner; what it matches stays. Raises ``NotFound``, ``InvalidInput``."""
    require(acting_user, Permission.MANAGE)
    entry = _locked(entry_id)
    # An end that has passed may stay as it is.
    if expires_at != entry.expires_at:
        entry.expires_at = _expiry(expires_at)
    entry.note = _note(note)
    entry.owner = _owner(owner) if owner is not None else None
    entry.save(update_fields=["expires_at", "note", "owner"])
    audit.bank_entry_changed(entry, actor=acting_user, change="changed")
    return entry


@transaction.atomic
def remove_entry(*, entry_id: int, acting_user: User) -> BankEntry:
    """The entry matches nothing from now on; what it has hit stays. Raises ``NotFound``."""
    require(acting_user, Permission.MANAGE)
    entry = _locked(entry_id)
    entry.removed_at = timezone.now()
    entry.save(update_fields=["removed_at"])
    entry.bands.all().delete()
    audit.bank_entry_changed(entry, actor=acting_user, change="removed")
    return entry


def matched_form(kind: str, value: str) -> tuple[str, str]:
    """What is kept of a value, and the form it is matched in. Raises ``InvalidInput``."""
    value = value.strip()
    if not 0 < len(value) <= TEXT_LENGTH:
        raise InvalidInput(f"An entry has 1 to {TEXT_LENGTH} characters.", pointer="/value")
    try:
        if kind == BankKind.DOMAIN:
            domain = links.domain(value)
            return domain, domain
        if kind == BankKind.PATTERN:
            patterns.compiled(value)
            return value, value
    except InvalidInput as error:
        raise InvalidInput(error.detail, pointer="/value") from error
    form = forms.normalised(value)
    if not form:
        raise InvalidInput("Nothing is left of this text to match.", pointer="/value")
    if kind == BankKind.NEAR and len(form) < SHORTEST_NEAR:
        raise InvalidInput(
            f"A text of fewer than {SHORTEST_NEAR} letters is near to too much; use a bank of exact texts.",
            pointer="/value",
        )
    return value, form


def refresh_forms() -> int:
    """Bring texts that an earlier normaliser wrote into today's form; how many. Of two that became one, one is left."""
    refreshed = 0
    while True:
        with transaction.atomic():
            stale = list(
                BankEntry.objects.select_for_update(no_key=True, of=("self",), skip_locked=True)
                .select_related("bank")
                .filter(bank__kind__in=[BankKind.TEXT, BankKind.NEAR], removed_at__isnull=True)
                .exclude(form=forms.NORMALISER)
                .order_by("pk")[:_REFRESH]
            )
            for entry in stale:
                _refresh(entry)
        refreshed += len(stale)
        if not stale:
            return refreshed


def _refresh(entry: BankEntry) -> None:
    form = forms.normalised(entry.value)
    digest = forms.digest(entry.bank.kind, form)
    twin = BankEntry.objects.filter(bank=entry.bank, digest=digest, removed_at__isnull=True).exclude(pk=entry.pk)
    entry.form = forms.NORMALISER
    entry.bands.all().delete()
    if not form or twin.exists():
        entry.removed_at = timezone.now()
    else:
        entry.digest = digest
        _write_bands([(entry, form)])
    entry.save(update_fields=["form", "digest", "removed_at"])


def _write_bands(entries: Sequence[tuple[BankEntry, str]]) -> None:
    BankEntryBand.objects.bulk_create(
        (
            BankEntryBand(entry=entry, value=value)
            for entry, form in entries
            if entry.bank.kind == BankKind.NEAR
            for value in set(forms.bands(form))
        ),
        ignore_conflicts=True,
    )


def _locked(entry_id: int) -> BankEntry:
    entry = (
        BankEntry.objects.select_for_update(no_key=True, of=("self",))
        .select_related("bank")
        .filter(pk=entry_id, removed_at__isnull=True)
        .first()
    )
    if entry is None:
        raise NotFound("There is no such entry.")
    return entry


def _check_slug(slug: str) -> None:
    from django.core.exceptions import ValidationError

    try:
        validate_slug(slug)
    except ValidationError as error:
        raise InvalidInput(
            "A short name has letters, digits, hyphens and underscores only.", pointer="/slug"
        ) from error
    if len(slug) > 40:
        raise InvalidInput("A short name has at most 40 characters.", pointer="/slug")
    if Bank.objects.filter(slug=slug).exists():
        raise InvalidInput("There is a bank with this short name.", pointer="/slug")


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 80:
        raise InvalidInput("A bank has a name of 1 to 80 characters.", pointer="/name")
    return name


def _policy(slug: str) -> Policy:
    policy = Policy.objects.filter(slug=slug, is_active=True).first()
    if policy is None:
        raise InvalidInput("There is no active policy with this slug.", pointer="/policy")
    return policy


def _note(note: str) -> str:
    if len(note) > NOTE_LENGTH:
        raise InvalidInput(f"A note has at most {NOTE_LENGTH} characters.", pointer="/note")
    return note.strip()


def _owner(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise InvalidInput("There is no active person with this user name.", pointer="/owner")
    return user


def _expiry(moment: datetime | None) -> datetime | None:
    if moment is not None and moment <= timezone.now():
        raise InvalidInput("This end lies in the past.", pointer="/expires_at")
    return moment
