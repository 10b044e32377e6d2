"""Cloud Storage: a bucket is a folder, an object a file in it; `infra/local/objects/` keeps what a file can't."""

import base64
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.events import notifications
from infra.local.events.watched import standing, unwatch
from infra.local.objects.bucket import BUCKET, CHANGEABLE, drifted
from infra.local.objects.failure import Failure
from infra.local.objects.index import Version
from infra.local.objects.listing import every_version, live_names
from infra.local.objects.names import is_name
from infra.local.objects.notifications import NOTIFICATION
from infra.local.objects.retention import require_free
from infra.local.objects.staging import staged
from infra.local.objects.store import Store, remove_bucket
from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found
from infra.local.provider.values import Asset
from orderguard.private_files import make_private_folder

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL")


def bucket_is_possible(inputs: Inputs) -> Iterator[Problem]:
    """What Google Cloud says of a bucket's name, storage class and protection."""
    for where, name in found(inputs, "name"):
        if not _BUCKET_NAME.fullmatch(name) or ".." in name or (len(name) > 63 and "." not in name):
            yield where, f"googleapi: Error 400: Invalid bucket name: '{name}', invalid"
        elif name.startswith("goog") or "google" in name:
            yield (
                where,
                (
                    f"googleapi: Error 400: Invalid bucket name: '{name}' (names can't begin with goog or hold google),"
                    " invalid"
                ),
            )
    for where, storage_class in found(inputs, "storageClass"):
        if storage_class not in _STORAGE_CLASSES:
            yield where, f"googleapi: Error 400: Invalid argument: storage class {storage_class}., invalid"
    for where, prevention in found(inputs, "publicAccessPrevention"):
        if prevention not in ("enforced", "inherited"):
            yield where, f"googleapi: Error 400: Invalid value for publicAccessPrevention: {prevention}, invalid"


def _object_name(inputs: Inputs) -> Iterator[Problem]:
    for where, name in found(inputs, "name"):
        if not is_name(name):
            yield where, f"googleapi: Error 400: Invalid object name: {name!r}., invalid"


def _bucket_outputs(inputs: Inputs, place: Place) -> Values:
    name = inputs["name"]
    return {
        "url": f"gs://{name}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{name}",
        "projectNumber": int(place.number),
        "location": str(inputs["location"]).upper(),
    }


def _make_bucket(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    make_private_folder(cloud.bucket(place.id))
    return {}


def _change_bucket(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """Change what a locked retention policy lets be changed."""
    make_private_folder(cloud.bucket(place.id))
    with _refused():
        store = Store(cloud, place.id)
        before, after = store.settings, inputs.get("retentionPolicy") or {}
        if before.retention_locked and int(after.get("retentionPeriod") or 0) < before.retention_seconds:
            message = f"Cannot reduce retention duration of a locked Retention Policy for bucket '{place.id}'"
            raise Failure(403, "forbidden", message)
        store.note_change()
    return {}


def _remove_bucket(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    if not cloud.bucket(place.id).is_dir() or cloud.get(BUCKET, place.id) is None:
        return remove_bucket(cloud, place.id)
    with _refused():
        store = Store(cloud, place.id)
        is_empty = next(live_names(store), None) is None and store.index.is_empty()
        if not is_empty and not old.get("forceDestroy"):
            raise Refused(
                f"Error trying to delete bucket {place.id} containing objects without `force_destroy` set to true"
            )
        for version in every_version(store):
            require_free(store.settings, version.name, version.document, clock.now(cloud), stays=False)
    remove_bucket(cloud, place.id)


def _read_bucket(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    """What a client of the API has changed is told, so that the program's own settings come back."""
    return drifted(inputs, outputs) if cloud.bucket(place.id).is_dir() else None


@contextmanager
def _refused() -> Iterator[None]:
    """Tell the engine of a failure as the real provider would."""
    try:
        yield
    except Failure as failure:
        raise Refused(f"googleapi: Error {failure.status}: {failure.message}, {failure.reason}") from None


def _content(inputs: Inputs) -> bytes:
    return str(inputs["content"]).encode() if "content" in inputs else _bytes_of(inputs["source"])


def _bytes_of(source: Any) -> bytes:
    """An asset's content; an archive that is not a file yet is packed. Raises Refused and OSError."""
    if isinstance(source, str):
        return Path(source).read_bytes()
    fields = source.fields if isinstance(source, Asset) else {}
    if isinstance(fields.get("assets"), Mapping):
        return _packed(dict(_files_of(fields["assets"], "")))
    if path := fields.get("path"):
        whole = Path(str(path))
        return _packed(dict(_files_in(whole))) if whole.is_dir() else whole.read_bytes()
    if "text" in fields:
        return str(fields["text"]).encode()
    raise Refused("the local cloud reaches no address: give the object a file, a folder, a text or an archive of these")


def _files_of(assets: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, bytes]]:
    for name, one in assets.items():
        fields = one.fields if isinstance(one, Asset) else {}
        if isinstance(fields.get("assets"), Mapping):
            yield from _files_of(fields["assets"], f"{prefix}{name}/")
        elif Path(str(fields.get("path") or "")).is_dir() and fields.get("path"):
            yield from ((f"{prefix}{name}/{inner}", data) for inner, data in _files_in(Path(str(fields["path"]))))
        else:
            yield prefix + name, _bytes_of(one)


def _files_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def _packed(files: Mapping[str, bytes]) -> bytes:
    """A zip archive whose bytes depend on the files alone."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _put_object(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    bucket, name = str(inputs["bucket"]), str(inputs["name"])
    with _refused():
        store = Store(cloud, bucket)
        try:
            data = _content(inputs)
        except OSError as problem:
            raise Refused(f"Error uploading object {name}: {problem.strerror}: {problem.filename}") from None
        fields = {word: inputs[word] for word in _FIELDS if inputs.get(word) is not None}
        version = store.put(name, staged(store.staging, [data]), fields)
    return {**_sums_of(version), "generation": version.generation}


_FIELDS = (
    *("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType"),
    *("eventBasedHold", "metadata", "storageClass", "temporaryHold"),
)
"""What the program and the API call by the same name."""


def _sums_of(version: Version) -> Values:
    document = version.document
    digest = str(document.get("md5Hash") or "")
    return {"md5hash": digest, "md5hexhash": base64.b64decode(digest).hex(), "crc32c": document["crc32c"]}


def _remove_object(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    with _refused():
        try:
            Store(cloud, str(old["bucket"])).delete(str(old["name"]))
        except Failure as failure:
            if failure.status != 404:
                raise


def _read_object(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    """A changed file is not the object that the state knows: it is made again."""
    try:
        version = Store(cloud, str(outputs["bucket"])).live(str(outputs["name"]))
    except Failure:
        return None
    return {} if version and _sums_of(version)["md5hexhash"] == outputs.get("md5hexhash") else None


def _object_outputs(inputs: Inputs, place: Place) -> Values:
    bucket, name = inputs["bucket"], inputs["name"]
    link = f"https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}"
    return {
        "outputName": name,
        "selfLink": link,
        "mediaLink": f"{link.replace('/storage/', '/download/storage/')}?alt=media",
    }


def _declared(identity: str, **rest: Any) -> Resource:
    return Resource(id=identity, kind="declared", **rest)


RESOURCES = {
    BUCKET: Resource(
        id="{name}",
        kind="real",
        refuses=(bucket_is_possible,),
        outputs=_bucket_outputs,
        planned=("url",),
        create=_make_bucket,
        update=_change_bucket,
        delete=_remove_bucket,
        read=_read_bucket,
        moved=CHANGEABLE,
    ),
    "gcp:storage/bucketObject:BucketObject": Resource(
        id="{bucket}-{name}",
        kind="real",
        refuses=(_object_name,),
        outputs=_object_outputs,
        volatile=("crc32c", "generation", "md5hash", "md5hexhash"),
        create=_put_object,
        delete=_remove_object,
        read=_read_object,
    ),
    **triple("gcp:storage/bucketIAM", "b/{bucket}"),
    NOTIFICATION: Resource(
        id="{bucket}/notificationConfigs/{next}",
        kind="real",
        identify=notifications.number,
        outputs=notifications.outputs,
        recorded=lambda inputs, place: {},
        create=notifications.declare,
        delete=unwatch,
        read=standing,
    ),
    "gcp:storage/bucketACL:BucketACL": _declared("{bucket}-acl"),
    "gcp:storage/bucketAccessControl:BucketAccessControl": _declared("{bucket}/{entity}"),
    "gcp:storage/defaultObjectACL:DefaultObjectACL": _declared("{bucket}-acl"),
    "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl": _declared("{bucket}/{entity}"),
    "gcp:storage/objectACL:ObjectACL": _declared("{bucket}-{object}-acl"),
}
