"""Connections to one instance: kept open between requests. The requests are counted, so that an instance gets no more
than it takes, and can be drained.
"""

import asyncio
import time
from collections.abc import Callable

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LARGEST_HEAD = 64 * 1024
_LONGEST_IDLE = 2.0
"""Seconds after which a connection is not used again: servers close idle ones after some 5 s, just when a request may
be under way.
"""


class NotListening(Exception):
    """The instance can't be connected to."""


class Pool:
    """Connections to a port of this machine. `left` is called whenever a request has ended; `revision` and `identity`
    name whose instance it is.
    """

    def __init__(
        self, port: int, left: Callable[[], None] = lambda: None, revision: str = "", identity: str = ""
    ) -> None:
        self.port = port
        self.revision = revision
        self.identity = identity
        self.active = 0
        self.idle_since = time.monotonic()
        self._left = left
        self._free: list[tuple[Connection, float]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def enter(self) -> None:
        """A request has its place here now, until `leave`."""
        self.active += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request has ended."""
        self.active -= 1
        if self.active == 0:
            self.idle_since = time.monotonic()
            self._idle.set()
        self._left()

    async def take(self, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection, and whether it was used before. Raises NotListening."""
        while self._free and not fresh:
            (reader, writer), since = self._free.pop()
            fresh_enough = time.monotonic() - since < _LONGEST_IDLE
            if fresh_enough and not reader.at_eof() and not writer.is_closing():
                return (reader, writer), True
            writer.close()
        try:
            return await asyncio.open_connection("127.0.0.1", self.port, limit=LARGEST_HEAD), False
        except OSError:
            raise NotListening from None

    def give_back(self, connection: Connection, *, reusable: bool) -> None:
        """Keep a connection for the next request, or close it."""
        if reusable and not self._closed:
            self._free.append((connection, time.monotonic()))
        else:
            connection[1].close()

    async def idle(self, longest: float) -> None:
        """Returns when no request is under way, or after `longest` seconds."""
        try:
            await asyncio.wait_for(self._idle.wait(), longest)
        except TimeoutError:
            pass

    def close(self) -> None:
        """Closes what is not in use, and what is when it comes back."""
        self._closed = True
        for (_, writer), _ in self._free:
            writer.close()
        self._free.clear()
