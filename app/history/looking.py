"""A store that is looked at and not counted into."""

from collections.abc import Callable, Sequence
from math import inf

from app.history.deliveries import State
from app.history.memory import MemoryRecords
from app.history.store import Forgotten, HistoryStore, Seeded, SeedRecord, StoreState, silent
from orderguard.history import Past
from orderguard.history.records import counted, take_in_turn
from orderguard.schema import MaskedOrder

CAPACITY = 2_097_152


class Looking:
    """What one batch or one stream counts, over a store that keeps nothing of it. Of very many orders it knows the
    newest.
    """

    def __init__(self, store: HistoryStore, *, capacity: int = CAPACITY) -> None:
        self.name = store.name
        self._store = store
        self._own = MemoryRecords(inf, inf, capacity=capacity)

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        group = [counted(order) for order in orders]
        keys = list(dict.fromkeys(key for order in group for key in order.keys if key))
        before = {key: data for key, data in zip(keys, await self.read(keys), strict=True) if data}
        records = dict(before)
        pasts = take_in_turn(group, records, count=record)
        self._own.write([(key, data) for key, data in records.items() if data is not before.get(key)])
        return pasts

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        own = self._own.read(keys)
        others = [key for key in keys if key not in own]
        theirs = iter(await self._store.read(others) if others else ())
        return [own[key] if key in own else next(theirs) for key in keys]

    async def forget(self, customer_tokens: Sequence[str], progress: Callable[[int], None] = silent) -> Forgotten:
        raise NotImplementedError("what is looked at is not changed")

    async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
        raise NotImplementedError("what is looked at is not changed")

    async def state(self) -> StoreState:
        return await self._store.state()

    async def begin(self, marks: Sequence[str], seconds: int) -> State | None:
        raise NotImplementedError("what is looked at is not changed")

    async def end(self, marks: Sequence[str], seconds: int) -> None:
        raise NotImplementedError("what is looked at is not changed")

    async def close(self) -> None:
        """Nothing of its own to release; the store stays open."""
