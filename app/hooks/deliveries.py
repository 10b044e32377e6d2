"""Each delivery once: by what the vendor calls it, and by its content, which the signature covers and a name does not.

Who has seen a delivery can send it again, signature and all, under another name. It is known by its content for as long
as `KEPT_SECONDS`, and after that by its age.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence

from app.history import HistoryStore, HistoryUnavailable
from app.history.deliveries import LETTER, MemoryDeliveries, State
from orderguard.masking import Keyring

KEPT_SECONDS = 7 * 86_400
"""Longer than any vendor tries: Shopify for two days at most, Stripe for three, WooCommerce once."""
UNDER_WAY_SECONDS = 60


class UnderWay(Exception):
    """Another instance is at work on this delivery, or was when it ended."""


class Deliveries:
    """What came before, in the store that instances share, and in this process for when that is away."""

    def __init__(self, keyring: Keyring, store: HistoryStore | None) -> None:
        self._keyring = keyring
        self._own = MemoryDeliveries()
        self._shared = store
        self._here: dict[str, asyncio.Future[None]] = {}

    def marks(self, vendor: str, ids: Sequence[str], body: bytes) -> list[str]:
        """The marks of a delivery: pseudonyms, as everything that the store keeps."""
        names = [*ids, hashlib.sha256(body).hexdigest()]
        return [f"{LETTER}:{self._keyring.token('delivery', f'{vendor} {name}')}" for name in names]

    async def once(self, marks: Sequence[str], work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work unless it was done; whether it was done now.

        Who comes while it is being done waits for it. Raises `UnderWay` where that is another instance's, and what
        `work` raises, after which it may be tried again.
        """
        for mark in marks:
            if mark in self._here:
                await asyncio.shield(self._here[mark])
                return False
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._here |= dict.fromkeys(marks, done)
        try:
            known = await self._begin(marks)
            if known == "under way":
                raise UnderWay
            if known is None:
                try:
                    await work()
                except BaseException:
                    await self._end(marks, 0)
                    raise
                await self._end(marks, KEPT_SECONDS)
            done.set_result(None)
            return known is None
        except BaseException:
            done.set_exception(UnderWay())
            done.exception()  # where nobody waits, nobody is to be told
            raise
        finally:
            for mark in marks:
                self._here.pop(mark, None)

    async def _begin(self, marks: Sequence[str]) -> State | None:
        known = await self._own.begin(marks, UNDER_WAY_SECONDS)
        if known is None and self._shared is not None:
            try:
                known = await self._shared.begin(marks, UNDER_WAY_SECONDS)
            except HistoryUnavailable:
                return None
            if known is not None:
                await self._own.end(marks, 0)
        return known

    async def _end(self, marks: Sequence[str], seconds: int) -> None:
        await self._own.end(marks, seconds)
        if self._shared is not None:
            try:
                await self._shared.end(marks, seconds)
            except HistoryUnavailable:
                return
