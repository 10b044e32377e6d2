"""Chromium for tests: how long they wait, and what a page must not do."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.serving import WAIT_SECONDS

PATIENCE = WAIT_SECONDS * 1_000
"""In milliseconds, for whatever is waited for: five seconds, as is usual, are little on a busy machine."""
expect.set_options(timeout=PATIENCE)


def opened(browser: Browser, url: str, kept: str = "", **context: Any) -> Iterator[Page]:
    """A page in a tab of its own, which fails the test for any error, foreign request or breach of the policy. `kept`
    is a script that puts into the browser what an earlier visit has left.
    """
    tab = browser.new_context(**context).new_page()
    tab.set_default_timeout(PATIENCE)
    troubles: list[str] = []
    origin = url.partition("/#")[0]
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    tab.on("request", lambda request: None if request.url.startswith(origin) else troubles.append(request.url))
    tab.add_init_script(kept)
    tab.goto(url)
    yield tab
    assert troubles == []
    tab.context.close()
