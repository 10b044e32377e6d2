"""An address behind which the server can change, as that of a managed Redis does when its replica takes over."""

import asyncio
from contextlib import suppress
from types import TracebackType


class Forwarder:
    """Forwards connections to `port` to a port of this machine, until it is told another one."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.port = port
        self._target = target
        self._writers = set[asyncio.StreamWriter]()
        self._connections = set[asyncio.Task[None]]()
        self._server: asyncio.Server | None = None

    def switch(self, target: int) -> None:
        """End all connections; new ones go to the new target."""
        self._target = target
        for writer in self._writers:
            writer.close()

    async def __aenter__(self) -> "Forwarder":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.close()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        ends = {writer, there_writer}
        self._writers |= ends
        await asyncio.gather(_copied(reader, there_writer), _copied(there_reader, writer))
        self._writers -= ends


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
