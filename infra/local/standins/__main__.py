"""The plugin process of a stand-in: `launch.py infra.local.standins PACKAGE`."""

import importlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.standins.server import StandIn
from orderguard.private_files import keep_private

_UNLIMITED = 400 * 1024 * 1024


def main(package: str) -> None:
    """Serves until the engine ends this process; the first line of output is the port."""
    if "LOCAL_CLOUD_HOME" not in os.environ or "LOCAL_CLOUD_STACK" not in os.environ:
        raise SystemExit("This plugin is a stand-in of the local cloud. Only the local cloud starts it.")
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    module = importlib.import_module(f"infra.local.standins.{package.replace('-', '_')}")
    cloud = Cloud(Home(Path(os.environ["LOCAL_CLOUD_HOME"])), os.environ["LOCAL_CLOUD_STACK"])
    server = grpc.server(
        ThreadPoolExecutor(max_workers=16),
        options=[("grpc.max_receive_message_length", _UNLIMITED), ("grpc.max_send_message_length", _UNLIMITED)],
    )
    call, construct = getattr(module, "call", None), getattr(module, "construct", None)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        StandIn(package, cloud, module.kind, call, construct), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1])
