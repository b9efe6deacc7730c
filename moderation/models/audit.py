"""The record of who did what. Events are appended; seals chain them."""

from django.db import models

from moderation.enums import AuditKind
from moderation.models.access import User


class AuditEvent(models.Model):
    """One thing that happened: references and figures, never a text. Immutable.

    ``transaction`` is PostgreSQL's id of the transaction that wrote it; the sealer waits until none older is open.
    """

    kind = models.CharField(max_length=40, choices=AuditKind.choices)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    content_id = models.BigIntegerField(null=True, db_index=True)
    case_id = models.BigIntegerField(null=True, db_index=True)
    data = models.JSONField(default=dict)
    transaction = models.BigIntegerField(db_default=models.Func(function="evenhand_transaction"))
    created_at = models.DateTimeField(db_default=models.Func(function="clock_timestamp"))

    class Meta:
        indexes = [models.Index(fields=["transaction", "id"], name="audit_transaction_idx")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class AuditSeal(models.Model):
    """A link of the chain: hash of the events of transactions in [from, to) and of the seal before. Immutable."""

    from_transaction = models.BigIntegerField()
    to_transaction = models.BigIntegerField(unique=True)
    event_count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="next")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"seal {self.pk}"
