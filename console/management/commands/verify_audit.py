"""``manage.py verify_audit``: recompute the audit chain; exit 1 if it does not hold."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from moderation.services import sealing


class Command(BaseCommand):
    """Recompute the hash chain over the audit trail and compare it with the seals."""

    help = "Recompute the chain of audit seals. Exits with 1, naming the seal, if anything sealed was altered."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what holds. Raises ``CommandError`` (exit status 1) at the first seal that does not."""
        result = sealing.verify()
        self.stdout.write(
            f"{result.seals} seals over {result.events} events hold; {result.unsealed} events are not sealed yet."
        )
        if result.head:
            self.stdout.write(f"Last good seal: {result.head}")
        if result.problem:
            raise CommandError(result.problem, returncode=1)
