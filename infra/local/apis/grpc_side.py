"""The gRPC side of a stack's interfaces, and the doors to it: connections that a relay passes on.

Clients come by the proxy's door, encrypted and with tokens, as they come to Google: `grpc_proxy` leads them there for
every host of googleapis.com. What the program's emulator variables lead here comes plainly, as the owner.
"""

import asyncio
import ssl
from typing import Any

import grpc

from infra.local.apis import secretmanager
from infra.local.apis.callers import Caller, caller
from infra.local.apis.identity import Identity
from infra.local.apis.pubsub import methods
from infra.local.apis.rpc import served
from infra.local.cloud import Cloud

_PIECE = 256 * 1024


class GrpcSide:
    """The server, which listens to this process alone, and who is behind each connection to it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.port = 0
        self._server: grpc.aio.Server | None = None
        self._behind: dict[int, tuple[Identity, bool]] = {}

    async def start(self) -> None:
        """Begin to answer."""
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers(
            (
                served(secretmanager.SERVICE, secretmanager.RPCS, self.who_shows),
                served(methods.PUBLISHER, methods.PUBLISHES, self.who),
                served(methods.SUBSCRIBER, methods.PULLS, self.who),
                methods.streaming(self.who),
            )
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        """Let calls end for a moment, then end."""
        if self._server:
            await self._server.stop(1.0)

    def who(self, context: Any) -> Caller:
        """Who asks: the token's account, else whoever the connection is known for. Raises Unauthenticated."""
        return self._caller(context, plain=True)

    def who_shows(self, context: Any) -> Caller:
        """The same; a connection that showed nothing is known for nobody."""
        return self._caller(context, plain=False)

    def _caller(self, context: Any, *, plain: bool) -> Caller:
        port = int(str(context.peer()).rpartition(":")[2])
        behind, showed = self._behind.get(port, (None, False))
        sent = {str(name): str(value) for name, value in context.invocation_metadata() or () if name == "authorization"}
        return caller(self.cloud, sent, behind if showed or plain else None)

    async def relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        behind: Identity,
        port: int = 0,
        *,
        showed: bool = True,
    ) -> None:
        """Pass a connection on, to the server or to another port of this machine, until either side ends. `showed`:
        the client has proved that it is who is `behind` it.
        """
        inner, out = await asyncio.open_connection("127.0.0.1", port or self.port)
        own = int(out.get_extra_info("sockname")[1])
        self._behind[own] = behind, showed
        try:
            await asyncio.gather(pump(reader, out), pump(inner, writer))
        finally:
            del self._behind[own]
            out.close()
            writer.close()


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        sink.close()
