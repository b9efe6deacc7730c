"""Banks: what is known to be bad."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moderation.enums import BankKind
from moderation.models.access import User
from moderation.models.content import Content, ContentRevision
from moderation.models.policy import Policy


class Bank(models.Model):
    """A list of known-bad texts, link domains or patterns that serve one policy."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=BankKind.choices)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="banks")
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.CheckConstraint(condition=Q(kind__in=BankKind.values), name="bank_kind_known")]

    def __str__(self) -> str:
        return self.name


class BankEntry(models.Model):
    """One known-bad item.

    ``value`` is what a person reads and, for a pattern or a domain, what is matched. ``digest`` is the SHA-256 of the
    form it is matched in; the form of a text is made by the normaliser named by ``form``.
    """

    bank = models.ForeignKey(Bank, on_delete=models.CASCADE, related_name="entries")
    value = models.TextField(max_length=20_000)
    digest = models.CharField(max_length=64)
    form = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, help_text="Matches nothing from then on; its hits stay.")

    class Meta:
        verbose_name_plural = "bank entries"
        constraints = [
            models.UniqueConstraint(
                fields=["bank", "digest"], condition=Q(removed_at__isnull=True), name="bank_entry_once"
            ),
        ]
        indexes = [models.Index(fields=["digest"], name="bank_entry_digest_idx")]

    def __str__(self) -> str:
        return f"entry {self.pk} of {self.bank_id}"

    @property
    def has_expired(self) -> bool:
        """Whether its end has come."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


class BankEntryBand(models.Model):
    """One locality-sensitive hash of a near-duplicate entry; a text that shares one is compared with it."""

    value = models.BigIntegerField()
    entry = models.ForeignKey(BankEntry, on_delete=models.CASCADE, related_name="bands")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["value", "entry"], name="bank_entry_band_once")]

    def __str__(self) -> str:
        return f"band of entry {self.entry_id}"


class BankHit(models.Model):
    """An entry matched one wording of a content. Immutable."""

    entry = models.ForeignKey(BankEntry, on_delete=models.PROTECT, related_name="hits")
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(ContentRevision, on_delete=models.PROTECT, related_name="bank_hits")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "revision"], name="bank_hit_once")]
        indexes = [models.Index(fields=["entry", "created_at"], name="bank_hit_time_idx")]

    def __str__(self) -> str:
        return f"hit of entry {self.entry_id}"
