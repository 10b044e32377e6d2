"""Histories in Redis or Valkey: shared by all instances of the service, exact whoever counts at the same time."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any

from app.history.deliveries import DONE, STATES, UNDER_WAY, State
from app.history.server import Server
from app.history.store import Forgotten, Seeded, SeedRecord, StoreEvents, StoreState, silent
from orderguard.history import Past, digest
from orderguard.history.records import CUSTOMER, ENTITY, counted, kind_of, newest_of_each, take_in_turn
from orderguard.schema import MaskedOrder

PREFIX = "orderguard:2:"
"""Every key's beginning; it names the form of the records."""
ABOUT = PREFIX + "about"
"""What is known of the store itself. It has no time to live, so that no server drops it for want of memory."""
FORMER_PREFIX = "orderguard:history:"
KEYS_AT_ONCE = 500
FIRST_PLACE = 2
PLACES = Struct("<6H")
"""Which of the script's KEYS an order counts for, 0 for none; the first one is about the store."""


class RedisStore:
    """One key a record, which the server forgets when its time to live is over. A group of orders is one call of the
    script, and one round trip.
    """

    name = "redis"

    def __init__(self, server: Server, ttl: float, entity_ttl: float, events: StoreEvents) -> None:
        self._server = server
        self._ttls = (int(ttl), int(entity_ttl))
        self._events = events
        self._counted = 0
        """The highest number of orders that the server has said to have counted."""

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        group = [counted(order) for order in orders]
        customers = Counter([order.keys[0] for order in group])
        entities = Counter([key for order in group for key in order.keys[1:] if key])
        keys = [*customers, *entities]
        told = b""
        if record:
            places: dict[str | None, int] = {key: place for place, key in enumerate(keys, start=FIRST_PLACE)}
            places[None] = 0
            told = b"".join(
                [
                    PLACES.pack(*[places[key] for key in order.keys]) + order.customer_entry + order.entity_entry
                    for order in group
                ]
            )
        before = self._counted
        number, newly, *found = await self._script("take", keys, len(customers), time.time(), told)
        self._check(before, number, newly)
        records = {key: data for key, data in zip(keys, found, strict=True) if data}
        # The script has counted. What is counted here is for the orders of the group that come after.
        again = {key for counts in (customers, entities) for key, times in counts.items() if times > 1}
        return take_in_turn(group, records, count=record, again=again)

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        ordered = sorted(keys)
        _, _, *found = await self._script("take", ordered, _customers(ordered), time.time(), b"")
        records = dict(zip(ordered, found, strict=True))
        return [records[key] for key in keys]

    async def forget(self, customer_tokens: Sequence[str], progress: Callable[[int], None] = silent) -> Forgotten:
        keys = [f"{PREFIX}{CUSTOMER.letter}:{token}" for token in customer_tokens]
        customers = await self._server.command("DEL", *keys, *[FORMER_PREFIX + token for token in customer_tokens])
        digests = b"".join(digest(token).to_bytes(4, "little") for token in customer_tokens)
        entities = looked_through = 0
        cursor: Any = 0
        while True:
            cursor, found = await self._server.command(
                "SCAN", cursor, "MATCH", f"{PREFIX}{ENTITY.letter}:*", "COUNT", KEYS_AT_ONCE
            )
            if found:
                keys = [key.decode().removeprefix(PREFIX) for key in found]
                entities += await self._script("forget", keys, 0, digests)
            looked_through += len(found)
            progress(looked_through)
            if not int(cursor):
                return Forgotten(customers, entities)

    async def seed(self, records: Sequence[SeedRecord], name: str = "") -> Seeded:
        given = newest_of_each(records)
        keys = sorted(given)
        data = [given[key] for key in keys]
        written = await self._script("seed", keys, _customers(keys), time.time(), name, *data)
        return Seeded(written, len(records) - written)

    async def state(self) -> StoreState:
        since, seed = await self._server.command("HMGET", ABOUT, "since", "seed")
        return StoreState(float(since) if since else None, seed.decode() if seed else None)

    async def begin(self, marks: Sequence[str], seconds: int) -> State | None:
        known = await self._script("begin", marks, 0, UNDER_WAY, seconds)
        return STATES[known] if known else None

    async def end(self, marks: Sequence[str], seconds: int) -> None:
        await self._script("mark", marks, 0, DONE, seconds)

    async def close(self) -> None:
        await self._server.close()

    async def _script(self, operation: str, keys: Sequence[str], customers: int, *arguments: Any) -> Any:
        """Run an operation of the script on these keys, of which the first ones are customers'."""
        return await self._server.script(
            [ABOUT, *[PREFIX + key for key in keys]], [operation, customers, *self._ttls, *arguments]
        )

    def _check(self, before: int, number: int, newly: int) -> None:
        """See whether the server knows of all orders that it had counted before it was asked. `number` is how many it
        knew of then, to which it has added these.

        Answers may overtake each other, so what counts is what was known when the question was sent.
        """
        if number < before <= self._counted:
            self._events.lost(before - number)
            self._counted = 0
        self._counted = max(self._counted, number + newly)


def _customers(keys: Sequence[str]) -> int:
    """How many of these keys are customers'."""
    return sum(kind_of(key) is CUSTOMER for key in keys)
