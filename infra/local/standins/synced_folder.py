"""pulumi-synced-folder: a component that makes an object of each file of a folder."""

import mimetypes
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from infra.local.provider.resource import Refused
from infra.local.provider.values import file_asset, properties, struct
from infra.local.standins.kind import Kind

_FOLDER = "synced-folder:index:GoogleCloudFolder"
_OBJECT = "gcp:storage/bucketObject:BucketObject"


def kind(token: str) -> Kind | None:
    """It has components alone."""
    return None


def construct(request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructResponse:
    """Registers the component and its objects with the engine. Raises Refused for another cloud's folder."""
    if request.type != _FOLDER:
        raise Refused(f"{request.type} is of another cloud: the local cloud has Google's ({_FOLDER}) alone")
    inputs = properties(request.inputs)
    folder = Path(str(inputs.get("path")))
    if not folder.is_dir():
        raise Refused(f"{request.name}: the folder {folder} is not there (from {Path.cwd()})")
    with grpc.insecure_channel(request.monitorEndpoint) as channel:
        monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
        component = monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type=request.type,
                name=request.name,
                parent=request.parent,
                custom=False,
                object=struct({}),
                acceptSecrets=True,
                aliasURNs=request.aliases,
                dependencies=request.dependencies,
                protect=request.protect if request.protect else None,
                providers=dict(request.providers),
            )
        )
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            name = path.relative_to(folder).as_posix()
            values = {
                "bucket": inputs.get("bucketName"),
                "name": name,
                "source": file_asset(path),
                "contentType": mimetypes.guess_type(name)[0] or "application/octet-stream",
            }
            monitor.RegisterResource(
                resource_pb2.RegisterResourceRequest(
                    type=_OBJECT,
                    name=f"{request.name}-{name}",
                    parent=component.urn,
                    custom=True,
                    object=struct(values),
                    acceptSecrets=True,
                    provider=dict(request.providers).get("gcp", ""),
                )
            )
        monitor.RegisterResourceOutputs(
            resource_pb2.RegisterResourceOutputsRequest(urn=component.urn, outputs=struct({}))
        )
    return provider_pb2.ConstructResponse(urn=component.urn, state=struct({}))
