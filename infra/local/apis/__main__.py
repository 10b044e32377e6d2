"""The process that answers: `launch.py infra.local.apis HOME STACK http=FD …`, on sockets that the supervisor holds."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop

from infra.local.apis.app import make_app
from infra.local.apis.grpc_side import GrpcSide
from infra.local.apis.identity import OWNER, Identity
from infra.local.apis.proxy import Proxy
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.supervisor.upstream import LARGEST_HEAD
from orderguard.private_files import keep_private

_IDLE_SECONDS, _GRACE_SECONDS = 75, 3


async def _serve(cloud: Cloud, sockets: dict[str, socket.socket]) -> None:
    """Answer until SIGTERM."""
    http = uvicorn.Config(
        make_app(cloud),
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    by_grpc = GrpcSide(cloud)
    await by_grpc.start()
    proxy = Proxy(cloud, by_grpc, sockets["http"].getsockname()[1])

    async def plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await by_grpc.relay(reader, writer, Identity(OWNER), showed=False)

    doors = [
        await asyncio.start_server(plainly, sock=sockets["pubsub"]),
        await asyncio.start_server(proxy.connected, sock=sockets["proxy"], limit=LARGEST_HEAD),
    ]
    try:
        await uvicorn.Server(http).serve([sockets["http"]])
    finally:
        for door in doors:
            door.close()
        await by_grpc.stop()


def main(home: str, stack: str, *doors: str) -> None:
    """Each door is the name of a listening socket and its descriptor."""
    sockets = {name: socket.socket(fileno=int(number)) for name, _, number in (door.partition("=") for door in doors)}
    uvloop.run(_serve(Cloud(Home(Path(home)), stack), sockets))


if __name__ == "__main__":
    keep_private()
    main(*sys.argv[1:])
