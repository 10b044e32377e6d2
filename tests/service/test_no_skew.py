"""A service that was just deployed and seeded decides as training computes: on a small sample here, on the whole one in
`python -m bench histories`.
"""

from pathlib import Path

from bench.histories.feed import feed_of, offline
from bench.histories.skew import skew
from orderguard.masking import Keyring, new_key_text
from tests.serving import MASKING_KEY


def test_a_seeded_service_decides_as_training_computes(models_dir: Path, tmp_path: Path) -> None:
    """The seed is made and loaded under the service's key, which is not the one that the version was trained under."""
    feed = feed_of(models_dir.parent / "raw", tmp_path / "feed")
    expected = offline(feed, models_dir / "first", Keyring.from_text(MASKING_KEY))
    found = skew(feed, models_dir / "first", expected, new_key_text(), tmp_path)
    assert found.orders == len(feed.later) > 300
    assert (found.flipped, found.known) == (0, found.known_offline)
    assert found.furthest <= 1e-9
    assert found.known > 100, "histories count for something here"
