"""Push subscriptions: messages go to a server on this machine, until it takes them.

https://cloud.google.com/pubsub/docs/push: what is answered with one of five statuses is acknowledged; anything else,
and no answer until the deadline, brings the message again after a pause that grows.
"""

import base64
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from infra.local import clock
from infra.local.apis.identity import identity_token
from infra.local.apis.pubsub import messages
from infra.local.apis.pubsub.messages import Received
from infra.local.cloud import Cloud, Record
from infra.local.events.attempt import HERE, posted
from infra.local.events.calls import Answer
from infra.local.events.firing import Firing, note
from infra.local.events.watched import Watched
from infra.local.supervisor.ingress import marked

_TAKEN = (102, 200, 201, 202, 204)
_AT_A_TIME = 16
_LOOK_SECONDS = 0.25
_BACKOFF, _OWN_BACKOFF = (0.1, 60.0), (10.0, 600.0)
"""The least and the longest pause in seconds, without a retry policy and with one that leaves them out."""


def push(cloud: Cloud, watched: Watched, stopped: threading.Event) -> None:
    """Push a subscription's messages until it is stopped."""
    while not stopped.is_set():
        record = cloud.get(watched.type, watched.id)
        found = messages.pulled(cloud, record, _AT_A_TIME) if record else []
        if record is None or not found:
            stopped.wait(_LOOK_SECONDS)
            continue
        answers: list[Answer] = []
        pushing = [threading.Thread(target=_push_one, args=(cloud, record, one, answers), daemon=True) for one in found]
        for thread in pushing:
            thread.start()
        for thread in pushing:
            thread.join()
        at, worst = clock.stamp(cloud), max(answers, key=lambda one: one.status not in _TAKEN)
        note(cloud, watched.id, Firing(watched.name, at, at, max(one.attempts for one in found), *_of(worst)))


def _of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.told


def _push_one(cloud: Cloud, subscription: Record, one: Received, answers: list[Answer]) -> None:
    answer = Answer(500, "the message could not be sent")
    try:
        answer = _sent(cloud, subscription, one)
    finally:
        answers.append(answer)
        if answer.status in _TAKEN:
            messages.acknowledged(cloud, subscription.id, [one.ack])
        else:
            messages.postponed(cloud, subscription.id, [one.ack], _pause(subscription, one.attempts))


def _pause(subscription: Record, attempts: int) -> float:
    policy = subscription.inputs.get("retryPolicy")
    least, longest = _BACKOFF
    if policy:
        least = float(str(policy.get("minimumBackoff") or _OWN_BACKOFF[0]).rstrip("s"))
        longest = float(str(policy.get("maximumBackoff") or _OWN_BACKOFF[1]).rstrip("s"))
    return float(min(least * 2 ** min(attempts - 1, 30), longest))


def _sent(cloud: Cloud, subscription: Record, one: Received) -> Answer:
    config = subscription.inputs["pushConfig"]
    url = str(config["pushEndpoint"])
    if urlsplit(url).hostname not in HERE:
        return Answer(501, f"{urlsplit(url).hostname} is not on this machine, and nothing leaves it")
    headers = {"User-Agent": "CloudPubSub-Google", "Content-Type": "application/json", **marked(cloud, url)}
    if oidc := config.get("oidcToken"):
        token = identity_token(cloud, str(oidc["serviceAccountEmail"]), str(oidc.get("audience") or url))
        headers["Authorization"] = f"Bearer {token}"
    body = _wrapped(subscription, one)
    if bare := config.get("noWrapper"):
        body = one.data
        headers["Content-Type"] = "application/octet-stream"
        if bare.get("writeMetadata"):
            headers |= _metadata(subscription, one)
    return posted("POST", url, headers, body, float(subscription.inputs.get("ackDeadlineSeconds") or 10))


def _time(one: Received) -> str:
    return datetime.fromtimestamp(one.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _wrapped(subscription: Record, one: Received) -> bytes:
    message: dict[str, Any] = {
        "data": base64.b64encode(one.data).decode(),
        "messageId": one.id,
        "message_id": one.id,
        "publishTime": _time(one),
        "publish_time": _time(one),
    }
    if one.attributes:
        message["attributes"] = dict(one.attributes)
    if one.key:
        message["orderingKey"] = one.key
    document: dict[str, Any] = {"message": message, "subscription": subscription.id}
    if subscription.inputs.get("deadLetterPolicy"):
        document["deliveryAttempt"] = one.attempts
    return json.dumps(document).encode()


def _metadata(subscription: Record, one: Received) -> Mapping[str, str]:
    """What a message without a wrapper says of itself in headers; no attribute may end its own."""
    own = {
        "x-goog-pubsub-subscription-name": subscription.id,
        "x-goog-pubsub-message-id": one.id,
        "x-goog-pubsub-publish-time": _time(one),
        **({"x-goog-pubsub-ordering-key": one.key} if one.key else {}),
    }
    named = {key: value for key, value in one.attributes.items() if key.replace("-", "").replace("_", "").isalnum()}
    return {
        key: value.encode("ascii", "replace").decode() for key, value in {**named, **own}.items() if value.isprintable()
    }
