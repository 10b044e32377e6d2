"""Cloud Storage: a bucket is a folder, an object a file in it."""

import base64
import hashlib
import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.files import write_whole
from infra.local.provider.access import triple
from infra.local.provider.outputs import crc32c
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found
from infra.local.provider.values import Asset
from orderguard.private_files import make_private_folder

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL")
_LONGEST_NAME = 1024
"""Bytes of an object's name."""
_LONGEST_PART = 255
"""Bytes of a file's name."""


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
        if not 0 < len(name.encode()) <= _LONGEST_NAME or "\r" in name or "\n" in name or name in (".", ".."):
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


def _remove_bucket(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    folder = cloud.bucket(place.id)
    if folder.exists() and any(path.is_file() for path in folder.rglob("*")) and not old.get("forceDestroy"):
        raise Refused(
            f"Error trying to delete bucket {place.id} containing objects without `force_destroy` set to true"
        )
    shutil.rmtree(folder, ignore_errors=True)


def _read_bucket(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    return {} if cloud.bucket(place.id).is_dir() else None


def _name_of_file(inputs: Inputs) -> Iterator[Problem]:
    for where, name in found(inputs, "name"):
        if not _path_of(name):
            yield where, _NO_FILE.format(name=name)


_NO_FILE = (
    "the local cloud keeps objects as files, and the name {name!r} can't be a file's path below its bucket's folder"
)


def _path_of(name: str) -> list[str]:
    """The parts of an object's path; none for a name that no file can have."""
    parts = name.removesuffix("/").split("/")
    impossible = {"", ".", ".."} & set(parts) or "\0" in name
    return [] if impossible or any(len(part.encode()) > _LONGEST_PART for part in parts) else parts


def object_path(cloud: Cloud, bucket: str, name: str) -> Path:
    """Where an object lies. Raises Refused for names that no file below the bucket's folder can have."""
    parts = _path_of(name)
    if not parts:
        raise Refused(_NO_FILE.format(name=name))
    return cloud.bucket(bucket).joinpath(*parts)


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
    path = object_path(cloud, bucket, name)
    try:
        if name.endswith("/"):  # a folder, as tools that list objects make one
            make_private_folder(path)
        else:
            write_whole(path, data)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Refused(
            f"the local cloud keeps objects as files: {name!r} can't be one beside an object whose name is a part of it"
        ) from None
    return {**_facts_of(data), "generation": time.time_ns() // 1000}


def _remove_object(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    path, folder = object_path(cloud, str(old["bucket"]), str(old["name"])), cloud.bucket(str(old["bucket"]))
    if path.is_dir():
        if not any(path.iterdir()):
            path.rmdir()
    else:
        path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == folder or not parent.exists() or any(parent.iterdir()):
            break
        parent.rmdir()


def _read_object(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    path = object_path(cloud, str(outputs["bucket"]), str(outputs["name"]))
    if str(outputs["name"]).endswith("/"):
        return {} if path.is_dir() else None
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
        limits=(_name_of_file,),
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
