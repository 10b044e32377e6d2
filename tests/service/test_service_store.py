"""A service whose store fails under load answers every request, says so, and is back by itself."""

import re
from pathlib import Path

from bench.store.failures import Shop, outcome
from orderguard.masking import Keyring
from tests.serving import API_KEY, MASKING_KEY, serving

HOLD_SECONDS = 0.2


def test_no_request_fails_while_the_store_does(models_dir: Path, tmp_path: Path) -> None:
    """A sample of what `python -m bench store` does at length: slow, full, and replaced by its replica."""
    with Shop(tmp_path / "shop", appendfsync="always").running() as shop:
        url, password = f"redis://127.0.0.1:{shop.port}/0", shop.primary.password
        with serving(models_dir, tmp_path / "log", HISTORY_URL=url, HISTORY_PASSWORD=password) as service:
            for failure in ("slow", "full", "failed over"):
                came_to = outcome(
                    failure, shop, service.port, API_KEY, Keyring.from_text(MASKING_KEY), hold_seconds=HOLD_SECONDS
                )
                assert came_to.requests > 0 and came_to.failed == 0, came_to
                assert came_to.unavailable > 0, came_to
                assert came_to.lost == 0 or came_to.said > 0, came_to
            events = [line for line in service.log_lines() if line["event"] == "history"]
    assert [line["severity"] for line in events] == ["WARNING", "INFO"] * 3
    written = (tmp_path / "log").read_text()
    assert shop.primary.password not in written
    # As a number of its own: the digits of a port stand by chance in one of thousands of random ids.
    assert not re.search(rf"\b{shop.port}\b", written)
