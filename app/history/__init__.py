"""Where customers' histories are kept between requests: bytes by pseudonym, with a time to live.

A store is chosen by HISTORY_URL. When it fails, it raises `HistoryUnavailable`, and the order is scored without a
history.
"""

from typing import Protocol


class HistoryUnavailable(Exception):
    """The store does not answer."""


class HistoryStore(Protocol):
    """A store of small byte strings by the customer's pseudonym."""

    name: str
    immediate: bool
    """Whether its calls never wait: nothing else runs between a read and the write that follows it."""

    async def read(self, customer_token: str) -> bytes | None:
        """What is kept for the customer, if it is there and not too old."""

    async def write(self, customer_token: str, record: bytes) -> None:
        """Keep a record. Once this returns, a store that outlives the process doesn't lose it when the process is
        killed.
        """

    async def forget(self, customer_token: str) -> None:
        """Remove what is kept for the customer, if anything is."""

    async def close(self) -> None:
        """Release what the store holds."""


def open_store(url: str, ttl_days: int) -> HistoryStore | None:
    """The store that `url` names; `off` is none.

    Raises `HistoryUnavailable` where the store can't be set up at all.
    """
    ttl = ttl_days * 86_400
    scheme, _, rest = url.partition(":")
    if scheme == "off":
        return None
    if scheme == "sqlite":
        from app.history.sqlite import SqliteStore

        return SqliteStore(rest, ttl)
    if scheme in ("redis", "rediss"):
        from app.history.redis import RedisStore

        return RedisStore(url, ttl)
    from app.history.memory import MemoryStore

    return MemoryStore(ttl)
