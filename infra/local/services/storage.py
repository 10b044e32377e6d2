"""Cloud Storage: a bucket is a folder, an object a file in it."""

import base64
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.files import write_whole
from infra.local.provider.access import triple
from infra.local.provider.outputs import crc32c
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, exactly_one, found
from infra.local.provider.values import Asset
from orderguard.private_files import make_private_folder

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL")
_LABEL_KEY = re.compile(r"[\w-]{1,63}")


def _label_keys(inputs: Inputs) -> Iterator[Problem]:
    for where, labels in found(inputs, "labels"):
        for key in labels:
            if not _LABEL_KEY.fullmatch(key) or key != key.lower():
                yield (
                    where,
                    (
                        f'"{key}" is an invalid label key. See'
                        " https://cloud.google.com/storage/docs/tags-and-labels#bucket-labels"
                    ),
                )


def _bucket_is_possible(inputs: Inputs) -> Iterator[Problem]:
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
        if name.startswith(("/", "./")) or name.endswith("/") or ".." in name.split("/") or "\0" in name:
            yield where, f"the object name {name!r} can't be a file's path below its bucket's folder"


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


def _remove_bucket(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    folder = cloud.bucket(place.id)
    if folder.exists() and any(path.is_file() for path in folder.rglob("*")) and not old.get("forceDestroy"):
        raise Refused(
            f"Error trying to delete bucket {place.id} containing objects without `force_destroy` set to true"
        )
    shutil.rmtree(folder, ignore_errors=True)


def _read_bucket(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    return {} if cloud.bucket(place.id).is_dir() else None


def object_path(cloud: Cloud, bucket: str, name: str) -> Path:
    """Where an object lies; raises Refused for names that would leave the bucket's folder."""
    folder = cloud.bucket(bucket)
    path = Path(os.path.normpath(folder / name))
    if folder not in path.parents:
        raise Refused(f"the object name {name!r} can't be a file's path below its bucket's folder")
    return path


def _content(inputs: Inputs) -> bytes:
    if "content" in inputs:
        return str(inputs["content"]).encode()
    source = inputs["source"]
    if isinstance(source, Asset):
        if path := source.fields.get("path"):
            return Path(str(path)).read_bytes()
        if "text" in source.fields:
            return str(source.fields["text"]).encode()
    raise Refused("the local cloud takes objects from a file or a text, not from an archive or an address")


def _facts_of(data: bytes) -> Values:
    digest = hashlib.md5(data, usedforsecurity=False)
    return {
        "md5hash": base64.b64encode(digest.digest()).decode(),
        "md5hexhash": digest.hexdigest(),
        "crc32c": crc32c(data),
    }


def _put_object(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    bucket, name = str(inputs["bucket"]), str(inputs["name"])
    if not cloud.bucket(bucket).is_dir():
        raise Refused("googleapi: Error 404: The specified bucket does not exist., notFound")
    try:
        data = _content(inputs)
    except OSError as problem:
        raise Refused(f"Error uploading object {name}: {problem.strerror}: {problem.filename}") from None
    write_whole(object_path(cloud, bucket, name), data)
    return {**_facts_of(data), "generation": time.time_ns() // 1000}


def _remove_object(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    path, folder = object_path(cloud, str(old["bucket"]), str(old["name"])), cloud.bucket(str(old["bucket"]))
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.exists() or any(parent.iterdir()):
            break
        parent.rmdir()


def _read_object(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    path = object_path(cloud, str(outputs["bucket"]), str(outputs["name"]))
    if not path.is_file():
        return None
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    # A changed file is not the object that the state knows: it is made again.
    return {} if digest == outputs.get("md5hexhash") else None


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
    "gcp:storage/bucket:Bucket": Resource(
        id="{name}",
        kind="real",
        name="name",
        defaults={"storageClass": "STANDARD"},
        rules=(_label_keys,),
        refuses=(_bucket_is_possible,),
        outputs=_bucket_outputs,
        planned=("url",),
        create=_make_bucket,
        delete=_remove_bucket,
        read=_read_bucket,
    ),
    "gcp:storage/bucketObject:BucketObject": Resource(
        id="{bucket}-{name}",
        kind="real",
        name="name",
        name_limit=255,
        defaults={"detectMd5hash": "different hash"},
        rules=(exactly_one("content", "source"),),
        refuses=(_object_name,),
        outputs=_object_outputs,
        volatile=("crc32c", "generation", "md5hash", "md5hexhash"),
        create=_put_object,
        delete=_remove_object,
        read=_read_object,
    ),
    **triple("gcp:storage/bucketIAM", "b/{bucket}"),
    "gcp:storage/notification:Notification": _declared("{bucket}/notificationConfigs/{topic}"),
    "gcp:storage/bucketACL:BucketACL": _declared("{bucket}-acl"),
    "gcp:storage/bucketAccessControl:BucketAccessControl": _declared("{bucket}/{entity}"),
    "gcp:storage/defaultObjectACL:DefaultObjectACL": _declared("{bucket}-acl"),
    "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl": _declared("{bucket}/{entity}"),
    "gcp:storage/objectACL:ObjectACL": _declared("{bucket}-{object}-acl"),
}
