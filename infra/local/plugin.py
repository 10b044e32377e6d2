"""The process of a plugin: a gRPC server that the engine starts, asks and ends."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from infra.local.cloud import Cloud
from infra.local.home import Home

_UNLIMITED = 400 * 1024 * 1024


def serve(add: Callable[[grpc.Server], None], workers: int = 16) -> None:
    """Serves what `add` registers until the engine ends this process; the first line of output is the port."""
    # The engine ends its plugins with an interrupt and waits for them; one at the keyboard does not reach their
    # process group.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server = grpc.server(
        ThreadPoolExecutor(max_workers=workers),
        options=[("grpc.max_receive_message_length", _UNLIMITED), ("grpc.max_send_message_length", _UNLIMITED)],
    )
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def cloud_of_engine() -> Cloud:
    """The cloud that the engine's environment names. Ends a process that somebody else has started."""
    if "LOCAL_CLOUD_HOME" not in os.environ or "LOCAL_CLOUD_STACK" not in os.environ:
        raise SystemExit(
            "This plugin stands in for Google Cloud on one machine. Only `python -m infra.local` starts it."
        )
    return Cloud(Home(Path(os.environ["LOCAL_CLOUD_HOME"])), os.environ["LOCAL_CLOUD_STACK"])
