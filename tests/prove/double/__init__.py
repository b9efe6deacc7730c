"""Takes the lock out of the claim."""

from django.apps import AppConfig


class Double(AppConfig):
    """Loaded by ``tests.prove.broken_claim`` alone."""

    name = "tests.prove.double"
    label = "double"

    def ready(self) -> None:
        """The row that is looked for is not locked, so that two may find the same."""
        from moderation.services import claim_statements

        locked = claim_statements.CLAIM_FIRST
        claim_statements.CLAIM_FIRST = locked.replace("FOR UPDATE SKIP LOCKED", "")
        assert locked != claim_statements.CLAIM_FIRST
