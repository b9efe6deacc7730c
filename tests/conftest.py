"""Fixtures of the whole suite: the cast, a trained model, API clients."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from tests import factories
from tests.moderation.receiver import Receiver

# Playwright's own event loop runs in this thread; the database is used from it all the same.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# Two cores for the browser, the server, the database and another worker's tests: a page may take its time.
expect.set_options(timeout=15_000)

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In CI, a test that skips for want of the labelled data has failed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and item.get_closest_marker("data") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI for want of labelled data: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser or real processes that a busy machine let wait for too long are tried once more (ADR 37)."""
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("real"):
            item.add_marker(pytest.mark.flaky(reruns=1, condition=waited_in_vain))


def waited_in_vain(error: BaseException | None) -> bool:
    """Whether a wait ran out, rather than something having been found wrong."""
    if isinstance(error, AssertionError):
        return "Call log:" in str(error) and " with timeout " in str(error)  # playwright's expect
    return isinstance(error, PlaywrightTimeout | TimeoutError)


@pytest.fixture(scope="session")
def base_data() -> Path:
    """The folder of labelled data; tests that use it are marked ``data``."""
    folder = Path(os.environ.get("EVENHAND_BASE_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"labelled data is absent: {folder}")
    return folder


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's Chromium, quiet and without what needs a desktop."""
    found = os.environ.get("EVENHAND_CHROMIUM") or shutil.which("chromium")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    switches += ["--disable-background-networking", "--disable-component-update"]
    args = {**browser_type_launch_args, "args": switches}
    return {**args, "executable_path": found} if found else args


@pytest.fixture
def installation(db: None) -> None:
    """Policies, queues, routing rules and the starter model, as a fresh installation has them."""
    factories.installation()


@pytest.fixture
def moderator(installation: None) -> "factories.User":
    """Reviews cases."""
    return factories.user("moderator")


@pytest.fixture
def colleague(installation: None) -> "factories.User":
    """Another moderator."""
    return factories.user("colleague")


@pytest.fixture
def senior(installation: None) -> "factories.User":
    """Overrides and resolves appeals."""
    return factories.user("senior", role="senior")


@pytest.fixture
def admin(installation: None) -> "factories.User":
    """Manages everything."""
    return factories.user("admin", role="admin", is_staff=True)


@pytest.fixture
def integrator(installation: None) -> "factories.User":
    """The platform."""
    return factories.user("integrator", role="integrator")


@pytest.fixture
def private_receivers(settings: Settings) -> None:
    """Webhooks may go to this machine, and at once."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.UNDO_SECONDS = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A platform that listens."""
    with Receiver() as running:
        yield running


@pytest.fixture
def api_for() -> Callable[..., APIClient]:
    """An API client with a fresh key of the user, all scopes unless named."""
    return factories.api_client


@pytest.fixture
def platform(integrator: "factories.User") -> APIClient:
    """The platform's API client."""
    return factories.api_client(integrator)
