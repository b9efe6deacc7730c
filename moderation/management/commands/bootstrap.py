"""Bring an installation up: defaults, the starter model, first people and key, the demo community."""

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from moderation.models import User
from moderation.services import banks, sealing, seeding


class Command(BaseCommand):
    """``manage.py bootstrap``: safe to run at every start; writes demo.json (mode 600) the first time."""

    help = "Policies, queues, the starter model; with --people also first logins, an API key and the demo community."

    def add_arguments(self, parser: CommandParser) -> None:
        """What to make beside the defaults."""
        parser.add_argument(
            "--people",
            action="store_true",
            help="Make a moderator, a senior, an administrator and an API key, and write them to demo.json.",
        )
        parser.add_argument("--demo", action="store_true", help="Seed the demo community (implies --people).")

    def handle(self, *args: Any, people: bool, demo: bool, **options: Any) -> None:
        """Each step does nothing where its work stands already."""
        sealing.resume_after_restore()
        seeding.seed_defaults()
        banks.refresh_forms()
        if people or demo:
            self._write_logins(settings.HOME / "demo.json")
        if demo:
            count = seeding.seed_demo(
                acting_user=User.objects.get(username="admin"), decided_by=User.objects.get(username="senior")
            )
            if count:
                self.stdout.write(f"Seeded the demo community: {count} messages.")

    def _write_logins(self, path: Path) -> None:
        logins: dict[str, Any] = {"base_url": os.environ.get("EVENHAND_BASE_URL", "http://127.0.0.1:8000")}
        if path.exists():
            logins = {**json.loads(path.read_text()), **logins}
        if "users" not in logins or not User.objects.filter(username="admin").exists():
            passwords = seeding.seed_people()
            logins["users"] = {name: {"username": name, "password": password} for name, password in passwords.items()}
            logins["api_key"] = seeding.seed_key()
        draft = path.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(logins, indent=2) + "\n")
        draft.replace(path)
