"""Keep alerts: into a journal before an order is answered, and from there into the database.

Nobody who scores waits for the database. What an answer waits for is one write to the local disk, shared by all
anomalies of that moment, and for `PATIENCE` at most: what the disk does not take in time stays in memory,
`MOST_WAITING` of them.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.contract import AlertKept
from app.desk.alert import alert_of
from app.desk.away import DeskAway
from app.desk.journal import Journal, JournalFull, lines_of
from app.logs import LogWriter
from app.metrics import Metrics
from app.scoring.service import Scored
from app.settings import Settings
from orderguard.catalogue import Catalogue

PATIENCE = 0.25
MOST_WAITING = 2_000
MOST_TOGETHER = 256
SHIP_EVERY = 0.25
"""Seconds in which alerts gather, so that a transaction holds several."""
LONGEST_PAUSE = 10.0
LOOKS_EVERY = 60.0
"""Seconds between two looks at the database while there is nothing to ship: for figures, and for what is too old."""
LAST_SHIPPING = 3.0
"""Seconds that a service that ends gives the database."""
SETTLES_SECONDS = 10.0
AGAIN = 1.0
"""Seconds until what the disk did not take is tried again."""


class Waiting(NamedTuple):
    """An alert that is to be written, and who waits for that."""

    line: bytes
    written: "asyncio.Future[None]"


class Keeper:
    """Takes alerts on the event loop, writes them in one thread and ships them in another."""

    def __init__(self, settings: Settings, logs: LogWriter, metrics: Metrics) -> None:
        self._settings = settings
        self._logs = logs
        self._metrics = metrics
        self._waiting: list[Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, "alerts-writer")
        self._journal = Journal(_folder(settings))
        self._wake = threading.Event()
        self._ends = threading.Event()
        self._shipper = threading.Thread(target=self._ship_all, name="alerts-shipper", daemon=True)
        self._away = False

    def start(self) -> None:
        """Begin to ship, with what processes before this one have left. On the event loop."""
        self._loop = asyncio.get_running_loop()
        self._shipper.start()

    async def stop(self) -> None:
        """Write what waits, and give the database a moment to take it. The rest is for the next process."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LAST_SHIPPING)
        self._ends.set()
        self._wake.set()
        if self._shipper.is_alive():
            await asyncio.to_thread(self._shipper.join, LAST_SHIPPING)
        self._writer.shutdown(wait=False)
        self._journal.close()

    async def keep(self, scored: Sequence[Scored], catalogue: Catalogue) -> AlertKept:
        """Keep the alerts of anomalies. Never raises, and never takes much longer than `PATIENCE`."""
        now = time.time()
        alerts = [alert_of(one, catalogue, self._settings.keyring, now) for one in scored]
        if len(self._waiting) + len(alerts) > MOST_WAITING:
            self._count("lost", len(alerts))
            return "lost"
        loop = asyncio.get_running_loop()
        waiting = [Waiting(msgspec.json.encode(alert), loop.create_future()) for alert in alerts]
        self._waiting += waiting
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        await asyncio.wait([one.written for one in waiting], timeout=PATIENCE)
        state: AlertKept = "kept" if all(one.written.done() for one in waiting) else "queued"
        self._count(state, len(alerts))
        return state

    async def settled(self) -> None:
        """Wait until all that was kept so far is in the database. Raises `DeskAway` where that takes too long."""
        deadline = time.monotonic() + SETTLES_SECONDS
        pending = self._journal.take()
        while self._waiting or any(segment.exists() for segment in pending):
            if time.monotonic() > deadline:
                raise DeskAway("alerts wait on disk")
            self._wake.set()
            await asyncio.sleep(SHIP_EVERY / 5)

    def _count(self, state: AlertKept, alerts: int) -> None:
        self._metrics.alerts_kept.labels(state).inc(alerts)
        if state == "lost":
            self._logs.service("ERROR", "alerts", "Alerts were lost: neither disk nor memory has room for them.")

    async def _write(self) -> None:
        """Write all that waits, in groups; what comes meanwhile is the next group."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = self._waiting[:MOST_TOGETHER]
            try:
                await loop.run_in_executor(self._writer, self._journal.append, [one.line for one in group])
            except (OSError, JournalFull) as error:
                reason = type(error).__name__
                self._logs.service("WARNING", "alerts", "The journal of alerts takes no more.", reason=reason)
                if self._ends.is_set():
                    break
                await asyncio.sleep(AGAIN)
                continue
            del self._waiting[: len(group)]
            for one in group:
                if not one.written.done():
                    one.written.set_result(None)
            self._wake.set()
        self._writing = None

    def _ship_all(self) -> None:
        """The shipper's thread."""
        # The library takes a third of a second to import: it is nobody's business who scores.
        from app.desk.shipping import Shipping

        shipping = Shipping(self._settings)
        pause, last = 0.0, False
        while True:
            if not last:
                self._ends.wait(pause or SHIP_EVERY)
            last = self._ends.is_set()
            self._wake.clear()
            try:
                for segment in self._journal.take():
                    refused = shipping.ship(lines_of(segment))
                    if refused:
                        self._journal.set_aside(refused)
                        self._say("ERROR", "Alerts can't be read or stored: they are set aside.", str(len(refused)))
                    self._journal.shipped(segment)
                shipping.tidy()
                if figures := shipping.figures():
                    self._metrics.alerts_open.set(figures.open)
                    self._metrics.alerts_precision.clear()
                    for (by, value), share in figures.precision.items():
                        self._metrics.alerts_precision.labels(by, value).set(share)
                self._now_away(None)
                pause = 0.0
            except DeskAway as error:
                self._now_away(str(error))
                pause = min(LONGEST_PAUSE, (pause or SHIP_EVERY) * 2)
            except Exception as error:  # a defect must not end the thread: alerts wait in the journal
                self._told(self._logs.failure, error)
                pause = LONGEST_PAUSE
            if last:
                shipping.close()
                return
            if not pause:
                self._wake.wait(LOOKS_EVERY)

    def _now_away(self, reason: str | None) -> None:
        if self._away == (reason is not None):
            return
        self._away = reason is not None
        self._metrics.alerts_away.set(self._away)
        if self._away:
            self._say("WARNING", "The alerts' database is away: alerts wait on disk.", reason)
        else:
            self._say("INFO", "The alerts' database is back.")

    def _say(self, severity: str, message: str, reason: str | None = None) -> None:
        self._told(partial(self._logs.service, reason=reason), severity, "alerts", message)

    def _told(self, tell: Callable[..., None], *told: object) -> None:
        """Logs are the event loop's."""
        with suppress(RuntimeError):  # it may have ended
            self._loop.call_soon_threadsafe(tell, *told)


def _folder(settings: Settings) -> Path:
    """Where the journal is: as told, beside a SQLite file, or in this database's own folder of temporary files."""
    if settings.alerts_journal is not None:
        return settings.alerts_journal
    scheme, _, rest = settings.alerts_url.partition(":")
    if scheme == "sqlite":
        return Path(f"{rest}.journal")
    whose = sha256(f"{settings.alerts_url} {settings.keyring.fingerprint}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"orderguard-alerts-{whose}"
