"""Histories in this process's memory: nothing to set up, gone when the process ends."""

import time
from collections import OrderedDict
from collections.abc import Callable

CAPACITY = 20_000


class MemoryStore:
    """The least recently used record goes when there are more than `capacity`."""

    name = "memory"
    immediate = True

    def __init__(self, ttl: float, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._clock = clock
        self._records: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def read(self, customer_token: str) -> bytes | None:
        found = self._records.get(customer_token)
        if found is None:
            return None
        if found[0] < self._clock():
            del self._records[customer_token]
            return None
        self._records.move_to_end(customer_token)
        return found[1]

    async def write(self, customer_token: str, record: bytes) -> None:
        self._records[customer_token] = (self._clock() + self._ttl, record)
        self._records.move_to_end(customer_token)
        if len(self._records) > self._capacity:
            self._records.popitem(last=False)

    async def forget(self, customer_token: str) -> None:
        self._records.pop(customer_token, None)

    async def close(self) -> None:
        self._records.clear()
