"""Pictures of the pages for the documentation, taken from a running product with demo data: ``make screenshots``.

A page is a line of ``PAGES``. Each picture is drawn in light, in dark and at the width of a phone, with few colours, so
that all of them together stay small.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
LOOKS = {"light": ("light", 1280, 800), "dark": ("dark", 1280, 800), "narrow": ("light", 390, 844)}
COLOURS = 128


@dataclass(frozen=True, slots=True)
class Picture:
    """A page: the file's name, the address, who looks, and what is done before the picture is taken."""

    name: str
    address: str
    role: str = "senior"
    before: Callable[[Page], None] | None = None


def _first_case(page: Page) -> None:
    page.locator("[data-list] [data-row]").first.click()
    page.wait_for_url("**/cases/*/")


def _first_author(page: Page) -> None:
    page.locator("[data-list] a[href^='/accounts/']").first.click()
    page.wait_for_url("**/accounts/*/")


def _first_campaign(page: Page) -> None:
    link = page.locator("table a[href^='/batches/campaigns/']").first
    if link.count():
        link.click()
        page.wait_for_url("**/batches/campaigns/*/")


def _start(page: Page) -> None:
    page.get_by_role("button", name="Start reviewing").first.click()
    page.locator("[data-review]").wait_for()


PAGES = (
    Picture("home", "/"),
    Picture("queue", "/review/abuse/"),
    Picture("review", "/", "moderator", _start),
    Picture("search", "/search/?q=is:open+sort:priority"),
    Picture("search-error", "/search/?q=free+scroe:>0.8"),
    Picture("search-help", "/search/"),
    Picture("case", "/search/?q=is:open", before=_first_case),
    Picture("account", "/search/?q=is:open", before=_first_author),
    Picture("batches", "/batches/"),
    Picture("batch-by-score", "/batches/score/?score_from=0.5&score_to=1"),
    Picture("campaigns", "/batches/campaigns/"),
    Picture("campaign", "/batches/campaigns/", before=_first_campaign),
    Picture("decisions", "/decisions/", "moderator"),
    Picture("adjudications", "/adjudications/"),
    Picture("approvals", "/approvals/"),
    Picture("help", "/help/"),
    Picture("quality", "/quality/"),
    Picture("insights", "/insights/"),
    Picture("rules", "/rules/", "admin"),
    Picture("models", "/models/", "admin"),
    Picture("webhooks", "/webhooks/", "admin"),
)


def main(names: list[str]) -> None:
    """Take the pictures named, or all of them."""
    home = Path(os.environ.get("EVENHAND_HOME", "var"))
    demo = json.loads((home / "demo.json").read_text())
    wanted = [picture for picture in PAGES if not names or picture.name in names]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("EVENHAND_CHROMIUM") or None, args=["--no-sandbox", "--disable-gpu"]
        )
        for look in LOOKS:
            for role in sorted({picture.role for picture in wanted}):
                with _logged_in(browser, look, demo, role) as page:
                    for picture in wanted:
                        if picture.role == role:
                            _take(page, picture, look, demo["base_url"])
        browser.close()


@contextmanager
def _logged_in(browser: Browser, look: str, demo: dict[str, Any], role: str) -> Iterator[Page]:
    scheme, width, height = LOOKS[look]
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{demo['base_url']}/login/")
    person = demo["users"][role]
    page.fill("input[name=username]", person["username"])
    page.fill("input[name=password]", person["password"])
    page.locator("button[type=submit]").first.click()
    page.wait_for_url(f"{demo['base_url']}/")
    yield page
    context.close()


def _take(page: Page, picture: Picture, look: str, base: str) -> None:
    page.goto(base + picture.address)
    if picture.before is not None:
        picture.before(page)
    page.wait_for_load_state("networkidle")
    path = FOLDER / f"{picture.name}-{look}.png"
    path.write_bytes(_few_colours(page.screenshot()))
    sys.stdout.write(f"{path.name} {path.stat().st_size // 1024} kB\n")


def _few_colours(picture: bytes) -> bytes:
    """The picture with a palette, a quarter of its size."""
    drawn = Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    written = io.BytesIO()
    drawn.save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
