"""The plugin process of a stand-in: `launch.py infra.local.standins PACKAGE`."""

import importlib
import sys

from pulumi.runtime.proto import provider_pb2_grpc

from infra.local.plugin import cloud_of_engine, serve
from infra.local.standins.server import StandIn
from orderguard.private_files import keep_private


def main(package: str) -> None:
    """Serves until the engine ends this process."""
    cloud = cloud_of_engine()
    module = importlib.import_module(f"infra.local.standins.{package.replace('-', '_')}")
    call, construct = getattr(module, "call", None), getattr(module, "construct", None)
    stand_in = StandIn(package, cloud, module.kind, call, construct)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(stand_in, server))


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1])
