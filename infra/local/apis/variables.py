"""The environment variables that lead a program to a stack's interfaces instead of Google's."""

from infra.local.apis.identity import OWNER, Identity, door_of
from infra.local.apis.roots import roots
from infra.local.cloud import Cloud
from infra.local.supervisor import client


def of_person(cloud: Cloud) -> dict[str, str]:
    """For the person at this machine, who may do all."""
    projects = (str(record.outputs.get("project") or "") for record in cloud.all())
    project = next((name for name in projects if name), "")
    return {
        **leading(cloud, Identity(OWNER, project)),
        "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{client.apis(cloud)['pubsub']}",
        "GOOGLE_CLOUD_PROJECT": project,
    }


def leading(cloud: Cloud, identity: Identity) -> dict[str, str]:
    """For programs that run as `identity`. The address has a secret in it, so that nobody else on the machine is taken
    for them.
    """
    ports, door = client.apis(cloud), door_of(cloud, identity)
    place = f"127.0.0.1:{ports['http']}/i/{door}"
    return {
        "GCE_METADATA_HOST": place,
        "GCE_METADATA_IP": place,
        "STORAGE_EMULATOR_HOST": f"http://{place}",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS": f"http://{place}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER": f"http://{place}/",
        # A client of gRPC that knows nothing of this machine asks a proxy for Google's host, and trusts who answers.
        "grpc_proxy": f"http://{door}:-@127.0.0.1:{ports['proxy']}",
        "no_grpc_proxy": "127.0.0.1,localhost",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(roots(cloud)),
    }
