"""The part of the XML API that Google's clients use: contents at `/BUCKET/OBJECT`, and uploads in parts.

https://cloud.google.com/storage/docs/xml-api/overview
"""

import re
from html import escape, unescape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from infra.local import iam
from infra.local.apis.storage import downloads
from infra.local.apis.storage.call import Call
from infra.local.apis.storage.objects import put
from infra.local.apis.storage.uploads import body
from infra.local.objects import shown, uploads
from infra.local.objects.conditions import Conditions
from infra.local.objects.failure import Failure, invalid
from infra.local.objects.staging import Content, Staged, checked, chunks_of, require_sums, staged
from infra.local.objects.store import Store

_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_NUMBER = re.compile(r"<PartNumber>\s*(\d{1,5})\s*</PartNumber>")
_ETAG = re.compile(r"<ETag>\s*(.*?)\s*</ETag>", re.DOTALL)
_MOST_PARTS = 10_000
_AT_ONCE = 4 << 20
_CODES = {400: "InvalidArgument", 401: "AuthenticationRequired", 403: "AccessDenied", 412: "PreconditionFailed"}
_HEADERS = {
    "content-type": "contentType",
    "content-encoding": "contentEncoding",
    "content-disposition": "contentDisposition",
    "content-language": "contentLanguage",
    "cache-control": "cacheControl",
    "x-goog-storage-class": "storageClass",
}
_CONDITIONS = {"x-goog-if-generation-match": "generation", "x-goog-if-metageneration-match": "metageneration"}


def refusal(failure: Failure) -> Response:
    """A failure as the XML API tells it."""
    if failure.status == 304:
        return Response(status_code=304)
    code = _CODES.get(failure.status, "InternalError")
    if failure.status == 404:
        code = "NoSuchBucket" if "specified bucket" in failure.message else "NoSuchKey"
    if "doesn't match calculated" in failure.message:
        code = "BadDigest"
    return _document(
        f"<Error><Code>{code}</Code><Message>{escape(failure.message)}</Message>"
        f"<Details>{escape(failure.message)}</Details></Error>",
        failure.status,
    )


def _document(content: str, status: int = 200) -> Response:
    whole = f"<?xml version='1.0' encoding='UTF-8'?>{content}"
    return Response(whole.encode(), status, media_type="application/xml; charset=UTF-8")


def _fields(request: Request) -> dict[str, object]:
    found: dict[str, object] = {word: request.headers[key] for key, word in _HEADERS.items() if key in request.headers}
    meta = {key[12:]: value for key, value in request.headers.items() if key.startswith("x-goog-meta-")}
    return found | ({"metadata": meta} if meta else {})


def _conditions(request: Request) -> Conditions:
    try:
        return Conditions(
            **{own: int(request.headers[key]) for key, own in _CONDITIONS.items() if key in request.headers}
        )
    except ValueError:
        raise invalid("A precondition has to be a whole number.") from None


def read(call: Call, bucket: str, name: str) -> Response:
    """GET and HEAD of an object."""
    return downloads.media(call, bucket, name)


def delete(call: Call, bucket: str, name: str) -> Response:
    """DELETE of an object, or of an upload in parts."""
    if upload_id := call.query.get("uploadId"):
        _upload(call.store(bucket, iam.OBJECT_CREATE, name), upload_id, name).remove()
    else:
        store = call.store(bucket, iam.OBJECT_DELETE, name)
        store.delete(name, call.generation, _conditions(call.request))
    return Response(status_code=204)


async def write(call: Call, bucket: str, name: str) -> Response:
    """PUT of an object, or of a part."""
    store = await run_in_threadpool(call.store, bucket, iam.OBJECT_CREATE, name)
    upload = await run_in_threadpool(_of_part, call, store, name)
    file = await run_in_threadpool(Staged, store.staging)
    try:
        waiting = b""
        async for chunk in call.request.stream():
            waiting += chunk
            if len(waiting) >= _AT_ONCE:
                await run_in_threadpool(file.add, waiting)
                waiting = b""
        await run_in_threadpool(file.add, waiting)
        return await run_in_threadpool(_written, call, store, name, file, upload)
    except BaseException:
        file.discard()
        raise


def _of_part(call: Call, store: Store, name: str) -> uploads.Upload | None:
    identity = call.query.get("uploadId")
    return _upload(store, identity, name) if identity else None


def _written(call: Call, store: Store, name: str, file: Staged, upload: uploads.Upload | None) -> Response:
    content = file.finish()
    told = dict(part.strip().partition("=")[::2] for part in call.request.headers.get("x-goog-hash", "").split(","))
    require_sums(content, {"crc32c": told.get("crc32c"), "md5Hash": told.get("md5") or told.get("content-md5")})
    headers = {"X-Goog-Hash": f"crc32c={content.crc32c},md5={content.md5}"}
    if upload:
        number = int(call.query.get("partNumber", "0"))
        if not 1 <= number <= _MOST_PARTS:
            raise invalid(f"partNumber has to be between 1 and {_MOST_PARTS}.")
        content.path.replace(upload.part(number))
        return Response(status_code=200, headers={**headers, "ETag": f'"{content.md5}"'})
    fields = shown.fields(store.settings, _fields(call.request))
    version = put(call, store, name, content, fields, _conditions(call.request))
    return Response(status_code=200, headers=downloads.headers_of(version))


async def post(call: Call, bucket: str, name: str) -> Response:
    """POST: begin an upload in parts, or complete it."""
    asked = await body(call.request)
    store = await run_in_threadpool(call.store, bucket, iam.OBJECT_CREATE, name)
    if "uploads" in call.query:
        return await run_in_threadpool(_begun, call, store, name)
    return await run_in_threadpool(_completed, call, store, name, asked.decode(errors="replace"))


def _begun(call: Call, store: Store, name: str) -> Response:
    upload = uploads.begin(store, {"parts": True, "name": name, "object": _fields(call.request)})
    return _document(
        '<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Bucket>{escape(store.bucket)}</Bucket><Key>{escape(name)}</Key><UploadId>{upload.id}</UploadId>"
        "</InitiateMultipartUploadResult>"
    )


def _upload(store: Store, identity: str, name: str) -> uploads.Upload:
    upload = uploads.found(store, identity)
    if upload.asked.get("name") != name:
        raise uploads.gone()
    return upload


def _completed(call: Call, store: Store, name: str, asked: str) -> Response:
    upload = _upload(store, call.query.get("uploadId", ""), name)
    content = _joined(store, upload, asked)
    fields = shown.fields(store.settings, upload.asked["object"])
    version = put(call, store, name, content, fields, _conditions(call.request))
    upload.remove()
    return _document(
        '<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Bucket>{escape(store.bucket)}</Bucket><Key>{escape(name)}</Key><ETag>{escape(shown.etag(version))}</ETag>"
        "</CompleteMultipartUploadResult>"
    )


def _joined(store: Store, upload: uploads.Upload, asked: str) -> Content:
    numbers = []
    for part in _PART.findall(asked):
        number, tag = _NUMBER.search(part), _ETAG.search(part)
        path = upload.part(int(number[1])) if number else upload.data
        if not number or not path.is_file() or not tag:
            raise invalid("One or more of the specified parts could not be found.")
        if unescape(tag[1]).strip('"') != checked(path).md5:
            raise invalid("One or more of the specified parts has another ETag.")
        numbers.append(int(number[1]))
    if not numbers or numbers != sorted(set(numbers)):
        raise invalid("The list of parts was not in ascending order.")
    chunks = (chunk for number in numbers for chunk in chunks_of(upload.part(number)))
    return staged(store.staging, chunks, md5=False)
