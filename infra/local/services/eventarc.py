"""Eventarc: an object that lands in a bucket starts what the trigger names."""

from infra.local.cloud import Cloud
from infra.local.events import arrivals
from infra.local.events.watched import TRIGGER, bucket_of, standing, unwatch, watch
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs


def _watch(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    if bucket := bucket_of(inputs):
        arrivals.begin(cloud, bucket)
    return watch(cloud, inputs, place, outputs)


RESOURCES = {
    TRIGGER: Resource(
        id="projects/{project}/locations/{location}/triggers/{name}",
        kind="real",
        # A map here, where other types have a list.
        outputs=lambda inputs, place: {"conditions": {}},
        recorded=lambda inputs, place: {},
        create=_watch,
        delete=unwatch,
        read=standing,
    ),
}
