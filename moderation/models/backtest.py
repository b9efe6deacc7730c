"""Backtests: what a rule would have done to the contents of the last days."""

from django.db import models
from django.db.models import F, Q

from moderation.enums import BacktestState
from moderation.models.access import User
from moderation.models.rule import RoutingRule


class Backtest(models.Model):
    """One run of a rule over past contents, newest first, in pieces that commit: it goes on where a worker died.

    ``rules`` freezes the set of rules it compares with; ``figures`` are the counts so far, ``examples`` the keys of a
    few contents a kind of change. No text is kept.
    """

    rule = models.ForeignKey(RoutingRule, on_delete=models.CASCADE, related_name="backtests")
    rule_version = models.PositiveIntegerField(help_text="The rule's version it ran with.")
    days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=BacktestState.choices, default=BacktestState.WAITING)
    rules = models.JSONField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    total = models.PositiveIntegerField(help_text="Contents to look at.")
    available = models.PositiveIntegerField(help_text="Contents of these days, of which it looks at the newest.")
    looked_at = models.PositiveIntegerField(default=0)
    cursor = models.BigIntegerField(null=True, help_text="Key of the last content looked at.")
    figures = models.JSONField(default=dict)
    examples = models.JSONField(default=dict)
    error = models.CharField(max_length=80, blank=True, help_text="Class of the exception that ended it.")
    failures = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BacktestState.values), name="backtest_state_known"),
            models.CheckConstraint(condition=Q(looked_at__lte=F("total")), name="backtest_within_its_total"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], ended_at__isnull=True)
                | (~Q(state__in=["waiting", "running"]) & Q(ended_at__isnull=False)),
                name="backtest_ends_once",
            ),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(state__in=["waiting", "running"]), name="backtest_one_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="backtest_unfinished_idx"),
        ]

    def __str__(self) -> str:
        return f"backtest {self.pk}"
