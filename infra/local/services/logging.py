"""Cloud Logging: declared. The local cloud's own logs are files, one a revision."""

from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs


def _writer(inputs: Inputs, place: Place) -> Values:
    unique = inputs.get("uniqueWriterIdentity") is not False
    identity = (
        f"service-{place.number}@gcp-sa-logging.iam.gserviceaccount.com"
        if unique
        else "cloud-logs@system.gserviceaccount.com"
    )
    return {"writerIdentity": f"serviceAccount:{identity}"}


RESOURCES = {
    "gcp:logging/metric:Metric": Resource(id="{name}"),
    "gcp:logging/projectSink:ProjectSink": Resource(id="projects/{project}/sinks/{name}", outputs=_writer),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": Resource(
        id="projects/{project}/locations/{location}/buckets/{bucketId}",
        outputs=lambda inputs, place: {"lifecycleState": "ACTIVE"},
    ),
}
