"""The process that answers: `launch.py infra.local.apis HOME STACK http=FD …`, on sockets that the supervisor holds."""

import socket
import sys
from pathlib import Path

import uvicorn
import uvloop

from infra.local.apis.app import make_app
from infra.local.cloud import Cloud
from infra.local.home import Home
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
    await uvicorn.Server(http).serve([sockets["http"]])


def main(home: str, stack: str, *doors: str) -> None:
    """Each door is the name of a listening socket and its descriptor."""
    sockets = {name: socket.socket(fileno=int(number)) for name, _, number in (door.partition("=") for door in doors)}
    uvloop.run(_serve(Cloud(Home(Path(home)), stack), sockets))


if __name__ == "__main__":
    keep_private()
    main(*sys.argv[1:])
