"""The plugin process: `pulumi-resource-gcp` and `pulumi-resource-docker` start it with the package that it stands in
for.
"""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from infra.local.cloud import Cloud
from infra.local.engine.environment import RECORDING
from infra.local.home import Home
from infra.local.provider.server import Provider
from orderguard.private_files import keep_private

_UNLIMITED = 400 * 1024 * 1024


def main(package: str) -> None:
    """Serves until the engine ends this process; the first line of output is the port."""
    if "LOCAL_CLOUD_HOME" not in os.environ or "LOCAL_CLOUD_STACK" not in os.environ:
        raise SystemExit(
            "This plugin stands in for Google Cloud on one machine. Only `python -m infra.local` starts it."
        )
    # The engine ends its plugins with an interrupt and waits for them; one at the keyboard does not reach their
    # process group.
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    cloud = Cloud(Home(Path(os.environ["LOCAL_CLOUD_HOME"])), os.environ["LOCAL_CLOUD_STACK"])
    server = grpc.server(
        ThreadPoolExecutor(max_workers=16),
        options=[("grpc.max_receive_message_length", _UNLIMITED), ("grpc.max_send_message_length", _UNLIMITED)],
    )
    provider = Provider(package, cloud, recording=bool(os.environ.get(RECORDING)))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1])
