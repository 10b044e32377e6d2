"""A bucket's changes reach Pub/Sub, however they were made: Google's clients at both ends, the supervisor between."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1, storage  # type: ignore[attr-defined]  # it ships none

from infra.local.apis.variables import of_person
from infra.local.commands.jobs import put_object
from infra.local.commands.status import _rest, collect
from infra.local.events.notifications import agent_of
from infra.local.objects.notifications import NOTIFICATION
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker, Refusal, until

TOPIC = "projects/a-project/topics/changes"
BUCKET = {"location": "EU", "uniformBucketLevelAccess": True, "forceDestroy": True}


class Told:
    """A bucket with notifications, Google's client of it, and what its subscribers are told."""

    def __init__(self, ask: Asker, bucket: Any, subscriber: Any) -> None:
        self.ask, self.cloud, self.bucket, self.subscriber = ask, ask.cloud, bucket, subscriber

    @property
    def folder(self) -> Path:
        return self.cloud.bucket(self.bucket.name)

    def notify(self, name: str, **more: Any) -> dict[str, Any]:
        wanted = {"bucket": self.bucket.name, "topic": "changes", "payloadFormat": "JSON_API_V1", **more}
        return self.ask.create(NOTIFICATION, wanted, name)

    def messages(self, count: int, subscription: str = "changes") -> list[Any]:
        """The next messages, in their order; fails where there are others or more."""
        found: dict[int, Any] = {}

        def came() -> bool:
            name = f"projects/a-project/subscriptions/{subscription}"
            answer = self.subscriber.pull(subscription=name, max_messages=100, timeout=60)
            if answer.received_messages:
                acks = [one.ack_id for one in answer.received_messages]
                self.subscriber.acknowledge(subscription=name, ack_ids=acks)
            found.update({int(one.message.message_id): one.message for one in answer.received_messages})
            return len(found) >= count

        until(came)
        assert len(found) == count
        return [found[number] for number in sorted(found)]

    def events(self, count: int) -> list[tuple[str, str]]:
        return [(one.attributes["eventType"], one.attributes["objectId"]) for one in self.messages(count)]


@pytest.fixture
def told(ask: Asker) -> Iterator[Told]:
    for name in ("changes", "deletions"):
        ask.create("gcp:pubsub/topic:Topic", {"name": name}, name)
        subscription = {"name": name, "topic": f"projects/a-project/topics/{name}"}
        ask.create("gcp:pubsub/subscription:Subscription", subscription, name)
    ask.create("gcp:storage/bucket:Bucket", {"name": "raw", **BUCKET})
    (ask.cloud.bucket("raw") / "old").write_text("it was there before")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in of_person(ask.cloud).items():
            patch.setenv(name, value)
        with pubsub_v1.SubscriberClient() as subscriber:
            yield Told(ask, storage.Client(project="a-project").bucket("raw"), subscriber)


def grant(ask: Asker, topic: str) -> None:
    member = f"serviceAccount:{agent_of('a-project')}"
    binding = {"topic": topic, "role": "roles/pubsub.publisher", "member": member}
    ask.create("gcp:pubsub/topicIAMMember:TopicIAMMember", binding, f"grant-{topic}")


def test_what_a_client_changes_is_told_as_google_tells_it(told: Told) -> None:
    with pytest.raises(
        Refusal, match="Error 403: The service account 'service-.*' does not have permission to publish"
    ):
        told.notify("all")
    grant(told.ask, "changes")
    made = told.notify("all", customAttributes={"shop": "42"})
    assert (made["id"], made["notificationId"]) == ("raw/notificationConfigs/1", "1")
    assert made["topic"] == f"//pubsub.googleapis.com/{TOPIC}"
    blob = told.bucket.blob("orders/a.ndjson")
    blob.upload_from_string(b"one", content_type="application/x-ndjson")
    first = blob.generation
    blob.metadata = {"checked": "yes"}
    blob.patch()
    blob.upload_from_string(b"another")
    blob.delete()
    finalized, changed, gone, replaced, deleted = told.messages(5)
    shown = json.loads(finalized.data)
    time = finalized.attributes["eventTime"]
    assert dict(finalized.attributes) == {
        "shop": "42",
        "notificationConfig": "projects/_/buckets/raw/notificationConfigs/1",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": "raw",
        "objectId": "orders/a.ndjson",
        "objectGeneration": str(first),
        "eventTime": time,
    }
    assert (shown["kind"], shown["name"], shown["size"]) == ("storage#object", "orders/a.ndjson", "3")
    assert shown["selfLink"] == "https://www.googleapis.com/storage/v1/b/raw/o/orders%2Fa.ndjson"
    assert shown["generation"] == str(first) and shown["contentType"] == "application/x-ndjson"
    assert changed.attributes["eventType"] == "OBJECT_METADATA_UPDATE"
    assert (json.loads(changed.data)["metageneration"], json.loads(changed.data)["metadata"]["checked"]) == ("2", "yes")
    second = replaced.attributes["objectGeneration"]
    assert (gone.attributes["eventType"], gone.attributes["overwrittenByGeneration"]) == ("OBJECT_DELETE", second)
    assert gone.attributes["objectGeneration"] == replaced.attributes["overwroteGeneration"] == str(first)
    assert (deleted.attributes["eventType"], deleted.attributes["objectGeneration"]) == ("OBJECT_DELETE", second)
    assert "overwrittenByGeneration" not in deleted.attributes
    shown_lines = [line for line in _rest(collect(told.cloud)) if line.startswith("notification ")]
    assert len(shown_lines) == 1 and ": 200 published " in shown_lines[0] and "a.ndjson" not in shown_lines[0]


def test_a_mounts_files_and_those_put_by_hand_are_told_and_former_ones_are_not(told: Told, tmp_path: Path) -> None:
    grant(told.ask, "changes")
    told.notify("all")
    (tmp_path / "b").write_text("b")
    os.replace(tmp_path / "b", told.folder / "b")  # as a container does that has the bucket mounted
    assert told.events(1) == [("OBJECT_FINALIZE", "b")]
    (tmp_path / "c").write_text("c")
    assert put_object(told.cloud.home, told.cloud.stack, "raw", tmp_path / "c", "by/hand") == 0
    assert told.events(1) == [("OBJECT_FINALIZE", "by/hand")]
    (tmp_path / "b").write_text("other")
    os.replace(tmp_path / "b", told.folder / "b")
    assert told.events(2) == [("OBJECT_DELETE", "b"), ("OBJECT_FINALIZE", "b")]
    (told.folder / "b").unlink()
    (told.folder / "old").unlink()
    assert sorted(told.events(2)) == [("OBJECT_DELETE", "b"), ("OBJECT_DELETE", "old")]


def test_events_and_prefixes_choose_and_archived_versions_are_told(told: Told) -> None:
    ask = told.ask
    ask.create("gcp:storage/bucket:Bucket", {"name": "kept", **BUCKET, "versioning": {"enabled": True}}, "kept")
    told.bucket = told.bucket.client.bucket("kept")
    for topic in ("changes", "deletions"):
        grant(ask, topic)
    some = ["OBJECT_ARCHIVE", "OBJECT_FINALIZE"]
    told.notify("some", eventTypes=some, objectNamePrefix="in/", payloadFormat="NONE")
    two = told.notify("two", eventTypes=["OBJECT_DELETE"], topic="projects/a-project/topics/deletions")
    assert two["notificationId"] == "2"
    for name in ("out/a", "in/a"):
        told.bucket.blob(name).upload_from_string(name)
        told.bucket.blob(name).delete()
    first, archived = told.messages(2)
    assert (first.attributes["eventType"], first.attributes["objectId"]) == ("OBJECT_FINALIZE", "in/a")
    assert (archived.attributes["eventType"], archived.data) == ("OBJECT_ARCHIVE", b"")
    assert archived.attributes["payloadFormat"] == "NONE"
    generation = int(archived.attributes["objectGeneration"])
    told.bucket.blob("in/a", generation=generation).delete()
    (deleted,) = told.messages(1, "deletions")
    assert deleted.attributes["notificationConfig"].endswith("/notificationConfigs/2")
    assert json.loads(deleted.data)["generation"] == str(generation)


def test_what_the_topic_does_not_take_is_told_once_it_does(told: Told) -> None:
    grant(told.ask, "changes")
    made = told.notify("all")
    named = "gcp:pubsub/topicIAMMember:TopicIAMMember"
    (binding,) = [one for one in told.cloud.all(named)]
    told.cloud.remove(named, binding.id)
    told.bucket.blob("a").upload_from_string("a")

    def lines() -> list[str]:
        return [line for line in _rest(collect(told.cloud)) if line.startswith("notification ")]

    until(lambda: ": 403 Permission 'pubsub.topics.publish' denied" in lines()[0])
    client.stop(told.cloud)
    told.cloud.put(binding)
    client.ensure(told.cloud)
    assert told.events(1) == [("OBJECT_FINALIZE", "a")]
    told.ask.delete(NOTIFICATION, made, "all")
    until(lambda: lines() == [])
    told.bucket.blob("b").upload_from_string("b")
    told.notify("again")
    told.bucket.blob("c").upload_from_string("c")
    assert told.events(1) == [("OBJECT_FINALIZE", "c")]
