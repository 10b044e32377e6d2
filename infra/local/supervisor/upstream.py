"""Connections to one instance: kept open between requests, counted, so that a revision can be drained."""

import asyncio
import time

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LARGEST_HEAD = 64 * 1024
_LONGEST_IDLE = 2.0
"""Seconds after which a connection is not used again: servers close idle ones after some 5 s, just when a request may
be under way.
"""


class Pool:
    """Connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.active = 0
        self._free: list[tuple[Connection, float]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    async def take(self, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection, and whether it was used before. Raises OSError where the instance does not listen."""
        self.active += 1
        self._idle.clear()
        try:
            while self._free and not fresh:
                (reader, writer), since = self._free.pop()
                fresh_enough = time.monotonic() - since < _LONGEST_IDLE
                if fresh_enough and not reader.at_eof() and not writer.is_closing():
                    return (reader, writer), True
                writer.close()
            return await asyncio.open_connection("127.0.0.1", self.port, limit=LARGEST_HEAD), False
        except BaseException:
            self._done()
            raise

    def give_back(self, connection: Connection, *, reusable: bool) -> None:
        """Ends a request on this connection."""
        if reusable and not self._closed:
            self._free.append((connection, time.monotonic()))
        else:
            connection[1].close()
        self._done()

    def _done(self) -> None:
        self.active -= 1
        if self.active == 0:
            self._idle.set()

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
