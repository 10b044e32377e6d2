"""Histories in this process's memory: nothing to set up, gone when the process ends."""

import time
from collections import OrderedDict
from collections.abc import Callable

CAPACITY = 8_388_608
BESIDE = 320
"""What a record takes beside its own bytes: its key, its place in the order of use, its time."""


class MemoryStore:
    """The least recently used records go when all take more than `capacity` bytes."""

    name = "memory"
    immediate = True

    def __init__(self, ttl: float, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._clock = clock
        self._records: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._size = 0

    async def read(self, customer_token: str) -> bytes | None:
        found = self._records.get(customer_token)
        if found is None:
            return None
        if found[0] < self._clock():
            self._remove(customer_token)
            return None
        self._records.move_to_end(customer_token)
        return found[1]

    async def write(self, customer_token: str, record: bytes) -> None:
        self._remove(customer_token)
        self._records[customer_token] = (self._clock() + self._ttl, record)
        self._size += BESIDE + len(record)
        while self._size > self._capacity:
            self._remove(next(iter(self._records)))

    async def forget(self, customer_token: str) -> None:
        self._remove(customer_token)

    def _remove(self, customer_token: str) -> None:
        found = self._records.pop(customer_token, None)
        if found is not None:
            self._size -= BESIDE + len(found[1])

    async def close(self) -> None:
        self._records.clear()
        self._size = 0
