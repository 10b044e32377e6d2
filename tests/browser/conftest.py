"""One service for all tests of this folder, and a Chromium for each of its files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bench.chromium import chromium
from tests.browser.chromium import PATIENCE
from tests.serving import Service, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright's event loop runs as long as its browser is open: it has to end before tests that run their own."""
    with chromium(PATIENCE) as running:
        yield running


@pytest.fixture(scope="session")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that keeps alerts. Tests that close some make them first."""
    folder = tmp_path_factory.mktemp("page")
    with serving(models_dir, folder / "log", ALERTS_URL=f"sqlite:{folder / 'alerts.sqlite3'}") as running:
        yield running
