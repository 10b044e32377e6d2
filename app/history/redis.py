"""Histories in Redis or Valkey: shared by all instances of the service. Needs the `redis` package."""

import asyncio
from typing import Any

from app.history import HistoryUnavailable

TIMEOUT_SECONDS = 0.05
PREFIX = "orderguard:history:"


class RedisStore:
    """One key a customer, which the server forgets when its time to live is over."""

    name = "redis"
    immediate = False

    def __init__(self, url: str, ttl: float, *, timeout: float = TIMEOUT_SECONDS) -> None:
        try:
            from redis import asyncio as client
            from redis.exceptions import RedisError
        except ImportError:
            raise HistoryUnavailable("HISTORY_URL names Redis, and the `redis` package is not installed") from None
        self._ttl = int(ttl)
        self._errors: tuple[type[Exception], ...] = (RedisError, OSError, asyncio.TimeoutError)
        self._client: Any = client.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, max_connections=32
        )

    async def read(self, customer_token: str) -> bytes | None:
        try:
            found: bytes | None = await self._client.get(PREFIX + customer_token)
        except self._errors as error:
            raise HistoryUnavailable(type(error).__name__) from error
        return found

    async def write(self, customer_token: str, record: bytes) -> None:
        try:
            await self._client.set(PREFIX + customer_token, record, ex=self._ttl)
        except self._errors as error:
            raise HistoryUnavailable(type(error).__name__) from error

    async def forget(self, customer_token: str) -> None:
        try:
            await self._client.delete(PREFIX + customer_token)
        except self._errors as error:
            raise HistoryUnavailable(type(error).__name__) from error

    async def close(self) -> None:
        await self._client.aclose()
