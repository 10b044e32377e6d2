"""Histories in Redis or Valkey: shared by all instances of the service. Needs the `redis` package."""

import asyncio
from typing import Any

from app.history.store import HistoryUnavailable

TIMEOUT_SECONDS = 0.05
CONNECT_SECONDS = 1.0  # with the handshake of TLS
MOST_CONNECTIONS = 32
PREFIX = "orderguard:history:"


class RedisStore:
    """One key a customer, which the server forgets when its time to live is over."""

    name = "redis"
    immediate = False

    def __init__(
        self, url: str, ttl: float, *, timeout: float = TIMEOUT_SECONDS, password: str = "", ca: str = ""
    ) -> None:
        try:
            from redis import asyncio as client
            from redis.exceptions import RedisError
        except ImportError:
            raise HistoryUnavailable("HISTORY_URL names Redis, and the `redis` package is not installed") from None
        self._ttl = int(ttl)
        self._errors: tuple[type[Exception], ...] = (RedisError, OSError, asyncio.TimeoutError)
        # The authority is the instance's own and signs nothing else, and Memorystore does not promise that the
        # certificate names the address.
        secure = {"ssl_ca_data": ca, "ssl_check_hostname": False} if ca else {}
        try:
            # Orders wait for a free connection: a pool that refused them would look like a store that is away.
            pool: Any = client.BlockingConnectionPool.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=CONNECT_SECONDS,
                timeout=timeout,
                max_connections=MOST_CONNECTIONS,
                **({"password": password} if password else {}),
                **secure,
            )
            pool.make_connection()  # connects to nothing, but looks at every option
        except (ValueError, TypeError):
            # What is wrong is in an address that may hold a password.
            raise HistoryUnavailable(
                "HISTORY_URL is no address of a Redis server; write redis://HOST:PORT/DB"
            ) from None
        self._client: Any = client.Redis.from_pool(pool)

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
