"""The Python client and the receiver of the documentation, against the running server."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from docs.client.evenhand import Author, Content, Evenhand, Refused
from moderation import tasks
from moderation.enums import Scope
from moderation.models import User
from moderation.services import access
from tests import factories
from tests.launcher.conftest import until

RECEIVER = Path(__file__).resolve().parents[3] / "docs" / "examples" / "receiver.py"
WRITTEN = "2026-01-31T12:00:00Z"


def client(server: LiveServer, person: User) -> Evenhand:
    """A client with a key of the person, all scopes."""
    _, secret = access.issue_key(user=person, name="client", scopes=Scope.values, acting_user=None)
    return Evenhand(server.url, secret)


@pytest.fixture
def listening() -> Iterator[Callable[[str, int], list[str]]]:
    """Starts the receiver of the documentation; the lines it says grow in the list given back."""
    running: list[subprocess.Popen[str]] = []

    def start(secret: str, port: int) -> list[str]:
        said: list[str] = []
        program = subprocess.Popen(
            [sys.executable, str(RECEIVER), str(port)],
            env={**os.environ, "SECRET": secret},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        running.append(program)
        assert program.stdout is not None
        threading.Thread(target=lambda: said.extend(program.stdout or ()), daemon=True).start()
        until(lambda: _answers(port), what="The receiver")
        return said

    yield start
    for program in running:
        program.terminate()
        program.wait(timeout=10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.usefixtures("private_receivers")
def test_from_a_report_to_an_overturned_decision(
    transactional_db: None, live_server: LiveServer, listening: Callable[[str, int], list[str]]
) -> None:
    factories.installation()
    platform = client(live_server, factories.user("platform", role="integrator"))
    moderator, senior = (client(live_server, factories.user(name, role=name)) for name in ("moderator", "senior"))
    admin = client(live_server, factories.user("admin", role="admin"))
    port = _free_port()
    said = listening(admin.add_webhook(f"http://127.0.0.1:{port}/")["secret"], port)

    reported = platform.report(
        Content("m/1", "message", factories.ABUSIVE, WRITTEN), Author("u-1"), reporter="u-2", policy="harassment"
    )
    assert reported["content_id"] == "m/1"
    tasks.score_pending()
    assert [case["content_id"] for case in moderator.cases(status="open")] == ["m/1"]
    [queue] = {case["queue"] for case in moderator.cases()}
    case = moderator.claim(queue)
    assert case is not None
    assert moderator.renew(case)["token"] == (case["lease"] or {})["token"]
    decision = moderator.decide(case, "violates", policies=["harassment"], actions=["remove"], spans=[(0, 3)])
    assert decision["id"] is not None
    tasks.deliver_outbox()
    until(lambda: any(line.startswith("action.requested") for line in said), what="The action")

    appeal = platform.appeal(decision["id"], "It was a quotation.", appellant="u-1")
    assert senior.overturn(appeal["id"], "ok", rationale="It was.")["state"] == "overturned"
    tasks.deliver_outbox()
    until(lambda: any(line.startswith("action.reversed") for line in said), what="Its reversal")
    labels = [label for label in admin.labels() if label["policy"] == "harassment"]
    assert [label["value"] for label in labels] == [True, False]
    assert labels[1]["supersedes"] is not None


def test_a_refusal_says_why(transactional_db: None, live_server: LiveServer) -> None:
    factories.installation()
    platform = client(live_server, factories.user("platform", role="integrator"))
    with pytest.raises(Refused) as refused:
        platform.report(Content("m-1", "message", "text", "yesterday"), Author("u-1"))
    assert refused.value.status in {400, 422}
    assert refused.value.errors[0]["pointer"] == "/content/created_at"
    with pytest.raises(Refused) as refused:
        platform.claim("nowhere")
    assert refused.value.status in {403, 404}
    results = platform.report_many([{"source": "user"}])
    assert [result["status"] for result in results] == ["rejected"]
