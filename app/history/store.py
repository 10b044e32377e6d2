"""What a store of histories is."""

from collections.abc import Sequence
from typing import Protocol

from orderguard.history import Past
from orderguard.schema import MaskedOrder


class HistoryUnavailable(Exception):
    """The store does not answer."""


class HistoryStore(Protocol):
    """What is remembered of customers."""

    name: str

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        """What was known before each of these orders, one after another; with `record` each is counted once. Raises
        `HistoryUnavailable`.
        """

    async def forget(self, customer_token: str) -> None:
        """Remove what is kept for the customer, if anything is."""

    async def close(self) -> None:
        """Release what the store holds."""


class Looking:
    """Another store, looked at: what is counted here leaves no trace there."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self.name = store.name

    async def take(self, orders: Sequence[MaskedOrder], *, record: bool = True) -> list[Past]:
        return await self._store.take(orders, record=False)

    async def forget(self, customer_token: str) -> None:
        await self._store.forget(customer_token)

    async def close(self) -> None:
        """Nothing is held."""
