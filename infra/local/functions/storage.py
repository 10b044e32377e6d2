"""Buckets, objects and secrets: read from this machine's folders and sealed records."""

import base64
import hashlib

from infra.local.cloud import Cloud, Values
from infra.local.functions import secrets_beside
from infra.local.functions.asked import Asked, Function
from infra.local.objects.failure import Failure
from infra.local.objects.listing import live_names
from infra.local.objects.store import Store
from infra.local.provider.resource import Refused
from infra.local.services.secretmanager import SECRET, VERSION, value, versions

_BUCKET = "gcp:storage/bucket:Bucket"
_OBJECT = "gcp:storage/bucketObject:BucketObject"


def _bucket(asked: Asked) -> Values:
    name = str(asked.arguments.get("name"))
    record = asked.record(_BUCKET, name=name)
    if record is None:
        raise Refused("googleapi: Error 404: The specified bucket does not exist., notFound")
    return {**record.outputs, "id": name}


def _object(asked: Asked) -> Values:
    bucket, name = str(asked.arguments.get("bucket")), str(asked.arguments.get("name"))
    try:
        document = Store(asked.cloud, bucket).version(name).document
    except Failure:
        raise Refused(f"googleapi: Error 404: No such object: {bucket}/{name}, notFound") from None
    record = asked.record(_OBJECT, bucket=bucket, name=name)
    digest = str(document.get("md5Hash") or "")
    return {
        "storageClass": document["storageClass"],
        **({key: one for key, one in record.outputs.items() if key != "content"} if record else {}),
        "id": f"{bucket}-{name}",
        "bucket": bucket,
        "name": name,
        "outputName": name,
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{bucket}/o/{name}",
        "md5hash": digest,
        "md5hexhash": base64.b64decode(digest).hex(),
        "crc32c": document["crc32c"],
    }


def _content(asked: Asked) -> Values:
    known = _object(asked)
    _, file = Store(asked.cloud, known["bucket"]).opened(known["name"])
    with file:
        data = file.read()
    digest = hashlib.sha512(data)
    return {
        **known,
        "content": data.decode(errors="replace"),
        "contentBase64": base64.b64encode(data).decode(),
        "contentBase64sha512": base64.b64encode(digest.digest()).decode(),
        "contentHexsha512": digest.hexdigest(),
    }


def _objects(asked: Asked) -> Values:
    bucket, prefix = str(asked.arguments.get("bucket")), str(asked.arguments.get("prefix") or "")
    try:
        store = Store(asked.cloud, bucket)
    except Failure as failure:
        raise Refused(f"googleapi: Error 404: {failure.message}, notFound") from None
    links = f"https://www.googleapis.com/storage/v1/b/{bucket}/o/"
    listed = [
        {"name": name, "selfLink": links + name, "mediaLink": f"{links}{name}?alt=media", "storageClass": "STANDARD"}
        for name in live_names(store, prefix)
    ]
    return {**asked.arguments, "id": bucket, "bucketObjects": listed}


def _buckets(asked: Asked) -> Values:
    prefix = str(asked.arguments.get("prefix") or "")
    listed = [
        {
            "name": one.id,
            "location": one.outputs.get("location", ""),
            "storageClass": one.outputs.get("storageClass", ""),
        }
        for one in asked.records(_BUCKET)
        if one.id.startswith(prefix)
    ]
    return {**asked.arguments, "id": asked.project, "buckets": listed}


def _secret(asked: Asked) -> Values:
    name = str(asked.arguments.get("secretId"))
    record = asked.record(SECRET, secretId=name)
    if record is None:
        raise Refused(f"googleapi: Error 404: Secret [projects/{asked.project}/secrets/{name}] not found., notFound")
    return {**record.outputs, "id": record.id}


def _version(asked: Asked) -> Values:
    secret, version = str(asked.arguments.get("secret")), str(asked.arguments.get("version") or "latest")
    if version == "latest":
        secrets_beside.make(asked, secret if "/" in secret else f"projects/{asked.project}/secrets/{secret}")
    is_asked_for = asked.arguments.get("fetchSecretData") is not False
    text = value(asked.cloud, secret, version) if is_asked_for else ""
    known = versions(asked.cloud, secret)
    if not known:
        raise Refused(f"googleapi: Error 404: Secret [{secret}] not found or has no versions., notFound")
    record = next((one for one in known if str(one.outputs["version"]) == version), known[-1])
    return {
        **{key: one for key, one in record.outputs.items() if key != "secretDataWo"},
        "id": record.id,
        "secret": secret,
        "project": asked.project,
        "enabled": record.inputs.get("enabled") is not False,
        "createTime": record.created,
        "destroyTime": "",
        "secretData": text,
    }


def _access(asked: Asked) -> Values:
    known = _version(asked)
    return {name: known[name] for name in ("id", "name", "project", "secret", "secretData", "version")}


def secrets_in(cloud: Cloud, token: str) -> tuple[str, ...]:
    """The outputs of a function that the engine has to keep encrypted."""
    return ("secretData",) if token.startswith(VERSION.rpartition("/")[0]) else ()


FUNCTIONS: dict[str, Function] = {
    "gcp:storage/getBucket:getBucket": _bucket,
    "gcp:storage/getBuckets:getBuckets": _buckets,
    "gcp:storage/getBucketObject:getBucketObject": _object,
    "gcp:storage/getBucketObjects:getBucketObjects": _objects,
    "gcp:storage/getBucketObjectContent:getBucketObjectContent": _content,
    "gcp:secretmanager/getSecret:getSecret": _secret,
    "gcp:secretmanager/getSecretVersion:getSecretVersion": _version,
    "gcp:secretmanager/getSecretVersionAccess:getSecretVersionAccess": _access,
}
