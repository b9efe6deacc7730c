"""Finds, or installs, the Chromium that browser tests drive, and prints its path.

`python -m console.launcher.browser`
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

from console.launcher.errors import LauncherError
from console.launcher.speech import complain, say

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium() -> str:
    """Path of a Chromium that starts on this machine.

    The one EVENHAND_CHROMIUM names; else the machine's own; else one installed now, by apt when root, by
    Playwright otherwise. Raises LauncherError where none of that works.
    """
    named = os.environ.get("EVENHAND_CHROMIUM")
    if named:
        if not _starts(named):
            raise LauncherError(f"EVENHAND_CHROMIUM={named} does not start.")
        return named
    sources: tuple[Callable[[], str | None], ...] = (_on_the_path, _by_apt, _by_playwright)
    for source in sources:
        found = source()
        if found is not None and _starts(found):
            return found
    raise LauncherError(
        "The browser tests need Chromium: there is none on this machine, and neither apt nor Playwright "
        "could install one (see above). Install it, or name one with EVENHAND_CHROMIUM=/path/to/chromium."
    )


def _on_the_path() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _by_apt() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    complain("Installing Chromium with apt.")
    install = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium")
    done = _succeeds(install) or (_succeeds(("apt-get", "update", "--quiet")) and _succeeds(install))
    return _on_the_path() if done else None


def _by_playwright() -> str | None:
    complain("Installing Chromium with Playwright.")
    if not _succeeds((sys.executable, "-m", "playwright", "install", "chromium")):
        return None
    script = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as driver: print(driver.chromium.executable_path)"
    )
    asked = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False
    )
    return asked.stdout.strip() if asked.returncode == 0 else None


def _succeeds(command: Sequence[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode == 0  # noqa: S603


def _starts(path: str) -> bool:
    """Whether it renders an empty page: a version number alone says nothing about missing libraries."""
    # Root cannot use Chromium's sandbox; the tests load nothing but this product.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        command = [path, "--headless", *sandbox, "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={profile}", "--dump-dom", "data:text/html,<p>works"]
        try:
            shown = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=False, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            complain(f"{path} does not start: {error}")
            return False
    if shown.returncode != 0 or "works" not in shown.stdout:
        complain(f"{path} does not start: {shown.stderr.strip()[-500:]}")
        return False
    return True


if __name__ == "__main__":
    try:
        say(chromium())
    except LauncherError as problem:
        complain(f"evenhand: {problem}")
        sys.exit(1)
