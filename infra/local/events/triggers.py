"""Eventarc: what an object's arrival starts, and with whose rights."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from infra.local import clock, iam
from infra.local.apis.callers import Caller, Denied, Unauthenticated
from infra.local.apis.identity import identity_token
from infra.local.cloud import Cloud
from infra.local.events.attempt import posted
from infra.local.events.calls import Manner, NotFound, execute, workflow_named
from infra.local.events.watched import FINALIZED, TRIGGER, Watched, bucket_of
from infra.local.jobs import JobError
from infra.local.objects.failure import Failure
from infra.local.objects.shown import GOOGLE, object_shown
from infra.local.objects.store import Store
from infra.local.supervisor import client
from infra.local.supervisor.ingress import marked

# cloud.google.com/eventarc/docs/retry-events: what an event's receiver does not take is sent again for a day.
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST = timedelta(seconds=10), timedelta(minutes=10), timedelta(days=1)
_ANSWER_SECONDS = 600.0
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What of an attribute stands in a header as it is."""

Event = Mapping[str, Any]


def event_of(cloud: Cloud, bucket: str, name: str) -> dict[str, Any]:
    """The CloudEvent of an object that has landed in a bucket. Raises OSError for one that is gone."""
    try:
        store = Store(cloud, bucket)
        data = object_shown(GOOGLE, store.settings, store.version(name))
    except Failure as failure:
        raise FileNotFoundError(failure.message) from None
    return {
        "id": str(uuid4()),
        "source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "specversion": "1.0",
        "type": FINALIZED,
        "subject": f"objects/{name}",
        "bucket": bucket,
        "time": clock.stamp(cloud),
        "datacontenttype": "application/json",
        "data": data,
    }


def triggers_of(cloud: Cloud, bucket: str) -> Iterator[Watched]:
    """The triggers that wait for objects of a bucket."""
    for record in cloud.all(TRIGGER):
        if bucket_of(record.inputs) == bucket:
            yield Watched(record.type, record.id, str(record.outputs.get("project")), record.inputs)


def deliver(cloud: Cloud, trigger: Watched, event: Event, manner: Manner) -> str:
    """Take an event to where the trigger sends it; what happened, in a line. Raises JobError where the way is broken: a
    receiver that is not there, or that fails, or an account that may not.
    """
    account, project = str(trigger.inputs.get("serviceAccount") or ""), f"project:{trigger.project}"
    destination = trigger.inputs["destination"]
    try:
        Caller(cloud, account).require(iam.EVENT_RECEIVE, trigger.id, project)
        if named := destination.get("workflow"):
            workflow = workflow_named(cloud, str(named))
            Caller(cloud, account).require(iam.WORKFLOW_EXECUTE, workflow.id, project)
            execute(cloud, workflow, {**event}, manner)
            return f"executed workflow {workflow.id.rpartition('/')[2]}"
        if service := destination.get("cloudRunService"):
            return _to_service(cloud, trigger, service, event, waits=manner.waits)
    except (NotFound, Denied, Unauthenticated) as problem:
        raise JobError(f"Eventarc trigger {trigger.id}: {problem}") from None
    return "its receiver is declared only: this machine has none of its kind"


def _to_service(cloud: Cloud, trigger: Watched, service: Mapping[str, Any], event: Event, *, waits: bool) -> str:
    """Send the event until the service takes it, for a day of the stack's clock at most."""
    account = str(trigger.inputs.get("serviceAccount") or "")
    name = str(service["service"]).rpartition("/")[2]
    services = client.request(cloud, {"do": "status"})["services"]
    found = next((one for one in services if one["name"] == name), None)
    if found is None:
        raise NotFound(f"the service {name} was not found")
    url = f"{found['url']}{service.get('path') or '/'}"
    begun, pause = clock.now(cloud), _FIRST_PAUSE
    while True:
        token = identity_token(cloud, account, str(found["url"]))
        answer = posted(
            "POST",
            url,
            {**_headers(event), **marked(cloud, url), "Authorization": f"Bearer {token}"},
            _body(event),
            _ANSWER_SECONDS,
        )
        if 200 <= answer.status < 300:
            return answer.told
        if not waits or clock.now(cloud) - begun > _LONGEST:
            raise JobError(f"Eventarc trigger {trigger.id}: {answer.told}")
        clock.wait_until(cloud, clock.now(cloud) + pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _headers(event: Event) -> dict[str, str]:
    """The event's attributes as the HTTP binding of CloudEvents has them, in its binary mode."""
    plain = {name: str(value) for name, value in event.items() if name not in ("data", "datacontenttype")}
    coded = {f"ce-{name}": quote(value, safe=_PLAIN) for name, value in plain.items()}
    return {**coded, "Content-Type": "application/json"}


def _body(event: Event) -> bytes:
    return json.dumps(event["data"]).encode()
