"""What every store of histories does, and what can go wrong with it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from app.history.deliveries import DeliveryStore
from orderguard.history import Past
from orderguard.schema import MaskedOrder


class HistoryUnavailable(Exception):
    """The store does not answer. The message is a word or two, and never holds an address or a value."""


class Forgotten(NamedTuple):
    """What was removed: records of customers, and their orders from the records of how many entities."""

    customers: int
    entities: int


class SeedRecord(NamedTuple):
    """A record to begin with, by its key; both as in `orderguard.history.records`."""

    key: str
    record: bytes


class Seeded(NamedTuple):
    """How many records were written, and how many were left alone because of what was there."""

    written: int
    kept: int


class StoreState(NamedTuple):
    """`since` is when a store that was empty took its first order or record (epoch seconds, None while it is empty),
    `seed` the name of the seed that was loaded last.
    """

    since: float | None
    seed: str | None


class StoreEvents(Protocol):
    """Who is told when a store that others keep is away, is back, or has lost what it had counted."""

    def away(self, reason: str) -> None:
        """It doesn't answer, said once until it is back."""

    def back(self, seconds: float) -> None:
        """It answers again."""

    def lost(self, orders: int) -> None:
        """So many orders that it had counted are no longer known to it: after a failover, or a restart."""


class HistoryStore(DeliveryStore, Protocol):
    """A store of histories, and of the marks of deliveries."""

    name: str

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        """What was known before each of these orders, one after another; each is counted once.

        Without `record` nothing is counted, and they don't see each other. Raises `HistoryUnavailable`.
        """

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """The records under these keys. Raises `HistoryUnavailable`."""

    async def forget(self, customer_tokens: Sequence[str], progress: Callable[[int], None] = ...) -> Forgotten:
        """Remove the customers' records, and their orders from all entities' records.

        `progress` is told how many records of entities were looked through so far. Raises `HistoryUnavailable`.
        """

    async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
        """Keep records to begin with, but none where one is kept whose newest order is as new or newer.

        `name` is kept as the seed's, if it is given. Raises `HistoryUnavailable`.
        """

    async def state(self) -> StoreState:
        """Since when it keeps anything. Raises `HistoryUnavailable`."""

    async def close(self) -> None:
        """Release what the store holds."""


def silent(looked_through: int) -> None:
    """No progress is shown."""
