"""Dataflow: declared."""

from infra.local.provider.outputs import digits
from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:dataflow/flexTemplateJob:FlexTemplateJob": Resource(
        id="{job}",
        identify=lambda cloud, inputs, place: {"job": f"2026-01-01_00_00_00-{digits(place.urn, 19)}"},
        outputs=lambda inputs, place: {"jobId": place.id, "state": "JOB_STATE_RUNNING", "type": "JOB_TYPE_STREAMING"},
    ),
}
