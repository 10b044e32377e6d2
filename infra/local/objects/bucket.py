"""A bucket's settings, in the words of the JSON API, as the program declares them or a client has changed them.

The record of the bucket holds what is true now in its outputs, and what the program asked for in its inputs. A client
changes the outputs; the next `up` reads them, sees the difference and sets things right, as with Google Cloud.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra.local.cloud import Cloud, Record, utc_now
from infra.local.objects.failure import Failure, invalid, no_bucket
from infra.local.objects.lifecycle_rules import Rule, rules

BUCKET = "gcp:storage/bucket:Bucket"
SOFT_DELETE_SECONDS = 604_800
"""How long a deleted object can be had back, where the bucket doesn't say."""
_DUAL = re.compile(r"(NAM|EUR|ASIA)\d+")
_SAME = {
    "labels": "labels",
    "cors": "cors",
    "versioning": "versioning",
    "defaultEventBasedHold": "defaultEventBasedHold",
    "storageClass": "storageClass",
    "website": "website",
    "logging": "logging",
    "encryption": "encryption",
    "autoclass": "autoclass",
    "rpo": "rpo",
}
"""The JSON API's word → the SDK's, where the value is the same too, but for the words inside."""
_INNER = {
    "cors": {"method": "methods", "origin": "origins", "responseHeader": "responseHeaders", "maxAgeSeconds": ""},
    "condition": {
        "matchesPrefix": "matchesPrefixes",
        "matchesSuffix": "matchesSuffixes",
        "matchesStorageClass": "matchesStorageClasses",
    },
}
CHANGEABLE = (
    *_SAME.values(),
    "lifecycleRules",
    "retentionPolicy",
    "softDeletePolicy",
    "requesterPays",
    "uniformBucketLevelAccess",
    "publicAccessPrevention",
)
"""The SDK's words for what a client may change."""


@dataclass(frozen=True)
class Settings:
    """What decides how a bucket's objects are kept. `document` is the whole bucket as the JSON API shows it."""

    name: str
    document: Mapping[str, Any]
    project: str = ""
    versioning: bool = False
    soft_delete_seconds: int = SOFT_DELETE_SECONDS
    retention_seconds: int = 0
    retention_locked: bool = False
    holds_by_default: bool = False
    storage_class: str = "STANDARD"
    uniform_access: bool = True
    object_retention: bool = False
    rules: tuple[Rule, ...] = ()

    @property
    def is_never_public(self) -> bool:
        """Whether a binding of everybody counts for nothing."""
        return bool(self.document["iamConfiguration"]["publicAccessPrevention"] == "enforced")

    @property
    def keeps(self) -> bool:
        """Whether an object that is replaced or deleted is kept for a time."""
        return self.versioning or self.soft_delete_seconds > 0


def settings(cloud: Cloud, name: str) -> Settings:
    """The bucket's settings. Raises Failure where there is no such bucket."""
    changed = cloud.changed(BUCKET, name)
    if changed is None or not cloud.bucket(name).is_dir():
        raise no_bucket()
    key = (str(cloud.root), name)
    known = _read.get(key)
    if known is None or known[0] != changed:
        record = cloud.get(BUCKET, name)
        if record is None:
            raise no_bucket()
        known = _read[key] = changed, of_record(record)
    return known[1]


_read: dict[tuple[str, str], tuple[tuple[int, int], Settings]] = {}
"""A bucket of a cloud → its settings, and of which file of its record they are."""


def own_project(cloud: Cloud) -> str:
    """The project of the stack's resources, for a client that knows none."""
    found = (str(record.outputs.get("project") or "") for record in cloud.all())
    return next((project for project in found if project), "local")


def of_record(record: Record) -> Settings:
    """The settings that a record holds."""
    document = shown(record)
    retention = document.get("retentionPolicy") or {}
    return Settings(
        name=record.id,
        document=document,
        versioning=bool((document.get("versioning") or {}).get("enabled")),
        soft_delete_seconds=int(document["softDeletePolicy"]["retentionDurationSeconds"]),
        retention_seconds=int(retention.get("retentionPeriod") or 0),
        retention_locked=bool(retention.get("isLocked")),
        holds_by_default=bool(document.get("defaultEventBasedHold")),
        storage_class=str(document.get("storageClass") or "STANDARD"),
        uniform_access=bool(document["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"]),
        object_retention="objectRetention" in document,
        project=str(record.outputs.get("project") or ""),
        rules=rules(document),
    )


def shown(record: Record) -> dict[str, Any]:
    """The bucket as the JSON API shows it, without what depends on the address."""
    known = record.outputs
    location = str(known.get("location") or "US").upper()
    is_dual = bool(_DUAL.fullmatch(location) or known.get("customPlacementConfig"))
    soft = known.get("softDeletePolicy") or {}
    seconds = soft.get("retentionDurationSeconds", SOFT_DELETE_SECONDS)
    document: dict[str, Any] = {
        "kind": "storage#bucket",
        "id": record.id,
        "name": record.id,
        "projectNumber": str(known.get("projectNumber") or 0),
        "location": location,
        "locationType": "dual-region" if is_dual else "region" if "-" in location else "multi-region",
        "timeCreated": record.created,
        "updated": record.updated,
        "softDeletePolicy": {"retentionDurationSeconds": str(seconds), "effectiveTime": record.created},
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": known.get("uniformBucketLevelAccess") is True},
            "publicAccessPrevention": known.get("publicAccessPrevention") or "inherited",
        },
    }
    for word, own in _SAME.items():
        if known.get(own) not in (None, {}, []):
            document[word] = _renamed(known[own], {mine: theirs for theirs, mine in _INNER.get(word, {}).items()})
    if known.get("effectiveLabels"):
        document["labels"] = {**known["effectiveLabels"]}
    document.setdefault("storageClass", "STANDARD")
    if document["locationType"] != "region":
        document.setdefault("rpo", "DEFAULT")
    if two := known.get("customPlacementConfig"):
        document["customPlacementConfig"] = two
    if (autoclass := document.get("autoclass")) and autoclass.get("enabled"):
        times = {word: record.updated for word in ("toggleTime", "terminalStorageClassUpdateTime")}
        document["autoclass"] = {"terminalStorageClass": "NEARLINE", **times, **autoclass}
    if lifecycle := known.get("lifecycleRules"):
        document["lifecycle"] = {"rule": [_rule_shown(one) for one in lifecycle]}
    if retention := known.get("retentionPolicy"):
        shown_policy = {"retentionPeriod": str(retention["retentionPeriod"]), "effectiveTime": record.created}
        document["retentionPolicy"] = shown_policy | ({"isLocked": True} if retention.get("isLocked") else {})
    if known.get("requesterPays"):
        document["billing"] = {"requesterPays": True}
    if known.get("enableObjectRetention"):
        document["objectRetention"] = {"mode": "Enabled"}
    if (known.get("hierarchicalNamespace") or {}).get("enabled"):
        document["hierarchicalNamespace"] = {"enabled": True}
    return document


def _rule_shown(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule in the words of the JSON API."""
    words = {own: word for word, own in _INNER["condition"].items()}
    condition: dict[str, Any] = {}  # a number of 0 stands for none, unless the program says that it counts
    for own, value in (rule.get("condition") or {}).items():
        asked = f"send{own[0].upper()}{own[1:]}IfZero"
        if own.startswith("send") or value in (None, "", []) or (value == 0 and not rule["condition"].get(asked)):
            continue
        if own == "withState":
            condition |= {} if value == "ANY" else {"isLive": value == "LIVE"}
        else:
            condition[words.get(own, own)] = value
    return {"action": dict(rule["action"]), "condition": condition}


def _rule_declared(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A lifecycle rule in the words of the SDK."""
    condition = {}
    for word, value in (rule.get("condition") or {}).items():
        if word == "isLive":
            condition["withState"] = "LIVE" if value else "ARCHIVED"
        else:
            condition[_INNER["condition"].get(word, word)] = value
    return {"action": dict(rule["action"]), "condition": condition}


def _renamed(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, words) for one in value]
    if isinstance(value, Mapping):
        return {words.get(key) or key: one for key, one in value.items() if one is not None}
    return value


def declared(document: Mapping[str, Any]) -> dict[str, Any]:
    """A bucket, or changes of one, in the words of the SDK; None for what a client takes away. Raises Failure."""
    found: dict[str, Any] = {}
    for word, own in _SAME.items():
        if word in document:
            found[own] = _renamed(document[word], _INNER.get(word, {}))
    try:
        if "lifecycle" in document:
            asked = (document["lifecycle"] or {}).get("rule") or []
            rules({"lifecycle": {"rule": asked}})
            found["lifecycleRules"] = [_rule_declared(one) for one in asked] or None
        if "retentionPolicy" in document:
            found["retentionPolicy"] = _period(document["retentionPolicy"])
        if "softDeletePolicy" in document:
            seconds = int((document["softDeletePolicy"] or {}).get("retentionDurationSeconds", SOFT_DELETE_SECONDS))
            if seconds and not SOFT_DELETE_SECONDS <= seconds <= 90 * 86_400:
                raise invalid("Soft delete policies must be set to 0, or between 7 and 90 days.")
            found["softDeletePolicy"] = {"retentionDurationSeconds": seconds}
        if "billing" in document:
            found["requesterPays"] = bool((document["billing"] or {}).get("requesterPays"))
        access = document.get("iamConfiguration") or {}
        if "uniformBucketLevelAccess" in access:
            found["uniformBucketLevelAccess"] = bool(access["uniformBucketLevelAccess"].get("enabled"))
        if "publicAccessPrevention" in access:
            found["publicAccessPrevention"] = access["publicAccessPrevention"]
    except (TypeError, ValueError, KeyError, AttributeError) as problem:
        raise invalid(f"Invalid bucket: {problem}") from None
    return found


def _period(policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    seconds = int((policy or {}).get("retentionPeriod") or 0)
    if not 0 <= seconds <= 3_155_760_000:
        raise invalid("The retention period has to be between one second and a hundred years.")
    return {"retentionPeriod": str(seconds), "isLocked": False} if seconds else None


def change(cloud: Cloud, name: str, changes: Mapping[str, Any], *, lock: bool = False) -> None:
    """Change what is true of a bucket. Raises Failure for what a locked retention policy forbids."""
    record = cloud.get(BUCKET, name)
    if record is None:
        raise no_bucket()
    before = record.outputs.get("retentionPolicy") or {}
    if before.get("isLocked") and "retentionPolicy" in changes:
        after = changes["retentionPolicy"] or {}
        if int(after.get("retentionPeriod") or 0) < int(before["retentionPeriod"]):
            raise Failure(403, "forbidden", f"Cannot reduce retention duration of a locked Retention Policy for {name}")
        changes = {**changes, "retentionPolicy": {**after, "isLocked": True}}
    if lock:
        if not before:
            raise invalid(f"Bucket {name!r} has no retention policy that could be locked.")
        changes = {**changes, "retentionPolicy": {**before, "isLocked": True}}
    outputs = {**record.outputs, **changes}
    if "labels" in changes:
        outputs["effectiveLabels"] = changes["labels"] or {}
    outputs = {key: value for key, value in outputs.items() if value is not None}
    cloud.put(replace(record, outputs=outputs, updated=utc_now()))


def drifted(inputs: Mapping[str, Any], outputs: Mapping[str, Any], names: Iterable[str] = CHANGEABLE) -> dict[str, Any]:
    """What a client has changed: the SDK's word → its value now."""
    return {
        name: outputs.get(name)
        for name in names
        if name in inputs and name in outputs and not _equal(inputs[name], outputs[name])
    } | {
        name: outputs[name] for name in ("lifecycleRules", "retentionPolicy") if name in outputs and name not in inputs
    }


def _equal(one: Any, other: Any) -> bool:
    """Whether two values say the same: a number may be a text in one of them."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_equal(one[key], other.get(key)) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other or str(one) == str(other)
