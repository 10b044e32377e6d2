"""A service whose store a backfill filled decides as training computes: the proof of `histories`, with this seed."""

import json
from pathlib import Path
from typing import Any

from bench.backfill.watched import command, watched
from bench.histories.feed import feed_of, offline
from bench.histories.skew import skew
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import champion

SAMPLE = Path("data/sample")
FURTHEST = 1e-9


def seeded_service(folder: Path, models: Path) -> tuple[dict[str, Any], list[str]]:
    """Backfill the earlier orders of the sample, seed a store with that, and stream the later ones."""
    version = models / str(champion(models))
    feed = feed_of(SAMPLE, folder / "feed")
    own_key = new_key_text()

    def seed(data: Path, version_dir: Path, histories: Path, keyring: Keyring) -> None:
        key = folder / "own-key"
        key.write_text(own_key)
        watched(command(data, folder / "backfill", "--model", version_dir.name, "--models", str(models)), key)
        (folder / "backfill" / "histories").rename(histories)

    expected = offline(feed, version, Keyring.from_text(new_key_text()))
    (folder / "service").mkdir()
    found = skew(feed, version, expected, own_key, folder / "service", seed)
    print(
        f"    seeded from a backfill: {found.flipped} of {found.orders:,} decisions flipped, scores differ by"
        f" {found.furthest:.1e} at most; with history {found.known:,}, offline {found.known_offline:,}"
    )
    wrong = [f"{found.flipped} decisions flipped"] if found.flipped or found.furthest > FURTHEST else []
    return json.loads(json.dumps(found._asdict())), wrong
