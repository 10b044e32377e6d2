"""What the store of histories is like for drift: does it know as much as training did, or is it young, or has it lost
what it knew?
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from app.history import HistoryStore, HistoryUnavailable
from orderguard.drift import DriftReport, StoreState
from orderguard.masking import Keyring

DAY = 86_400.0
CLOCKS_APART = 1.0
"""Seconds that two readings of one moment may differ by."""


class HistoriesAnswer(msgspec.Struct, frozen=True):
    """What recent orders' histories were like.

    `state` is `warm`, `young` (the store has records since `since`, for less than a history lives, and was not `seeded`
    under this key), `lost` (it knew more before `lost_at`), `off`, or `unavailable`. Of the recent orders a share of
    `known` had a customer with earlier ones, of the model's reference orders `usual`; null where its version does not
    tell. `advice` says what to do.
    """

    state: str
    store: str
    since: datetime | None
    seeded: bool
    lost_at: datetime | None
    known: float
    usual: float | None
    advice: str


class HistoriesWatch:
    """Looks at the store now and then, and remembers what it was like."""

    def __init__(
        self, store: HistoryStore | None, keyring: Keyring, ttl_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._lives = ttl_days * DAY
        self._clock = clock
        self._since: float | None = None
        self._seeded = False
        self._lost_at: float | None = None
        self._answers = True

    async def look(self) -> bool:
        """Ask the store. Whether it has lost what it knew since the last look."""
        if self._store is None:
            return False
        try:
            found = await self._store.state()
        except HistoryUnavailable:
            self._answers = False
            return False
        seeded = found.seed is not None and found.seed.startswith(self._keyring.fingerprint)
        gone = self._since is not None and (found.since is None or found.since > self._since + CLOCKS_APART)
        lost = gone or (self._seeded and not seeded)
        if lost:
            self._lost_at = self._clock()
        elif seeded and not self._seeded:
            self._lost_at = None
        # A store that was emptied has no beginning until its next order: that one is no second loss.
        self._since = found.since
        self._answers, self._seeded = True, seeded
        return lost

    @property
    def state(self) -> StoreState:
        """What it is like, going by the last look."""
        if self._store is None:
            return "off"
        if self._lost_at is not None:
            return "lost"
        new = self._since is None or self._clock() - self._since < self._lives
        return "young" if new and not self._seeded else "warm"

    def answer(self, report: DriftReport) -> HistoriesAnswer:
        """The part of /v1/drift that is about histories."""
        found, state = report.histories, self.state
        return HistoriesAnswer(
            state=state if self._answers else "unavailable",
            store=self._store.name if self._store else "off",
            since=_moment(self._since),
            seeded=self._seeded,
            lost_at=_moment(self._lost_at),
            known=round(found.known, 4),
            usual=None if found.usual is None else round(found.usual, 4),
            advice=ADVICE[state] if self._answers else ADVICE["unavailable"],
        )


ADVICE = {
    "warm": "",
    "young": "The store began lately: customers seem new until they come back. make seed-histories tells it what "
    "training knew.",
    "lost": "The store has lost records that it had: make seed-histories restores what training knew; newer ones "
    "come back with the customers.",
    "off": "No history is kept: set HISTORY_URL.",
    "unavailable": "The store does not answer: orders are scored without histories.",
}


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(round(seconds), UTC)
