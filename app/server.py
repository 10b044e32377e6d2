"""The HTTP server: uvicorn, with limits on how long a client may keep a connection waiting, and a drain that fails no
request.
"""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.edge import PROTECTED, SHED, Edge
from app.problems import MEDIA_TYPE, Problem
from app.settings import Settings

KEEP_ALIVE_SECONDS = 75
DRAIN_SECONDS = 0.3
GRACEFUL_SECONDS = 8
SWEEPS_PER_TIMEOUT = 8
STREAM = "/v1/score/stream"

_document = Problem("timeout").document("none")
TIMEOUT_ANSWER = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
    % (
        MEDIA_TYPE.encode(),
        len(_document),
        _document,
    )
)


class Connection(HttpToolsProtocol):
    """A client's connection that knows since when it has been waiting for the client."""

    waiting_since: float | None = None
    max_concurrency = 256

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waiting_since = self.loop.time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.waiting_since = self.loop.time()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.scope["path"] == STREAM:
            # A stream may last. What counts is that something arrives.
            self.waiting_since = self.loop.time()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.waiting_since = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.waiting_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.waiting_since = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if len(self.tasks) >= self.max_concurrency and cycle.scope["path"].startswith(PROTECTED):
            cycle.scope[SHED] = True  # type: ignore[literal-required]
        super()._start_asgi_task(cycle, app)

    def give_up(self) -> None:
        """End a connection whose client has kept the service waiting for too long."""
        if self.cycle is not None and not self.cycle.response_started:
            self.transport.write(TIMEOUT_ANSWER)
            self.transport.close()
        else:
            self.transport.abort() if self.flow.write_paused else self.transport.close()


class Server(uvicorn.Server):
    """uvicorn's server, which also sweeps out connections that wait for their client, and drains in two steps."""

    def __init__(self, config: uvicorn.Config, timeout: float) -> None:
        super().__init__(config)
        self._timeout = timeout
        self._sweeper: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweeper = asyncio.create_task(self._sweep())

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._timeout / SWEEPS_PER_TIMEOUT)
            latest = loop.time() - self._timeout
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection) and (connection.waiting_since or latest) < latest:
                    connection.give_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First tell every client, with its next answer, to use another connection: one that is closed while its next
        # request is on the
        # way would lose that request.
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        await asyncio.sleep(DRAIN_SECONDS)
        if self._sweeper:
            self._sweeper.cancel()
        await super().shutdown(sockets)


def server(application: Edge, settings: Settings) -> Server:
    """The server for an application, ready to `run()`."""
    protocol = type("ServiceConnection", (Connection,), {"max_concurrency": settings.max_concurrency})
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    return Server(config, settings.request_timeout_seconds)
