"""Pub/Sub: topics and subscriptions, which clients publish to and pull from; events of buckets reach their triggers
directly.
"""

from infra.local.provider.access import triple
from infra.local.provider.resource import Resource
from infra.local.provider.rules import matches

_NAME = matches(
    "name",
    r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}",
    "googleapi: Error 400: Invalid resource name given (name={value}). Refer to"
    " https://cloud.google.com/pubsub/docs/admin#resource_names",
)

RESOURCES = {
    "gcp:pubsub/topic:Topic": Resource(id="projects/{project}/topics/{name}", kind="real", refuses=(_NAME,)),
    "gcp:pubsub/subscription:Subscription": Resource(
        id="projects/{project}/subscriptions/{name}", kind="real", refuses=(_NAME,)
    ),
    **triple("gcp:pubsub/topicIAM", "projects/{project}/topics/{topic}"),
    **triple("gcp:pubsub/subscriptionIAM", "projects/{project}/subscriptions/{subscription}"),
}
