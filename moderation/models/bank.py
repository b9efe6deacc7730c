"""Banks: what is known to be bad."""

from django.db import models
from django.db.models import Q

from moderation.enums import BankKind
from moderation.models.access import User
from moderation.models.policy import Policy


class Bank(models.Model):
    """A list of known-bad texts or link domains that serve one policy."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=BankKind.choices)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="banks")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=BankKind.values), name="bank_kind_known")]

    def __str__(self) -> str:
        return self.name


class BankEntry(models.Model):
    """One known-bad item, in the form it is matched in: a normalised text or a registrable domain."""

    bank = models.ForeignKey(Bank, on_delete=models.CASCADE, related_name="entries")
    value = models.CharField(max_length=2000)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "bank entries"
        constraints = [models.UniqueConstraint(fields=["bank", "value"], name="bank_entry_once")]

    def __str__(self) -> str:
        return f"entry {self.pk} of {self.bank_id}"
