"""An application that is built when it is first needed, behind a service that starts without it."""

import asyncio
from collections.abc import Awaitable, Callable

from app.exchange import Application, Receive, Scope, Send


class Later:
    """Hands requests to the application that `build` gives. It is built once, in a thread, while others are served."""

    def __init__(self, build: Callable[[], Application]) -> None:
        self._build = build
        self._building: asyncio.Future[Application] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = await self.built()
        await application(scope, receive, send)

    async def built(self) -> Application:
        """The application, once it is built."""
        if self._building is None:
            self._building = asyncio.ensure_future(asyncio.to_thread(self._build))
        # A client that leaves must not take the building with it.
        return await asyncio.shield(self._building)


async def live(
    receive: Receive, send: Send, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
) -> None:
    """The lifespan of an ASGI application: `start` before the first request, `stop` after the last."""
    await receive()
    try:
        await start()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await stop()
    await send({"type": "lifespan.shutdown.complete"})
