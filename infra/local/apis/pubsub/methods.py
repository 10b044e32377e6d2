"""Pub/Sub's methods: https://cloud.google.com/pubsub/docs/reference/rpc, as far as programs publish and pull."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from starlette.concurrency import run_in_threadpool

from infra.local import iam
from infra.local.apis.callers import Caller, Denied, Unauthenticated
from infra.local.apis.messages import EMPTY, message
from infra.local.apis.pubsub import messages
from infra.local.apis.pubsub.messages import SUBSCRIPTION, TOPIC
from infra.local.apis.rpc import Failed, Rpc, named
from infra.local.cloud import Record, utc_now

PACKAGE = "google.pubsub.v1"
PUBLISHER, SUBSCRIBER = f"{PACKAGE}.Publisher", f"{PACKAGE}.Subscriber"
_LOOK_SECONDS = 0.05
_MOST_AT_ONCE = 1000
_NAME = re.compile(r"projects/([^/]+)/(topics|subscriptions)/([A-Za-z][A-Za-z0-9._~+%-]{2,254})")


def _place(name: str, kind: str) -> str:
    match = _NAME.fullmatch(name)
    if match is None or match[2] != kind:
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, f"Invalid resource name given (name={name}).")
    return match[1]


def _found(asks: Caller, name: str, permission: str) -> Record:
    """A topic or a subscription. Raises Denied, and Failed where there is none."""
    token, kind = (TOPIC, "topics") if "/topics/" in name else (SUBSCRIPTION, "subscriptions")
    project = _place(name, kind)
    asks.require(permission, name, f"{kind[:-1]}:{project}/{name.rpartition('/')[2]}", f"project:{project}")
    record = asks.cloud.get(token, name)
    if record is None:
        raise Failed(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name.rpartition('/')[2]}).")
    return record


def _made(asks: Caller, token: str, name: str, inputs: dict[str, Any]) -> None:
    kind = "topics" if token == TOPIC else "subscriptions"
    project = _place(name, kind)
    asks.require(f"pubsub.{kind}.create", f"projects/{project}", f"project:{project}")
    if asks.cloud.get(token, name):
        raise Failed(grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists in the project (resource={name}).")
    now, whole = utc_now(), {"name": name.rpartition("/")[2], **inputs}
    asks.cloud.put(Record(token, name, "", "real", now, now, whole, {**whole, "project": project}))


def _topic(record: Record) -> Any:
    labels = {str(key): str(value) for key, value in (record.inputs.get("labels") or {}).items()}
    return message(f"{PACKAGE}.Topic")(name=record.id, labels=labels)


def _subscription(record: Record) -> Any:
    given = record.inputs
    shown = message(f"{PACKAGE}.Subscription")(
        name=record.id,
        topic=messages.topic_of(record),
        ack_deadline_seconds=int(given.get("ackDeadlineSeconds") or 10),
        enable_message_ordering=bool(given.get("enableMessageOrdering")),
    )
    if letters := given.get("deadLetterPolicy"):
        shown.dead_letter_policy.dead_letter_topic = str(letters.get("deadLetterTopic") or "")
        shown.dead_letter_policy.max_delivery_attempts = int(letters.get("maxDeliveryAttempts") or 5)
    return shown


def _create_topic(asks: Caller, request: Any) -> Any:
    _made(asks, TOPIC, request.name, {"labels": dict(request.labels)})
    return request


def _create_subscription(asks: Caller, request: Any) -> Any:
    for field in ("push_config", "bigquery_config", "cloud_storage_config"):
        if request.HasField(field) and str(getattr(request, field)):
            raise Failed(grpc.StatusCode.UNIMPLEMENTED, "The local cloud's subscriptions are pulled, not pushed.")
    if request.filter or request.enable_exactly_once_delivery:
        raise Failed(grpc.StatusCode.UNIMPLEMENTED, "The local cloud has no filter and no exactly-once delivery.")
    _found(asks, request.topic, "pubsub.topics.attachSubscription")
    letters = request.dead_letter_policy
    policy = {"deadLetterTopic": letters.dead_letter_topic, "maxDeliveryAttempts": letters.max_delivery_attempts or 5}
    inputs = {
        "topic": request.topic,
        "ackDeadlineSeconds": request.ack_deadline_seconds or 10,
        "enableMessageOrdering": request.enable_message_ordering,
        **({"deadLetterPolicy": policy} if letters.dead_letter_topic else {}),
    }
    _made(asks, SUBSCRIPTION, request.name, inputs)
    return _subscription(_found(asks, request.name, "pubsub.subscriptions.create"))


def _get_topic(asks: Caller, request: Any) -> Any:
    return _topic(_found(asks, request.topic, "pubsub.topics.get"))


def _get_subscription(asks: Caller, request: Any) -> Any:
    return _subscription(_found(asks, request.subscription, "pubsub.subscriptions.get"))


def _listing(token: str, kind: str, field: str, shown: Callable[[Record], Any]) -> Callable[[Caller, Any], Any]:
    def listed(asks: Caller, request: Any) -> Any:
        project = request.project.partition("/")[2]
        asks.require(f"pubsub.{field}.list", request.project, f"project:{project}")
        told = message(f"{PACKAGE}.{kind}")()
        found = [one for one in asks.cloud.all(token) if one.id.split("/")[1] == project]
        getattr(told, field).extend(map(shown, found))
        return told

    return listed


def _delete_topic(asks: Caller, request: Any) -> Empty:
    asks.cloud.remove(TOPIC, _found(asks, request.topic, "pubsub.topics.delete").id)
    return Empty()


def _delete_subscription(asks: Caller, request: Any) -> Empty:
    found = _found(asks, request.subscription, "pubsub.subscriptions.delete")
    asks.cloud.remove(SUBSCRIPTION, found.id)
    messages.forget(asks.cloud, found.id)
    return Empty()


def _publish(asks: Caller, request: Any) -> Any:
    topic = _found(asks, request.topic, iam.TOPIC_PUBLISH)
    sent = [(one.data, dict(one.attributes), one.ordering_key) for one in request.messages]
    if not sent or any(not data and not attributes for data, attributes, _ in sent):
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, "A message has data, or an attribute at least.")
    return message(f"{PACKAGE}.PublishResponse")(message_ids=messages.publish_all(asks.cloud, topic.id, sent))


def _received(asks: Caller, subscription: Record, most: int) -> list[Any]:
    found = []
    for one in messages.pulled(asks.cloud, subscription, most):
        shown = message(f"{PACKAGE}.ReceivedMessage")(ack_id=one.ack)
        if subscription.inputs.get("deadLetterPolicy"):
            shown.delivery_attempt = one.attempts
        shown.message.data, shown.message.message_id, shown.message.ordering_key = one.data, one.id, one.key
        shown.message.attributes.update(one.attributes)
        shown.message.publish_time.FromNanoseconds(int(one.at * 1e9))
        found.append(shown)
    return found


def _pull(asks: Caller, request: Any) -> Any:
    subscription = _found(asks, request.subscription, "pubsub.subscriptions.consume")
    if (subscription.inputs.get("pushConfig") or {}).get("pushEndpoint"):
        told = "Method not supported for this subscription type: its messages are pushed."
        raise Failed(grpc.StatusCode.FAILED_PRECONDITION, told)
    if request.max_messages < 1:
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, "max_messages has to be positive.")
    found = _received(asks, subscription, min(request.max_messages, _MOST_AT_ONCE))
    return message(f"{PACKAGE}.PullResponse")(received_messages=found)


def _acknowledge(asks: Caller, request: Any) -> Empty:
    found = _found(asks, request.subscription, "pubsub.subscriptions.consume")
    messages.acknowledged(asks.cloud, found.id, list(request.ack_ids))
    return Empty()


def _modify(asks: Caller, request: Any) -> Empty:
    found = _found(asks, request.subscription, "pubsub.subscriptions.consume")
    messages.postponed(asks.cloud, found.id, list(request.ack_ids), float(request.ack_deadline_seconds))
    return Empty()


def streaming(who: Callable[[Any], Caller]) -> grpc.GenericRpcHandler:
    """StreamingPull: messages as they come, acknowledged on the same stream."""

    async def answer(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            first = await anext(requests)
            asks = who(context)
            subscription = await run_in_threadpool(_found, asks, first.subscription, "pubsub.subscriptions.consume")
        except (Failed, Denied, Unauthenticated) as problem:
            codes = {Denied: grpc.StatusCode.PERMISSION_DENIED, Unauthenticated: grpc.StatusCode.UNAUTHENTICATED}
            await context.abort(getattr(problem, "code", codes.get(type(problem))), str(problem))
            return
        most = first.max_outstanding_messages or _MOST_AT_ONCE
        listening = asyncio.create_task(_listen(asks, subscription, first, requests))
        try:
            while not listening.done():
                found = await run_in_threadpool(_received, asks, subscription, min(most, _MOST_AT_ONCE))
                if found:
                    yield message(f"{PACKAGE}.StreamingPullResponse")(received_messages=found)
                else:
                    await asyncio.wait({listening}, timeout=_LOOK_SECONDS)
        finally:
            listening.cancel()

    handler: Any = grpc.stream_stream_rpc_method_handler(
        answer,
        message(f"{PACKAGE}.StreamingPullRequest").FromString,
        lambda told: told.SerializeToString(),
    )
    return grpc.method_handlers_generic_handler(SUBSCRIBER, {"StreamingPull": handler})


async def _listen(asks: Caller, subscription: Record, first: Any, requests: AsyncIterator[Any]) -> None:
    """What a subscriber says on its stream, until it says no more."""
    asked = first
    while True:
        if asked.ack_ids:
            await run_in_threadpool(messages.acknowledged, asks.cloud, subscription.id, list(asked.ack_ids))
        for ack, seconds in zip(asked.modify_deadline_ack_ids, asked.modify_deadline_seconds):
            await run_in_threadpool(messages.postponed, asks.cloud, subscription.id, [ack], float(seconds))
        try:
            asked = await anext(requests)
        except StopAsyncIteration:
            return


_T, _S, _P = "projects/*/topics/*", "projects/*/subscriptions/*", "projects/*"
_topics = _listing(TOPIC, "ListTopicsResponse", "topics", _topic)
_subscriptions = _listing(SUBSCRIPTION, "ListSubscriptionsResponse", "subscriptions", _subscription)
PUBLISHES: list[Rpc] = named(
    PACKAGE,
    [
        ("CreateTopic", "Topic", "Topic", f"PUT /v1/{{name={_T}}}", _create_topic, "*"),
        ("GetTopic", "GetTopicRequest", "Topic", f"GET /v1/{{topic={_T}}}", _get_topic, ""),
        ("ListTopics", "ListTopicsRequest", "ListTopicsResponse", f"GET /v1/{{project={_P}}}/topics", _topics, ""),
        ("DeleteTopic", "DeleteTopicRequest", EMPTY, f"DELETE /v1/{{topic={_T}}}", _delete_topic, ""),
        ("Publish", "PublishRequest", "PublishResponse", f"POST /v1/{{topic={_T}}}:publish", _publish, "*"),
    ],
)
PULLS: list[Rpc] = named(
    PACKAGE,
    [
        ("CreateSubscription", "Subscription", "Subscription", f"PUT /v1/{{name={_S}}}", _create_subscription, "*"),
        (
            "GetSubscription",
            "GetSubscriptionRequest",
            "Subscription",
            f"GET /v1/{{subscription={_S}}}",
            _get_subscription,
            "",
        ),
        (
            "ListSubscriptions",
            "ListSubscriptionsRequest",
            "ListSubscriptionsResponse",
            f"GET /v1/{{project={_P}}}/subscriptions",
            _subscriptions,
            "",
        ),
        (
            "DeleteSubscription",
            "DeleteSubscriptionRequest",
            EMPTY,
            f"DELETE /v1/{{subscription={_S}}}",
            _delete_subscription,
            "",
        ),
        ("Pull", "PullRequest", "PullResponse", f"POST /v1/{{subscription={_S}}}:pull", _pull, "*"),
        ("Acknowledge", "AcknowledgeRequest", EMPTY, f"POST /v1/{{subscription={_S}}}:acknowledge", _acknowledge, "*"),
        (
            "ModifyAckDeadline",
            "ModifyAckDeadlineRequest",
            EMPTY,
            f"POST /v1/{{subscription={_S}}}:modifyAckDeadline",
            _modify,
            "*",
        ),
    ],
)
