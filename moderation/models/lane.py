"""How much waits, counted every few seconds: pages read the count, never the cases."""

from django.db import models

from moderation.models.queue import Queue


class LaneCount(models.Model):
    """The open reviews of a queue that have one language and one policy; a queue's figures are its lanes' sums."""

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+")
    language = models.CharField(max_length=8, blank=True)
    policy = models.SlugField(max_length=40, blank=True)
    waiting = models.PositiveIntegerField()
    leased = models.PositiveIntegerField()
    overdue = models.PositiveIntegerField()
    oldest = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["queue", "language", "policy"], name="lane_count_once")]

    def __str__(self) -> str:
        return f"{self.waiting} in {self.queue_id}/{self.language}/{self.policy}"


class LaneCensus(models.Model):
    """When the lanes were counted last: one row."""

    counted_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="lane_census_is_one")]

    def __str__(self) -> str:
        return f"counted at {self.counted_at}"
