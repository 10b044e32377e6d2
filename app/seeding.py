"""`python -m app.seeding`: load the seed of histories into the store that HISTORY_URL names.

It reads the folder HISTORIES_DIR. A record that the store has, and whose newest order is as new or newer, stays as it
is: so it may be run again at any time, and where it was interrupted it goes on when it is run again. A seed that was
made under another masking key is refused, since nobody's orders would ever find it.

Exit codes: 0 loaded, or there is no seed; 1 where the store does not answer; 2 for what the user has to fix.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from app.history import HistoryStore, HistoryUnavailable, store_of
from app.history.opening import NOT_SHARED
from app.history.store import Seeded, SeedRecord
from app.settings import Settings, SettingsError, read_settings
from orderguard.history.seed import SeedError, SeedHeader, read_entries, read_header
from orderguard.masking import Keyring
from orderguard.private_files import keep_private

BATCH = 500
ATTEMPTS, REST_SECONDS = 30, 1.0
"""How often a store that does not answer is asked again: one that was restarted is back by then."""
PROGRESS_SECONDS = 5.0
EXIT_AWAY, EXIT_BAD_INPUT = 1, 2


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run the command line."""
    try:
        settings = read_settings({**environment, "API_KEY": "", "API_KEY_REQUIRED": "false"})
        print(asyncio.run(load(settings)))
    except (SettingsError, SeedError) as error:
        print(f"not seeded: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except HistoryUnavailable as error:
        print(f"not seeded: the store of histories does not answer ({error}); run it again", file=sys.stderr)
        return EXIT_AWAY
    return 0


async def load(settings: Settings) -> str:
    """Load the seed; what to say of it. Raises `SeedError` and `HistoryUnavailable`."""
    if settings.histories_dir is None:
        raise SeedError("HISTORIES_DIR is not set. It names the folder that holds the seed: make seed-histories")
    if settings.history_url in NOT_SHARED:
        return f"HISTORY_URL is {settings.history_url}: each service keeps its own histories; there is no store to seed"
    header = usable(settings.histories_dir, settings.keyring)
    if header is None:
        return f"{settings.histories_dir} contains no seed: there is nothing to load. Make one: make seed-histories"
    store = store_of(settings)
    assert store is not None
    begun = time.monotonic()
    try:
        done = await fill(store, settings.histories_dir, header)
    finally:
        await store.close()
    kept = f", {done.kept:,} left as they were, since the store has newer ones or these" if done.kept else ""
    return (
        f"seeded {store.name}: {done.written:,} records written{kept}; from {header.orders:,} orders until"
        f" {time.strftime('%Y-%m-%d', time.gmtime(header.last_order))}, in {time.monotonic() - begun:.1f} s"
    )


def usable(folder: Path, keyring: Keyring) -> SeedHeader | None:
    """The header of the seed in the folder, if there is one. Raises `SeedError` for one that another key has made."""
    header = read_header(folder)
    if header is not None and header.key != keyring.fingerprint:
        raise SeedError(
            f"{folder}: this seed was made under the masking key {header.key}, and the service's is"
            f" {keyring.fingerprint}: nobody's orders would find it. Make it again under this key: make seed-histories."
            " In a stack whose training job still has a key of its own: make secrets, and deploy first."
        )
    return header


async def fill(store: HistoryStore, folder: Path, header: SeedHeader) -> Seeded:
    """Load all records; how many were written, and how many left as they were. Raises `SeedError`,
    `HistoryUnavailable`.
    """
    written = kept = 0
    shown = time.monotonic()
    batch: list[SeedRecord] = []
    for entry in read_entries(folder):
        batch.append(SeedRecord(*entry))
        if len(batch) == BATCH:
            done = await _patiently(store, batch, "")
            written, kept, batch = written + done.written, kept + done.kept, []
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"{written + kept:,} of {header.records:,} records", file=sys.stderr, flush=True)
    # The name goes last: a store that has it was seeded whole.
    done = await _patiently(store, batch, header.name)
    return Seeded(written + done.written, kept + done.kept)


async def _patiently(store: HistoryStore, batch: list[SeedRecord], name: str) -> Seeded:
    """Load a batch. A record that was written is left as it is the next time, so a batch may be sent again."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await store.seed(batch, name)
        except HistoryUnavailable:
            await asyncio.sleep(REST_SECONDS)
    return await store.seed(batch, name)


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
