"""Eventarc: an object that lands in a bucket starts what the trigger names."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:eventarc/trigger:Trigger": Resource(
        id="projects/{project}/locations/{location}/triggers/{name}",
        kind="real",
        # A map here, where other types have a list.
        outputs=lambda inputs, place: {"conditions": {}},
    ),
}
