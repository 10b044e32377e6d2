"""The plugin process: `pulumi-resource-gcp` and `pulumi-resource-docker` start it with the package that it stands in
for.
"""

import os
import sys

from pulumi.runtime.proto import provider_pb2_grpc

from infra.local.home import RECORDING
from infra.local.plugin import cloud_of_engine, serve
from infra.local.provider.server import Provider
from orderguard.private_files import keep_private


def main(package: str) -> None:
    """Serves until the engine ends this process."""
    provider = Provider(package, cloud_of_engine(), recording=bool(os.environ.get(RECORDING)))
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server))


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1])
