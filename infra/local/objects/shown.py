"""Buckets and objects as the JSON API shows them, and which fields of an object a client may set."""

import base64
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from infra.local.objects.bucket import Settings
from infra.local.objects.failure import invalid
from infra.local.objects.index import Version
from infra.local.objects.retention import expires, stamp
from infra.local.objects.staging import Content

GOOGLE = "https://www.googleapis.com"
"""The address of the API, where nobody asks by another."""
_TEXTS = ("contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl")
_HOLDS = ("temporaryHold", "eventBasedHold")
SETTABLE = (*_TEXTS, "metadata", "customTime", *_HOLDS, "retention", "storageClass", "kmsKeyName")
"""What a client may say of a new object."""
_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY")
_MOST_METADATA = 8192
"""Bytes of an object's own metadata."""


def etag(version: Version) -> str:
    """One for each generation and metageneration."""
    return base64.b64encode(struct.pack(">QI", version.generation, version.metageneration)).decode()


def object_shown(base: str, settings: Settings, version: Version) -> dict[str, Any]:
    """An object's resource."""
    link = f"{base}/storage/v1/b/{settings.name}/o/{quote(version.name, safe='')}"
    media = f"{base}/download/storage/v1/b/{settings.name}/o/{quote(version.name, safe='')}"
    document = {key: value for key, value in version.document.items() if key != "holdReleased"}
    document.setdefault("timeFinalized", document["timeCreated"])
    if until := expires(settings, document | {"holdReleased": version.document.get("holdReleased")}):
        if not document.get("eventBasedHold"):
            document["retentionExpirationTime"] = stamp(until)
    return {
        "kind": "storage#object",
        "id": f"{settings.name}/{version.name}/{version.generation}",
        "selfLink": link,
        "mediaLink": f"{media}?generation={version.generation}&alt=media",
        "name": version.name,
        "bucket": settings.name,
        **document,
        "generation": str(version.generation),
        "metageneration": str(version.metageneration),
        "size": str(version.size),
        "etag": etag(version),
    }


def first_document(settings: Settings, content: Content, given: Mapping[str, Any], born: str) -> dict[str, Any]:
    """The metadata of a new object."""
    document: dict[str, Any] = {
        "metageneration": 1,
        "timeCreated": born,
        "updated": born,
        "timeStorageClassUpdated": born,
        "crc32c": content.crc32c,
        "storageClass": settings.storage_class,
        **given,
    }
    if content.md5:
        document["md5Hash"] = content.md5
    if settings.holds_by_default and "eventBasedHold" not in document:
        document["eventBasedHold"] = True
    return document


def bucket_shown(base: str, settings: Settings, metageneration: int) -> dict[str, Any]:
    """A bucket's resource."""
    tag = base64.b64encode(struct.pack(">I", metageneration)).decode()
    link = f"{base}/storage/v1/b/{settings.name}"
    made = datetime.fromisoformat(str(settings.document["timeCreated"]))
    counted = {"generation": str(int(made.timestamp() * 1e6)), "metageneration": str(metageneration), "etag": tag}
    return {**settings.document, "selfLink": link, **counted}


def fields(settings: Settings, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a client says of a new object, checked. Raises Failure."""
    found = {word: asked[word] for word in SETTABLE if asked.get(word) not in (None, "")}
    for word in _TEXTS:
        if word in found and not isinstance(found[word], str):
            raise invalid(f"Invalid value for {word}: it has to be a text.")
    for word in _HOLDS:
        if word in found:
            found[word] = found[word] is True or str(found[word]).lower() == "true"
    if "storageClass" in found and found["storageClass"] not in _CLASSES:
        raise invalid(f"Invalid argument: storage class {str(found['storageClass'])[:40]}.")
    if "metadata" in found:
        found["metadata"] = _metadata(found["metadata"])
    if "customTime" in found:
        found["customTime"] = _time("customTime", found["customTime"])
    if "retention" in found:
        found["retention"] = retention(settings, found["retention"])
    return found


def _metadata(asked: Any) -> dict[str, str]:
    if not isinstance(asked, dict):
        raise invalid("Invalid value for metadata: it has to be an object of texts.")
    found = {str(key): str(value) for key, value in asked.items() if value is not None}
    if sum(len(key.encode()) + len(value.encode()) for key, value in found.items()) > _MOST_METADATA:
        raise invalid(f"Metadata part is too large: at most {_MOST_METADATA} bytes.")
    return found


def _time(word: str, asked: Any) -> str:
    try:
        moment = datetime.fromisoformat(str(asked))
        return stamp(moment if moment.tzinfo else datetime.fromisoformat(f"{asked}Z"))
    except (ValueError, OverflowError):
        raise invalid(f"Invalid value for {word}: {str(asked)[:40]!r} is no RFC 3339 time.") from None


def retention(settings: Settings, asked: Any) -> dict[str, str] | None:
    """An object's own retention. Raises Failure where the bucket was not made for that."""
    if not asked or not asked.get("mode"):
        return None
    if not settings.object_retention:
        raise invalid("Object retention is not enabled for this bucket.")
    if asked["mode"] not in ("Unlocked", "Locked") or not asked.get("retainUntilTime"):
        raise invalid("An object's retention needs mode (Unlocked or Locked) and retainUntilTime.")
    return {"mode": asked["mode"], "retainUntilTime": _time("retainUntilTime", asked["retainUntilTime"])}


def change(settings: Settings, document: dict[str, Any], asked: Mapping[str, Any], *, whole: bool, now: str) -> None:
    """Change an object's metadata in place; `whole` is for an update, which takes away what isn't given. Raises
    Failure.
    """
    changed = dict(asked)
    if whole:
        changed = {**{word: None for word in (*_TEXTS, "metadata")}, **changed}
    if isinstance(changed.get("metadata"), dict) and not whole:
        changed["metadata"] = {**document.get("metadata", {}), **changed["metadata"]}
    given = {word: value for word, value in changed.items() if word in SETTABLE and word != "storageClass"}
    checked = fields(settings, given)
    if "customTime" in document and checked.get("customTime", document["customTime"]) < document["customTime"]:
        raise invalid("The customTime of an object can't be made earlier.")
    if document.get("eventBasedHold") and "eventBasedHold" in checked and not checked["eventBasedHold"]:
        document["holdReleased"] = now
    for word in given:
        if checked.get(word) or word in _HOLDS and word in checked:
            document[word] = checked[word]
        elif word != "customTime":
            document.pop(word, None)
