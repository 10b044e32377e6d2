"""One Chromium and one service for all tests of this folder, taken down after the last of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bench.chromium import chromium
from tests.browser.chromium import PATIENCE
from tests.serving import Service, serving


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium(PATIENCE) as running:
        yield running


@pytest.fixture(scope="package")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that keeps alerts. Tests that close some make them first."""
    folder = tmp_path_factory.mktemp("page")
    with serving(models_dir, folder / "log", ALERTS_URL=f"sqlite:{folder / 'alerts.sqlite3'}") as running:
        yield running
