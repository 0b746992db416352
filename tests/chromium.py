"""A real browser for tests of pages: Chromium without a screen, and whatever a page complains about.

with browser() as chromium, visit(chromium, url, width=390) as seen:
    seen.page.wait_for_selector("text=…")
    assert seen.complaints == [] and sideways(seen.page) == 0
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Visit:
    """A page that is open, and what went wrong on it so far: errors, warnings and requests that failed."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; the test is skipped where there is none, as playwright's must be downloaded."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (on Debian: apt-get install chromium)")
    # Neither has a container's root a sandbox, nor its /dev/shm room for a page.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def visit(
    chromium: Browser, url: str, width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Visit]:
    """Open a URL (``file://`` too) in a window of so many pixels, for somebody who prefers this colour scheme."""
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    seen = Visit(page)
    page.on("console", lambda told: seen.complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("requestfailed", lambda request: seen.complaints.append(f"{request.url}: {request.failure}"))
    try:
        page.goto(url)
        yield seen
    finally:
        page.close()


def sideways(page: Page) -> int:
    """How many pixels the page is wider than its window: more than 0 scrolls sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
