"""A whole product started by a test, and how to talk to it."""

import http.client
import json
import urllib.request
from typing import Any

from tests.launcher.conftest import Launched, Launchers, until

_TEXT = "Meet me behind the arena after the match and you will be sorry, I know where you live."


def run(launchers: Launchers, **environment: str) -> Launched:
    """The product on any free port, without the demo community, up and answering."""
    launched = launchers.start("run", environment={"PORT": "0", "DEMO": "0", **environment})
    until(
        lambda: "Ctrl-C stops it." in launched.said() or launched.process.poll() is not None,
        seconds=120,
        what="the product is ready",
    )
    assert launched.process.poll() is None, launched.said()
    return launched


def call(launched: Launched, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """One API call with the installation's own key: status and body."""
    key = json.loads((launched.home / "demo.json").read_text())["api_key"]
    request = urllib.request.Request(  # noqa: S310
        f"{launched.running()['base_url']}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return answer.status, json.loads(answer.read() or b"{}")


def readiness(launched: Launched) -> dict[str, Any] | None:
    """What /readyz says, or None while nobody answers."""
    address = str(launched.running()["base_url"]).removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    assert isinstance(answer, dict)
    return answer


def report(launched: Launched, content_id: str) -> None:
    """Report one text."""
    now = "2026-01-01T00:00:00Z"
    status, _ = call(
        launched,
        "/api/v1/reports",
        {
            "content": {"id": content_id, "type": "message", "text": _TEXT, "created_at": now},
            "author": {"id": "author-1"},
            "source": "user",
        },
    )
    assert status == 202


def scored(launched: Launched, content_id: str) -> bool:
    """Whether the worker has dealt with the content."""
    return call(launched, f"/api/v1/content/{content_id}")[1]["scoring_state"] == "scored"
