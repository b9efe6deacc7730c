"""The product as an operator starts it, seen from outside: its processes, its API and its database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg2

from moderation import demo
from tests.launcher.conftest import ROOT, Launched, clean_environment, until
from tests.real.client import Answer, Client, Clients

_ISSUE_KEYS = """
import sys
from moderation.enums import Scope
from moderation.models import User
from moderation.services import access
for name in sys.stdin.read().split():
    user, _ = User.objects.get_or_create(username=name, defaults={"role": "moderator"})
    _, secret = access.issue_key(user=user, name="test", scopes=[Scope.READ, Scope.REVIEW], acting_user=None)
    print(name, secret)
"""

# Everything that must hold of a content that was reported, taken in and scored, told as one row.
_STATE = """
SELECT c.external_id, c.scoring_state,
  (SELECT count(*) FROM moderation_contentrevision v WHERE v.content_id = c.id),
  (SELECT count(*) FROM moderation_prediction p JOIN moderation_contentrevision v ON v.id = p.revision_id
    WHERE v.content_id = c.id),
  (SELECT count(*) FROM moderation_policyprediction q JOIN moderation_prediction p ON p.id = q.prediction_id
    JOIN moderation_contentrevision v ON v.id = p.revision_id WHERE v.content_id = c.id)
    = (SELECT count(*) FROM moderation_policy),
  (SELECT count(*) FROM moderation_auditevent a WHERE a.content_id = c.id AND a.kind = 'content.scored'),
  (SELECT count(*) FROM moderation_case k WHERE k.content_id = c.id),
  (SELECT count(*) FROM moderation_review r JOIN moderation_case k ON k.id = r.case_id
    WHERE k.content_id = c.id),
  (SELECT count(*) FROM moderation_report r WHERE r.content_id = c.id AND r.case_id IS NULL)
FROM moderation_content c WHERE c.external_id = ANY(%s)
"""
_SETTLED = ("scored", 1, 1, True, 1, 1, 1, 0)
_SETTLED_MEANS = "state, revisions, predictions, all policies, scorings, cases, reviews, unrouted reports"


@dataclass(frozen=True)
class Product:
    """A running installation."""

    launched: Launched
    environment: Mapping[str, str]

    @cached_property
    def logins(self) -> dict[str, Any]:
        """What ``demo.json`` holds: users with passwords, and the first API key."""
        logins: dict[str, Any] = json.loads((self.launched.home / "demo.json").read_text())
        return logins

    @property
    def base_url(self) -> str:
        """Where it serves."""
        return str(self.launched.running()["base_url"])

    @property
    def platform(self) -> Clients:
        """The platform's API clients, one a thread."""
        return Clients(self.base_url, self.logins["api_key"])

    def client(self, key: str | None = None) -> Client:
        """An API client under the key, by default the first one."""
        return Client(self.base_url, key or self.logins["api_key"])

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database answers."""
        with psycopg2.connect(self.service("DATABASE_URL")) as database, database.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def count(self, statement: str, *values: object) -> int:
        """The one number the database answers."""
        return int(self.rows(statement, *values)[0][0])

    def manage(self, *words: str, given: str = "", **extra: str) -> str:
        """What ``manage.py WORDS…`` prints, run as an operator of the running product would."""
        command = [sys.executable, "-m", "console.launcher", "exec", "--", "python", "manage.py", *words]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment(**{**self.environment, **extra}),
            input=given,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def issue_keys(self, names: Sequence[str]) -> dict[str, str]:
        """An API key for each moderator of these names, who are made if new."""
        printed = self.manage("shell", "--no-imports", "-c", _ISSUE_KEYS, given="\n".join(names))
        return dict(line.split() for line in printed.splitlines())

    def kill(self, program: str, stop_signal: signal.Signals = signal.SIGKILL) -> None:
        """Kill a program with all its own processes; the supervisor starts another."""
        os.killpg(self.launched.processes()[program], stop_signal)

    def pending(self) -> int:
        """How many contents wait to be scored."""
        return self.count("SELECT count(*) FROM moderation_content WHERE scoring_state = 'pending'")

    def wait_until_scored(self, seconds: float = 120) -> None:
        """Wait until nothing waits to be scored."""
        until(lambda: self.pending() == 0, seconds=seconds, what=f"all is scored: {self.launched.said()}")

    def assert_settled(self, accepted: Mapping[int, str]) -> None:
        """Every accepted report (id to its content's id) is there, and its content scored and cased once."""
        stored = dict(
            self.rows(
                "SELECT r.id, c.external_id FROM moderation_report r JOIN moderation_content c "
                "ON c.id = r.content_id WHERE r.id = ANY(%s)",
                list(accepted),
            )
        )
        assert stored == dict(accepted)
        contents = sorted(set(accepted.values()))
        states = {row[0]: row[1:] for row in self.rows(_STATE, contents)}
        odd = {content: states.get(content) for content in contents if states.get(content) != _SETTLED}
        assert not odd, f"({_SETTLED_MEANS}) should be {_SETTLED}: {odd}"

    def service(self, name: str) -> str:
        """The address of one of its services."""
        environment = self.launched.running()["environment"]
        assert isinstance(environment, dict)
        return str(environment[name])


def report_bodies(count: int, *, prefix: str, policy: str | None = None) -> list[dict[str, Any]]:
    """Bodies of ``POST /reports``, each on a content of its own, with texts of the demo community."""
    texts = [message.text for message in demo.load().messages]
    return [
        {
            "content": {
                "id": f"{prefix}-{number}",
                "type": "message",
                "text": f"{texts[number % len(texts)]} {texts[(number * 7 + 3) % len(texts)]}"[:2000],
                "created_at": "2026-01-02T03:04:05Z",
            },
            "author": {"id": f"author-{number % 40}", "created_at": "2025-01-01T00:00:00Z"},
            "reporter": {"id": f"reporter-{number % 60}"},
            "source": "user",
            **({"policy": policy} if policy else {}),
        }
        for number in range(count)
    ]


def accepted_reports(answers: Sequence[Answer]) -> dict[int, str]:
    """The reports that were accepted: report id to the platform's content id."""
    return {answer.body["report_id"]: answer.body["content_id"] for answer in answers if answer.accepted}
