"""The stores of records, asked for groups of orders."""

import time
from collections.abc import Sequence
from typing import Protocol

from app.history.store import HistoryUnavailable
from app.history.records import read_record, record_after
from orderguard.history import EMPTY, NO_PAST, Past
from orderguard.schema import MaskedOrder

REST_SECONDS = 2.0


class Records(Protocol):
    """A store of records by customer."""

    name: str

    async def read(self, customer_token: str) -> bytes | None: ...

    async def write(self, customer_token: str, record: bytes) -> None: ...

    async def forget(self, customer_token: str) -> None: ...

    async def close(self) -> None: ...


class Taking:
    """Reads and counts orders one after another."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.name = records.name
        self._rests_until = 0.0

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        """What was known before each of these orders. Raises `HistoryUnavailable`."""
        if self._rests_until and self._rests_until > time.monotonic():
            raise HistoryUnavailable("it rests")
        try:
            return [await self._past(order, record) for order in orders]
        except HistoryUnavailable:
            # A store that is away costs each group its timeout. Leave it alone for a moment.
            self._rests_until = time.monotonic() + REST_SECONDS
            raise

    async def _past(self, order: MaskedOrder, record: bool) -> Past:
        kept = await self.records.read(order.customer_token)
        known = read_record(kept) if kept else None
        if record and (changed := record_after(known, order)):
            await self.records.write(order.customer_token, changed)
        seen = known.seen_by(order) if known else EMPTY
        return Past(seen, NO_PAST.entities) if seen.count else NO_PAST

    async def forget(self, customer_token: str) -> None:
        await self.records.forget(customer_token)

    async def close(self) -> None:
        await self.records.close()
