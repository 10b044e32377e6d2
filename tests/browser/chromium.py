"""Where this machine has Chromium: Debian and GitHub's runners name it and place it differently. And how long the tests
wait for it: what is expected comes at once, on a busy machine later.
"""

import shutil

from playwright.sync_api import Browser, Page, Playwright, expect

PATIENCE = 120_000
"""Milliseconds."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), NAMES[0])
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
expect.set_options(timeout=PATIENCE)


def launched(playwright: Playwright) -> Browser:
    """A browser of its own."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)


def patient(page: Page) -> Page:
    """The page, which waits as long for what is to be clicked as the tests do for what they expect."""
    page.set_default_timeout(PATIENCE)
    return page
