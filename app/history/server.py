"""The connection to a Redis or Valkey server: bounded in time and in number, at rest after a failure, soon back."""

import asyncio
import hashlib
import ssl
import time
from pathlib import Path
from typing import Any

import hiredis
from redis.asyncio.connection import Connection, parse_url
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from app.history.store import HistoryUnavailable, StoreEvents
from app.history.tokens import Tokens

TIMEOUT_SECONDS = 0.2
"""For a call with all that belongs to it: a free connection, a new one, the answer."""
REST_SECONDS = 1.0
"""A store that is away costs whoever asks it a timeout, so it is left alone for a moment."""
MOST_CONNECTIONS = 4
MOST_CALLS = 64
"""More calls than these at a time are refused."""
SCRIPT = Path(__file__).with_name("histories.lua").read_bytes()
SCRIPT_DIGEST = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest()

_ERRORS = (RedisError, OSError, TimeoutError)
_NO_EXTRAS = {"protocol": 2, "driver_info": None, "socket_timeout": None, "socket_connect_timeout": None}
"""One round trip for a new connection (its password), and no limit of time beside ours."""


class Server:
    """A server's commands, each with `HistoryUnavailable` where it fails. Nothing of its address, its password or its
    certificate is ever in an error. `opening` is what a new connection shows: a password, or a token each.
    """

    def __init__(
        self,
        url: str,
        opening: str | Tokens,
        ca: str,
        events: StoreEvents,
        *,
        timeout: float = TIMEOUT_SECONDS,
        rest: float = REST_SECONDS,
    ) -> None:
        try:
            options: Any = parse_url(url)
            self._connection_class = options.pop("connection_class", Connection)
            self._options = {**options, **_NO_EXTRAS}
            self._tokens = opening if isinstance(opening, Tokens) else None
            if opening:
                self._options["credential_provider" if self._tokens else "password"] = opening
            self._context = _trusting(ca) if url.startswith("rediss:") else None
            self._new()  # connects to nothing, but looks at every option
        except (ValueError, TypeError):
            # What is wrong is in an address that may hold a password.
            raise HistoryUnavailable(
                "HISTORY_URL is no address of a Redis server; write redis://HOST:PORT/DB"
            ) from None
        self._free: list[Any] = []
        self._turn = asyncio.Semaphore(MOST_CONNECTIONS)
        self._events = events
        self._timeout = timeout
        self._rest = rest
        self._calls = 0
        self._rests_until = 0.0
        self._away_since: float | None = None

    async def script(self, keys: list[str], arguments: list[Any]) -> Any:
        """Run the script; the server is sent its text where it doesn't know it."""
        try:
            return await self.command("EVALSHA", SCRIPT_DIGEST, len(keys), *keys, *arguments)
        except _ScriptUnknown:
            return await self.command("EVAL", SCRIPT, len(keys), *keys, *arguments)

    async def command(self, *command: Any) -> Any:
        """A command's answer."""
        if self._rests_until > time.monotonic():
            raise HistoryUnavailable("at rest")
        if self._calls >= MOST_CALLS:
            raise HistoryUnavailable("too many calls")
        self._calls += 1
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._asked(command)
        except NoScriptError:
            raise _ScriptUnknown from None
        except _ERRORS as error:
            raise self._failed(error) from None
        finally:
            self._calls -= 1
        if self._away_since is not None:
            self._events.back(time.monotonic() - self._away_since)
            self._away_since = None
        return answer

    async def _asked(self, command: tuple[Any, ...]) -> Any:
        """The answer, asked for again at once where the connection was one to a server that is gone: an order that is
        sent twice is counted once.
        """
        packed = hiredis.pack_command(command)
        async with self._turn:
            try:
                return await self._let_in(packed)
            except AuthenticationError:
                raise
            except (ConnectionError, ReadOnlyError):
                # All connections are to the server before: it ended, or it is now somebody's replica.
                await self.close()
                return await self._let_in(packed)

    async def _let_in(self, packed: bytes) -> Any:
        """The answer, asked for again with a new token where the one that was known is refused."""
        try:
            return await self._answer(packed)
        except AuthenticationError:
            if self._tokens is None:
                raise
            self._tokens.drop()
            await self.close()
            return await self._answer(packed)

    async def _answer(self, packed: bytes) -> Any:
        connection = self._free.pop() if self._free else self._new()
        try:
            await connection.send_packed_command(packed)
            answer = await connection.read_response()
        except ReadOnlyError:
            await connection.disconnect(nowait=True)
            raise
        except ResponseError:
            self._free.append(connection)
            raise
        except BaseException:
            # An answer may still come: nobody else must get it.
            await connection.disconnect(nowait=True)
            raise
        self._free.append(connection)
        return answer

    def _new(self) -> Any:
        connection: Any = self._connection_class(**self._options)
        if self._context:
            # The client would make a context for each connection, and trust the system's authorities besides.
            connection.ssl_context.context = self._context
        return connection

    def _failed(self, error: Exception) -> HistoryUnavailable:
        now = time.monotonic()
        self._rests_until = now + self._rest
        # The words of an error may hold the address.
        reason = type(error).__name__
        if self._away_since is None:
            self._away_since = now
            self._events.away(reason)
        return HistoryUnavailable(reason)

    async def close(self) -> None:
        """Close all connections."""
        while self._free:
            await self._free.pop().disconnect()


class _ScriptUnknown(Exception):
    """The server doesn't know the script."""


def _trusting(ca: str) -> ssl.SSLContext:
    """How a server's certificate is verified: by these authorities alone, or else by those that the system trusts."""
    if not ca:
        return ssl.create_default_context()
    try:
        context = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError):
        raise HistoryUnavailable("HISTORY_CA is no certificate in PEM") from None
    # The authority is the instance's own and signs nothing else; Memorystore's certificate does not name its address.
    context.check_hostname = False
    return context
