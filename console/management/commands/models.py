"""``manage.py models list|show|promote|rollback``: the registry of model versions."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management import BaseCommand, CommandError

from console.management.operators import acting_user, add_user_option
from moderation.errors import ModerationError
from moderation.learning import registry
from moderation.models import ModelVersion, User
from moderation.permissions import Permission
from moderation.services import training


class Command(BaseCommand):
    """List and show model versions; promote one, or roll back to the champion before."""

    help = "List, show, promote and roll back model versions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand each."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|promote|rollback")
        verbs.add_parser("list", help="every version, the newest first")
        show = verbs.add_parser("show", help="one version with its gates and manifest, as JSON")
        show.add_argument("number", type=_number, help="the version's number, e.g. 3 or v3")
        promote = verbs.add_parser("promote", help="make a version the champion; open cases are scored anew")
        promote.add_argument("number", type=_number, help="the version's number, e.g. 3 or v3")
        add_user_option(promote)
        rollback = verbs.add_parser("rollback", help="go back to the champion before the present one")
        add_user_option(rollback)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do as told. Raises ``CommandError`` with what the registry refuses."""
        try:
            match options["verb"]:
                case "list":
                    self._list()
                case "show":
                    self._show(registry.get(options["number"]))
                case "promote":
                    self._promote(registry.get(options["number"]), self._manager(options))
                case _:
                    version = training.roll_back(acting_user=self._manager(options))
                    self.stdout.write(f"Model {version} is the champion again; open cases are being scored anew.")
        except ModerationError as error:
            raise CommandError(error.detail) from error

    def _manager(self, options: dict[str, Any]) -> User:
        return acting_user(options["user"], Permission.MANAGE)

    def _list(self) -> None:
        for version in ModelVersion.objects.prefetch_related("gates"):
            passed = [gate.passed and not gate.insufficient for gate in version.gates.all()]
            gates = f"{sum(passed)}/{len(passed)} gates" if passed else "no gates"
            made = f"{version.created_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{version!s:>5}  {version.status:<9}  {made}  {gates:<11}  {version.note}")

    def _show(self, version: ModelVersion) -> None:
        shown = {
            "number": version.number,
            "status": version.status,
            "parent": version.parent.number if version.parent else None,
            "sha256": version.sha256,
            "created_at": version.created_at.isoformat(),
            "promoted_at": version.promoted_at.isoformat() if version.promoted_at else None,
            "training_set": version.training_set_id,
            "note": version.note,
            "gates": [
                {
                    "name": gate.name,
                    "passed": gate.passed,
                    "insufficient": gate.insufficient,
                    "reason": gate.reason,
                    "figures": gate.figures,
                }
                for gate in version.gates.all()
            ],
            "manifest": version.manifest,
        }
        self.stdout.write(json.dumps(shown, indent=2))

    def _promote(self, version: ModelVersion, user: User) -> None:
        promoted = training.promote(version=version, acting_user=user)
        self.stdout.write(f"Model {promoted} is the champion now; open cases are being scored anew.")


def _number(value: str) -> int:
    digits = value.removeprefix("v")
    if not (digits.isascii() and digits.isdigit()):
        raise ArgumentTypeError(f"a version is a number such as 3 or v3, not {value!r}")
    return int(digits)
