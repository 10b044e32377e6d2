"""What one of Google's service agents needs to publish to a topic."""

from infra.local import iam
from infra.local.apis.callers import Caller
from infra.local.apis.pubsub.messages import TOPIC
from infra.local.cloud import Cloud


class NoTopic(Exception):
    """The topic is not there."""


def topic_project(topic: str) -> str:
    """The project in a topic's full name; empty for what is none."""
    parts = topic.split("/")
    return parts[1] if len(parts) == 4 else ""


def require_topic(cloud: Cloud, agent: str, topic: str, *, may: bool = False) -> None:
    """Raise Denied where an agent may not publish to a topic, NoTopic where it is not there. `may` says that the agent
    needs no binding. `topic` is the full name.
    """
    name, project = topic.rpartition("/")[2], topic_project(topic)
    if not may:
        asks = Caller(cloud, agent)
        asks.require(iam.TOPIC_PUBLISH, topic, f"topic:{project}/{name}", f"project:{project}")
    if cloud.get(TOPIC, topic) is None:
        raise NoTopic(f"Resource not found (resource={name}).")
