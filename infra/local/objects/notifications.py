"""Which changes of a bucket's objects Pub/Sub is told of: https://cloud.google.com/storage/docs/pubsub-notifications

What is to be told comes to the disk with the change itself, or not at all; `infra.local.events.notifications` publishes
it afterwards.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud, Record

NOTIFICATION = "gcp:storage/notification:Notification"
FINALIZED, CHANGED, DELETED, ARCHIVED = "OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE"
_EVERY = frozenset({FINALIZED, CHANGED, DELETED, ARCHIVED})
_HOST = "//pubsub.googleapis.com/"
_SETTLED_SECONDS = 0.1
"""The least age of a change that no other can share its time with."""


@dataclass(frozen=True)
class Notification:
    """What is told, and to which topic (its full name)."""

    id: str
    bucket: str
    topic: str
    events: frozenset[str]
    prefix: str
    in_json: bool
    attributes: dict[str, str]


def declared(cloud: Cloud) -> list[Record]:
    """The notifications of all buckets, each with a number at the end of its id."""
    return [one for one in cloud.all(NOTIFICATION) if one.id.rpartition("/")[2].isdigit()]


def full_topic(named: str, project: str = "") -> str:
    """The full name of a notification's topic, which may be given with the interface's host, or as its last part."""
    named = named.removeprefix(_HOST)
    return named if "/" in named else f"projects/{project}/topics/{named}"


def notifications(cloud: Cloud, bucket: str) -> list[Notification]:
    """What a bucket's changes are told to; read again only where a record has come, changed or gone since."""
    folder = cloud.root / "resources"
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return []
    known = _read.get(folder)
    if known is None or known[0] != changed:
        known = changed, [_of(record) for record in declared(cloud)]
        if time.time() - changed / 1e9 > _SETTLED_SECONDS:
            _read[folder] = known
    return [one for one in known[1] if one.bucket == bucket]


_read: dict[Path, tuple[int, list[Notification]]] = {}


def _of(record: Record) -> Notification:
    given = record.inputs
    return Notification(
        id=record.id,
        bucket=str(given["bucket"]),
        topic=full_topic(str(record.outputs["topic"])),
        events=frozenset(given.get("eventTypes") or _EVERY),
        prefix=str(given.get("objectNamePrefix") or ""),
        in_json=given.get("payloadFormat") == "JSON_API_V1",
        attributes={str(key): str(value) for key, value in (given.get("customAttributes") or {}).items()},
    )


@dataclass(frozen=True)
class Notice:
    """A message about a change, to be published."""

    topic: str
    attributes: str
    """As a JSON document."""
    data: bytes


def notices(wanted: list[Notification], event: str, shown: dict[str, Any], at: str, other: int = 0) -> list[Notice]:
    """What is to be told of a change. `shown` is the object's resource, `other` the generation that it has replaced or
    that has replaced it.
    """
    found = []
    for one in wanted:
        if event not in one.events or not shown["name"].startswith(one.prefix):
            continue
        attributes = {
            **one.attributes,
            "notificationConfig": f"projects/_/buckets/{one.id}",
            "eventType": event,
            "payloadFormat": "JSON_API_V1" if one.in_json else "NONE",
            "bucketId": one.bucket,
            "objectId": shown["name"],
            "objectGeneration": shown["generation"],
            "eventTime": at,
        }
        if other:
            attributes["overwroteGeneration" if event == FINALIZED else "overwrittenByGeneration"] = str(other)
        data = json.dumps(shown, indent=2, ensure_ascii=False).encode(errors="replace") if one.in_json else b""
        found.append(Notice(one.topic, json.dumps(attributes), data))
    return found
