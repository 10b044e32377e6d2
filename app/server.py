"""The HTTP server: uvicorn, with limits on how long a client may keep a connection waiting, and a drain that fails no
request.
"""

import asyncio
import socket

import uvicorn

from app.connection import KEEP_ALIVE_SECONDS, Connection
from app.exchange import Application
from app.settings import Settings

GRACEFUL_SECONDS = 8
SWEEPS_PER_TIMEOUT = 8
CLOSE = (b"connection", b"close")


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
        pause = self._timeout / SWEEPS_PER_TIMEOUT
        while True:
            due = loop.time() + pause
            await asyncio.sleep(pause)
            self.sweep(loop.time(), due)

    def sweep(self, now: float, due: float) -> None:
        """Part from clients that have kept the service waiting for too long. `due` is when this sweep was meant to be.

        Where it comes much later, it is this process that got no turn (a throttled or overloaded processor), and what
        clients sent meanwhile is still unread: no client is judged by that time, nor before the next sweep.
        """
        lost = now - due
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                if lost > self._timeout / SWEEPS_PER_TIMEOUT:
                    connection.forgive(lost, now)
                else:
                    connection.check_patience(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # From here on every answer tells its client to use another connection. One that were closed at once, while its
        # next request is on the way, would lose that request.
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        await super().shutdown(sockets)
        if self._sweeper:
            self._sweeper.cancel()


def server(application: Application, settings: Settings) -> Server:
    """The server for an application, ready to `run()`."""
    protocol = type("ServiceConnection", (Connection,), {"patience": settings.request_timeout_seconds})
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
