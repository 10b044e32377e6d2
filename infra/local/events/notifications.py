"""Notifications of Cloud Storage: declared with the rights that they need, and published."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.apis.callers import Denied
from infra.local.apis.pubsub.messages import TOPIC, publish_all
from infra.local.cloud import Cloud
from infra.local.events import arrivals
from infra.local.events.publishing import NoTopic, require_topic, topic_project
from infra.local.events.watched import watch
from infra.local.objects.failure import Failure
from infra.local.objects.listing import live_names
from infra.local.objects.notifications import declared, full_topic
from infra.local.objects.shown import GOOGLE
from infra.local.objects.store import Store
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place, Refused, Values
from infra.local.provider.rules import Inputs

_AT_ONCE = 500
_KEPT_SECONDS = 7 * 24 * 3600.0
"""How long it is tried to publish what the topic does not take."""


def agent_of(project: str) -> str:
    """The account that Cloud Storage publishes as, for a project's buckets."""
    return f"service-{project_number(project)}@gs-project-accounts.iam.gserviceaccount.com"


def number(cloud: Cloud, inputs: Mapping[str, Any], place: Place) -> Values:
    """The number of a bucket's next notification; the same one for what a killed run has made already."""
    found = [one for one in declared(cloud) if one.inputs.get("bucket") == inputs["bucket"]]
    plain = {name: value for name, value in inputs.items() if not name.startswith("__")}
    for one in found:
        if one.urn == place.urn and plain == {key: one.inputs.get(key) for key in plain}:
            return {"next": one.id.rpartition("/")[2]}
    return {"next": 1 + max((int(one.id.rpartition("/")[2]) for one in found), default=0)}


def outputs(inputs: Inputs, place: Place) -> Values:
    """What a notification tells of itself."""
    topic = f"//pubsub.googleapis.com/{full_topic(str(inputs['topic']), place.project)}"
    link = f"{GOOGLE}/storage/v1/b/{place.id}"
    return {"notificationId": place.id.rpartition("/")[2], "selfLink": link, "topic": topic}


def declare(cloud: Cloud, inputs: Inputs, place: Place, told: Values) -> Values:
    """Make a notification. What is in the bucket already is no news. Raises Refused where Cloud Storage may not publish
    to the topic; of another project's topic, which may be elsewhere, that is not known.
    """
    bucket, topic = str(inputs["bucket"]), full_topic(str(inputs["topic"]), place.project)
    try:
        store = Store(cloud, bucket)
    except Failure as failure:
        raise Refused(f"googleapi: Error {failure.status}: {failure.message}, {failure.reason}") from None
    agent = agent_of(store.settings.project)
    try:
        if topic_project(topic) == place.project or cloud.get(TOPIC, topic):
            require_topic(cloud, agent, topic)
    except (Denied, NoTopic):
        raise Refused(
            f"Error creating notification config for bucket {bucket}: googleapi: Error 403: The service account"
            f" '{agent}' does not have permission to publish messages to to the Cloud Pub/Sub topic"
            f" '//pubsub.googleapis.com/{topic}', or that topic does not exist., forbidden"
        ) from None
    arrivals.begin(cloud, bucket)
    for name in live_names(store):
        store.live(name)
    return watch(cloud, inputs, place, told)


@dataclass(frozen=True)
class Published:
    """What became of a bucket's messages to one topic, as an HTTP status and a line."""

    topic: str
    status: int
    told: str


def publish_notices(cloud: Cloud, bucket: str, landed: Iterable[str], *, are_gone: bool) -> list[Published]:
    """Publish what has changed in a bucket. `landed` names what others may have put into its folder, `are_gone` says
    that they have removed something.
    """
    try:
        store = Store(cloud, bucket)
        for name in [*landed, *(store.index.in_folder() if are_gone else ())]:
            store.live(name)
        return list(_published(store))
    except Failure:
        return []  # the bucket was removed meanwhile


def _published(store: Store) -> Iterator[Published]:
    agent = agent_of(store.settings.project)
    for topic in store.index.noticed_topics():
        count = 0
        try:
            require_topic(store.cloud, agent, topic)
            while found := store.index.notices(topic, _AT_ONCE):
                publish_all(store.cloud, topic, [(data, json.loads(attributes), "") for _, attributes, data in found])
                store.index.forget_notices(topic, found[-1][0])
                count += len(found)
            yield Published(topic, 200, f"published {count} message{'s' if count > 1 else ''} to {topic}")
        except (Denied, NoTopic) as problem:
            store.index.forget_old_notices(topic, time.time() - _KEPT_SECONDS)
            yield Published(topic, 403 if isinstance(problem, Denied) else 404, str(problem))
