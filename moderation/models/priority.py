"""What makes priorities out of date."""

from django.db import models

from moderation.models.content import Account


class PriorityMark(models.Model):
    """An account whose record has changed since the priorities of its open cases were worked out.

    Appended by whoever changes the record; taken away by the worker that routes the cases anew.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"mark on account {self.account_id}"
