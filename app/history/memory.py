"""Histories in this process's memory: nothing to set up, gone when the process ends."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from app.history.deliveries import MemoryDeliveries
from app.history.store import Forgotten, Seeded, SeedRecord, StoreState, silent
from orderguard.history import Past, digest
from orderguard.history.records import (
    CUSTOMER,
    ENTITY,
    counted,
    is_newer,
    kind_of,
    newest_of_each,
    take_in_turn,
    without_customers,
)
from orderguard.schema import MaskedOrder

CAPACITY = 6_291_456
BESIDE = 320
"""What a record takes beside its own bytes: its key, its place in the order of use, its time."""

RECORDS_AT_ONCE = 1_000
"""So many records are looked through before others get their turn."""


class MemoryRecords:
    """Records by key. The least recently used ones go when all take more than `capacity` bytes."""

    def __init__(
        self, ttl: float, entity_ttl: float, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.time
    ) -> None:
        self._ttl, self._entity_ttl = ttl, entity_ttl
        self._capacity = capacity
        self._clock = clock
        self._records: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._size = 0

    def read(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The records that are there and not too old, by key."""
        now, records, found = self._clock(), self._records, {}
        for key in keys:
            known = records.get(key)
            if known is not None:
                expires, record = known
                if expires < now:
                    del self[key]
                else:
                    records.move_to_end(key)
                    found[key] = record
        return found

    def write(self, changed: Iterable[tuple[str, bytes]]) -> None:
        """Keep these records from now on, in place of those that were just read."""
        now, records = self._clock(), self._records
        ends = {CUSTOMER.letter: now + self._ttl, ENTITY.letter: now + self._entity_ttl}
        last = 0.0, b""
        for key, record in changed:
            known = records.get(key)
            self._size += len(record) + BESIDE if known is None else len(record) - len(known[1])
            # What one customer alone uses has one record, and so one entry, under several keys.
            if record is not last[1]:
                last = ends[key[0]], record
            records[key] = last
        while self._size > self._capacity:
            del self[next(iter(records))]

    def replace(self, key: str, record: bytes) -> None:
        """Put another record in place of one, with the same time to live."""
        expires, before = self._records[key]
        self._records[key] = (expires, record)
        self._size += len(record) - len(before)

    def __delitem__(self, key: str) -> None:
        found = self._records.pop(key, None)
        if found is not None:
            self._size -= BESIDE + len(found[1])

    def keys(self) -> list[str]:
        """The keys of all records."""
        return list(self._records)

    def looked_at(self, key: str) -> bytes | None:
        """The record, if it is still there, which does not count as a use."""
        found = self._records.get(key)
        return found and found[1]


class MemoryStore(MemoryDeliveries):
    """A store that ends with the process."""

    name = "memory"

    def __init__(
        self, ttl: float, entity_ttl: float, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(clock=clock)
        self._records = MemoryRecords(ttl, entity_ttl, capacity=capacity, clock=clock)
        self._since: float | None = None
        self._seed: str | None = None

    def keys(self) -> list[str]:
        """The keys of all records."""
        return self._records.keys()

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        if record and self._since is None:
            self._since = self._clock()
        group = [counted(order) for order in orders]
        before = self._records.read({key: None for order in group for key in order.keys if key})
        records = dict(before)
        pasts = take_in_turn(group, records, count=record)
        if record:
            self._records.write([(key, now) for key, now in records.items() if now is not before.get(key)])
        return pasts

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        found = self._records.read(keys)
        return [found.get(key) for key in keys]

    async def forget(self, customer_tokens: Sequence[str], progress: Callable[[int], None] = silent) -> Forgotten:
        customers = entities = 0
        for token in customer_tokens:
            key = f"{CUSTOMER.letter}:{token}"
            customers += len(self._records.read([key]))
            del self._records[key]
        digests = [digest(token) for token in customer_tokens]
        for place, key in enumerate(self._records.keys()):
            record = None if kind_of(key) is CUSTOMER else self._records.looked_at(key)
            if record is not None and (left := without_customers(record, digests)) != record:
                entities += 1
                if left is None:
                    del self._records[key]
                else:
                    self._records.replace(key, left)
            if place % RECORDS_AT_ONCE == 0:
                progress(place)
                await asyncio.sleep(0)
        return Forgotten(customers, entities)

    async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
        self._since, self._seed = self._since or self._clock(), name or self._seed
        given = newest_of_each(records)
        known = self._records.read(given)
        new = [(key, record) for key, record in given.items() if is_newer(record, known.get(key), kind_of(key))]
        self._records.write(new)
        return Seeded(len(new), len(records) - len(new))

    async def state(self) -> StoreState:
        return StoreState(self._since, self._seed)

    async def close(self) -> None:
        """Nothing to release: it ends with the process."""
