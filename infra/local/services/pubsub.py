"""Pub/Sub: topics and subscriptions, which clients publish to and pull from, or which the supervisor pushes; events of
buckets reach their triggers directly.
"""

from infra.local.apis.pubsub.messages import forget
from infra.local.cloud import Cloud
from infra.local.events.watched import standing, unwatch, watch
from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, matches

_NAME = matches(
    "name",
    r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}",
    "googleapi: Error 400: Invalid resource name given (name={value}). Refer to"
    " https://cloud.google.com/pubsub/docs/admin#resource_names",
)


def _subscribe(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """Let the supervisor push messages where the subscription says so."""
    if _pushes(inputs):
        return watch(cloud, inputs, place, outputs)
    unwatch(cloud, inputs, place, outputs)
    return {}


def _unsubscribe(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    unwatch(cloud, inputs, place, old)
    if (cloud.root / "pubsub").is_dir():
        forget(cloud, place.id)


def _standing(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    return standing(cloud, inputs, place, outputs) if _pushes(inputs) else {}


def _pushes(inputs: Inputs) -> bool:
    return bool((inputs.get("pushConfig") or {}).get("pushEndpoint"))


RESOURCES = {
    "gcp:pubsub/topic:Topic": Resource(id="projects/{project}/topics/{name}", kind="real", refuses=(_NAME,)),
    "gcp:pubsub/subscription:Subscription": Resource(
        id="projects/{project}/subscriptions/{name}",
        kind="real",
        refuses=(_NAME,),
        recorded=lambda inputs, place: {},
        create=_subscribe,
        delete=_unsubscribe,
        read=_standing,
    ),
    **triple("gcp:pubsub/topicIAM", "projects/{project}/topics/{topic}"),
    **triple("gcp:pubsub/subscriptionIAM", "projects/{project}/subscriptions/{subscription}"),
}
