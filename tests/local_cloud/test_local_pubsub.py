"""Pub/Sub for its official client: published by one program, pulled by another, and kept until it is acknowledged."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1  # type: ignore[attr-defined]  # it ships none

from infra.local.apis.identity import Identity
from infra.local.apis.pubsub import publish
from infra.local.apis.variables import leading, of_person
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker

TOPIC = "projects/a-project/topics/orders"
PULLED = "projects/a-project/subscriptions/orders"
DEAD = "projects/a-project/topics/dead"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A stack whose program has made a topic with a subscription, and one for dead letters."""
    cloud = Cloud(Home(tmp_path_factory.mktemp("pubsub") / "home"), "test")
    ask = Asker(cloud)
    for name in ("orders", "dead"):
        ask.create("gcp:pubsub/topic:Topic", {"name": name}, name)
    letters = {"deadLetterTopic": DEAD, "maxDeliveryAttempts": 5}
    wanted = {"name": "orders", "topic": TOPIC, "enableMessageOrdering": True, "deadLetterPolicy": letters}
    ask.create("gcp:pubsub/subscription:Subscription", wanted)
    ask.create("gcp:pubsub/subscription:Subscription", {"name": "dead-ones", "topic": DEAD}, "dead")
    grant = {"topic": "orders", "role": "roles/pubsub.publisher"}
    ask.create(
        "gcp:pubsub/topicIAMMember:TopicIAMMember",
        {**grant, "member": "serviceAccount:shop@a-project.iam.gserviceaccount.com"},
    )
    yield cloud
    client.stop(cloud)


@pytest.fixture(scope="module")
def both(stack: Cloud) -> Iterator[tuple[Any, Any]]:
    """The official publisher and subscriber, as a person's shell has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", of_person(stack)["PUBSUB_EMULATOR_HOST"])
        publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        yield publisher, subscriber
        subscriber.close()
        publisher.stop()


def taken(subscriber: Any, subscription: str = PULLED, most: int = 10) -> list[Any]:
    return list(subscriber.pull(subscription=subscription, max_messages=most, timeout=60).received_messages)


def test_what_is_published_is_pulled_until_it_is_acknowledged(stack: Cloud, both: tuple[Any, Any]) -> None:
    publisher, subscriber = both
    first = publisher.publish(TOPIC, b"an order", shop="a").result(60)
    second = publish(stack, TOPIC, b"another", {"from": "a notification"})
    found = taken(subscriber)
    assert [(one.message.message_id, one.message.data) for one in found] == [(first, b"an order"), (second, b"another")]
    assert dict(found[0].message.attributes) == {"shop": "a"}
    assert taken(subscriber) == []  # they are the subscriber's until the deadline
    subscriber.acknowledge(subscription=PULLED, ack_ids=[found[0].ack_id])
    subscriber.modify_ack_deadline(subscription=PULLED, ack_ids=[found[1].ack_id], ack_deadline_seconds=0)
    client.stop(stack)  # nothing waits in the memory of a process
    client.ensure(stack)
    (again,) = taken(subscriber)
    assert (again.message.message_id, again.delivery_attempt) == (second, 2)
    subscriber.acknowledge(subscription=PULLED, ack_ids=[again.ack_id])


def test_a_stream_gets_messages_as_they_come(both: tuple[Any, Any]) -> None:
    publisher, subscriber = both
    came, whole = [], threading.Event()

    def got(one: Any) -> None:
        came.append(one.data)
        one.ack()
        if len(came) == 20:
            whole.set()

    pulling = subscriber.subscribe(PULLED, got)
    try:
        for number in range(20):
            publisher.publish(TOPIC, str(number).encode()).result(60)
        assert whole.wait(60)
    finally:
        pulling.cancel()
        pulling.result(60)
    assert sorted(came, key=int) == [str(number).encode() for number in range(20)]


def test_messages_of_a_key_come_in_order_and_the_next_after_the_one_before(stack: Cloud, both: tuple[Any, Any]) -> None:
    _, subscriber = both
    for number in range(3):
        publish(stack, TOPIC, str(number).encode(), {}, "a-key")
    for number in range(3):
        (one,) = taken(subscriber, most=1)
        assert one.message.data == str(number).encode() and taken(subscriber) == []
        subscriber.acknowledge(subscription=PULLED, ack_ids=[one.ack_id])


def test_what_nobody_can_use_ends_as_a_dead_letter(stack: Cloud, both: tuple[Any, Any]) -> None:
    _, subscriber = both
    publish(stack, TOPIC, b"poison", {})
    for _ in range(5):
        (one,) = taken(subscriber)
        subscriber.modify_ack_deadline(subscription=PULLED, ack_ids=[one.ack_id], ack_deadline_seconds=0)
    assert taken(subscriber) == []
    (dead,) = taken(subscriber, "projects/a-project/subscriptions/dead-ones")
    assert dead.message.data == b"poison"
    assert dead.message.attributes["CloudPubSubDeadLetterSourceSubscription"] == "orders"


def test_topics_and_subscriptions_are_made_and_refused_as_google_does(both: tuple[Any, Any]) -> None:
    publisher, subscriber = both
    topic, name = "projects/a-project/topics/mine", "projects/a-project/subscriptions/mine"
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=name, topic=topic, ack_deadline_seconds=20)
    with pytest.raises(exceptions.AlreadyExists):
        publisher.create_topic(name=topic)
    assert subscriber.get_subscription(subscription=name).ack_deadline_seconds == 20
    assert topic in [one.name for one in publisher.list_topics(project="projects/a-project")]
    subscriber.delete_subscription(subscription=name)
    publisher.delete_topic(topic=topic)
    calls: tuple[Callable[[], Any], ...] = (lambda: publisher.get_topic(topic=topic), lambda: taken(subscriber, name))
    for call in calls:
        with pytest.raises(exceptions.NotFound):
            call()
    with pytest.raises(exceptions.InvalidArgument):
        publisher.create_topic(name="projects/a-project/topics/!")


def test_an_account_may_what_its_bindings_say(stack: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    from google.auth.credentials import AnonymousCredentials
    from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient

    place = leading(stack, Identity("shop@a-project.iam.gserviceaccount.com", "a-project"))["STORAGE_EMULATOR_HOST"]
    own: dict[str, Any] = {
        "transport": "rest",
        "client_options": {"api_endpoint": place},
        "credentials": AnonymousCredentials(),
    }
    PublisherClient(**own).publish(topic=TOPIC, messages=[PubsubMessage(data=b"x")])
    with pytest.raises(exceptions.Forbidden, match="pubsub.subscriptions.consume"):
        SubscriberClient(**own).pull(subscription=PULLED, max_messages=1)
