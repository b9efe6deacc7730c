"""Retrain on the decisions so far."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from moderation.enums import ModelStatus
from moderation.errors import ModerationError
from moderation.services import training


class Command(BaseCommand):
    """``manage.py retrain``: freeze the labels, train a candidate, run its gates, promote it or say why not."""

    help = "Train a candidate on the decisions so far and put it through its gates."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each gate with its reason, then the outcome."""
        try:
            version = training.retrain(acting_user=None)
        except ModerationError as error:
            raise CommandError(error.detail) from error
        if version is None:
            self.stdout.write("There are too few labels to learn from; nothing was trained.")
            return
        for gate in version.gates.all():
            mark = "insufficient" if gate.insufficient else ("passed" if gate.passed else "FAILED")
            self.stdout.write(f"{mark:>12}  {gate.name}: {gate.reason}")
        outcome = "is the champion now" if version.status == ModelStatus.CHAMPION else "was not promoted"
        self.stdout.write(f"Model {version} {outcome}.")
