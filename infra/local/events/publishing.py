"""Publishing to a topic as one of Google's service agents does."""

from collections.abc import Mapping

from infra.local import iam
from infra.local.apis.callers import Caller
from infra.local.apis.pubsub import publish
from infra.local.apis.pubsub.messages import TOPIC
from infra.local.cloud import Cloud


class NoTopic(Exception):
    """The topic is not there."""


def topic_project(topic: str) -> str:
    """The project in a topic's full name; empty for what is none."""
    parts = topic.split("/")
    return parts[1] if len(parts) == 4 else ""


def topic_resources(topic: str) -> tuple[str, str]:
    """A topic as bindings know it: itself, and its project."""
    project = topic_project(topic)
    return f"topic:{project}/{topic.rpartition('/')[2]}", f"project:{project}"


def send(
    cloud: Cloud, agent: Caller, topic: str, data: bytes, attributes: Mapping[str, str], *, may: bool = False
) -> str:
    """The id of a message that an agent publishes; `may` says that it needs no binding. `topic` is the full name.
    Raises Denied, NoTopic.
    """
    if not may:
        agent.require(iam.TOPIC_PUBLISH, topic, *topic_resources(topic))
    if cloud.get(TOPIC, topic) is None:
        raise NoTopic(f"Resource not found (resource={topic.rpartition('/')[2]}).")
    return publish(cloud, topic, data, attributes)
