"""Contents on their way in: in one request, with metadata before them, or in several requests.

https://cloud.google.com/storage/docs/uploads-downloads
"""

import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from infra.local import iam
from infra.local.apis.storage.call import MOST_JSON, Call, answer
from infra.local.apis.storage.objects import put
from infra.local.apis.storage.related import Related, boundary_of
from infra.local.objects import shown, uploads
from infra.local.objects.conditions import Conditions, conditions
from infra.local.objects.failure import Failure, invalid
from infra.local.objects.staging import Content, Staged, checked, require_sums
from infra.local.objects.store import Store
from orderguard.private_files import open_private

_AT_ONCE = 4 << 20
"""Bytes that are kept in memory before they are written."""
_RANGE = re.compile(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)")
_OWN_KEY = "x-goog-encryption-key"
_CONDITIONS = ("ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "ifMetagenerationNotMatch")


async def insert(call: Call, bucket: str) -> Response:
    """`objects.insert`."""
    request, kind = call.request, call.query.get("uploadType", "")
    if _OWN_KEY in request.headers:
        raise Failure(501, "notImplemented", "The local cloud doesn't encrypt with keys that a client supplies.")
    store = call.store(bucket, iam.OBJECT_CREATE)  # from memory, but for the first call after a change
    if kind == "resumable":
        if upload_id := call.query.get("upload_id"):
            return await _arriving(call, store, upload_id)
        return await run_in_threadpool(_begun, call, store, await body(request))
    if kind == "media":
        return await _whole(call, store, None)
    if kind == "multipart":
        return await _whole(call, store, Related(boundary_of(request.headers.get("Content-Type", ""))))
    raise invalid(f"Invalid value for uploadType: {kind[:40]!r}; it is media, multipart or resumable.")


async def resume(call: Call, bucket: str) -> Response:
    """Another request of a resumable upload."""
    store = await run_in_threadpool(Store, call.cloud, bucket)
    return await _arriving(call, store, call.query.get("upload_id", ""))


async def cancel(call: Call, bucket: str) -> Response:
    """Give a resumable upload up; Google Cloud answers 499."""
    store = await run_in_threadpool(Store, call.cloud, bucket)
    upload = await run_in_threadpool(uploads.found, store, call.query.get("upload_id", ""))
    await run_in_threadpool(upload.remove)
    return Response(status_code=499)


async def body(request: Request) -> bytes:
    """A body that is no content. Raises Failure for one that is too long."""
    found = b""
    async for chunk in request.stream():
        found += chunk
        if len(found) > MOST_JSON:
            raise Failure(413, "uploadTooLarge", f"The body is longer than {MOST_JSON} bytes.")
    return found


# ---- in one request --------------------------------------------------------------------------------------------------


async def _whole(call: Call, store: Store, related: Related | None) -> Response:
    file: Staged | None = None
    waiting: list[bytes] = []
    size = 0
    try:
        async for chunk in call.request.stream():
            data = related.feed(chunk) if related else chunk
            waiting.append(data)
            size += len(data)
            if size >= _AT_ONCE:
                file = await run_in_threadpool(_add, file or store.staging, waiting)
                waiting, size = [], 0
        if related:
            related.finish()
        return await run_in_threadpool(_stored, call, store, file, waiting, related)
    except BaseException:
        if file:
            file.discard()  # also after `_stored` has done so
        raise


def _add(to: Staged | Path, chunks: list[bytes]) -> Staged:
    """Write chunks into a staged file, or into a new one of this folder."""
    file = Staged(to) if isinstance(to, Path) else to
    try:
        for chunk in chunks:
            file.add(chunk)
    except BaseException:
        file.discard()
        raise
    return file


def _stored(call: Call, store: Store, begun: Staged | None, rest: list[bytes], related: Related | None) -> Response:
    file = begun or Staged(store.staging)
    try:
        _add(file, rest)
        asked = _asked(call, (related.metadata or b"") if related else b"")
        told = related.content_type if related else call.request.headers.get("Content-Type")
        if told and not asked.get("contentType"):
            asked["contentType"] = told
        content = file.finish()
        require_sums(content, {**_sums_of(call.request.headers), **asked})
        return _finished(call, store, content, asked, call.conditions)
    except BaseException:
        file.discard()
        raise


def _asked(call: Call, metadata: bytes) -> dict[str, Any]:
    """What is said of the object: in the metadata, and as parameters."""
    asked = Call(call.cloud, call.request, call.caller, call.query, metadata).json()
    named = {"name": "name", "contentEncoding": "contentEncoding", "kmsKeyName": "kmsKeyName"}
    asked |= {word: call.query[parameter] for parameter, word in named.items() if parameter in call.query}
    if not isinstance(asked.get("name"), str) or not asked["name"]:
        raise Failure(400, "required", "Required parameter: name")
    return asked


def _sums_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The checksums of the header X-Goog-Hash, in the words of an object's resource."""
    words = {"crc32c": "crc32c", "md5": "md5Hash"}
    parts = [part.strip().partition("=") for part in headers.get("x-goog-hash", "").split(",")]
    return {words[key]: value for key, _, value in parts if key in words}


def _finished(call: Call, store: Store, content: Content, asked: dict[str, Any], wanted: Conditions) -> Response:
    if call.query.get("predefinedAcl") and store.settings.uniform_access:
        raise invalid("Cannot insert legacy ACL for an object when uniform bucket-level access is enabled.")
    version = put(call, store, asked["name"], content, shown.fields(store.settings, asked), wanted)
    return answer(shown.object_shown(call.base, store.settings, version))


# ---- in several requests ---------------------------------------------------------------------------------------------


def _begun(call: Call, store: Store, metadata: bytes) -> Response:
    asked = _asked(call, metadata)
    headers = call.request.headers
    if (told := headers.get("X-Upload-Content-Type")) and not asked.get("contentType"):
        asked["contentType"] = told
    shown.fields(store.settings, asked)
    live = store.live(asked["name"])
    call.conditions.require(live.generation if live else 0, live.metageneration if live else 0)
    wanted = {name: call.query[name] for name in _CONDITIONS if name in call.query}
    begun = {"object": asked, "wanted": wanted, "member": call.caller.member}
    upload = uploads.begin(store, {**begun, "total": headers.get("X-Upload-Content-Length")})
    address = f"{call.base}/upload/storage/v1/b/{store.bucket}/o?uploadType=resumable&upload_id={upload.id}"
    return Response(status_code=200, headers={"Location": address, "X-GUploader-UploadID": upload.id})


async def _arriving(call: Call, store: Store, identity: str) -> Response:
    upload = await run_in_threadpool(uploads.found, store, identity)
    if done := upload.asked.get("done"):
        return await run_in_threadpool(_done, call, store, done)
    first, total = _range(call.request.headers, upload)
    if first is not None:
        await _append(call.request.stream(), upload, first, total)
    if total is None or upload.size < total:
        await run_in_threadpool(upload.trim)
        return _incomplete(upload)
    return await run_in_threadpool(_completed, call, store, upload, total)


def _done(call: Call, store: Store, done: Mapping[str, Any]) -> Response:
    version = store.version(done["name"], done["generation"])
    return answer(shown.object_shown(call.base, store.settings, version))


def _incomplete(upload: uploads.Upload) -> Response:
    headers = {"Range": f"bytes=0-{upload.size - 1}"} if upload.size else {}
    return Response(status_code=308, headers={**headers, "X-GUploader-UploadID": upload.id})


def _range(headers: Mapping[str, str], upload: uploads.Upload) -> tuple[int | None, int | None]:
    """Where the body begins, None for a question of how much is there; and the whole size, None where it is open."""
    told = headers.get("Content-Range")
    length = headers.get("Content-Length")
    if told is None:
        return 0, int(length) if length and length.isdigit() else None
    match = _RANGE.fullmatch(told.strip())
    if not match:
        raise invalid(f"Failed to parse Content-Range header: {told[:80]!r}")
    first, last, total = match.groups()
    whole = None if total == "*" else int(total)
    declared = upload.asked.get("total")
    if whole is None and first is None and declared and str(declared).isdigit() and upload.size == int(declared):
        whole = int(declared)
    if whole is not None and (whole < upload.size or (last is not None and int(last) >= whole)):
        raise invalid(f"Invalid request. Content-Range {told!r} does not fit the {upload.size} bytes that are there.")
    return (None if first is None else int(first)), whole


async def _append(stream: AsyncIterator[bytes], upload: uploads.Upload, first: int, total: int | None) -> None:
    """Write what arrives after what is there. What has arrived when the connection breaks is kept."""
    known = upload.size
    if first > known:
        raise Failure(
            503, "backendError", f"Invalid request. {known} bytes are there; the next chunk begins at {first}."
        )
    skip = known - first
    most = None if total is None else total - known
    waiting: list[bytes] = []
    size = 0
    try:
        async for chunk in stream:
            data, skip = chunk[skip:], max(skip - len(chunk), 0)
            if most is not None and len(data) > most:
                raise invalid(f"More bytes arrived than the {total} that were announced.")
            most = None if most is None else most - len(data)
            waiting.append(data)
            size += len(data)
            if size >= _AT_ONCE:
                await run_in_threadpool(_write, upload, waiting)
                waiting, size = [], 0
    except ClientDisconnect:
        _write(upload, waiting)
        raise
    await run_in_threadpool(_write, upload, waiting)


def _write(upload: uploads.Upload, chunks: list[bytes]) -> None:
    with open_private(upload.data, "ab") as file:
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())


def _completed(call: Call, store: Store, upload: uploads.Upload, total: int) -> Response:
    asked = upload.asked["object"]
    found = checked(upload.data)
    if found.size != total:
        raise invalid(f"Invalid request. {found.size} bytes are there, and not {total}.")
    try:
        require_sums(found, {**_sums_of(call.request.headers), **asked})
    except Failure:
        upload.remove()
        raise
    target = store.staging / upload.id
    store.staging.mkdir(mode=0o700, exist_ok=True)
    os.replace(upload.data, target)
    content = Content(target, found.size, found.crc32c, found.md5)
    wanted = conditions(upload.asked["wanted"])
    try:
        version = put(call, store, asked["name"], content, shown.fields(store.settings, asked), wanted)
    except Failure:
        upload.remove()
        raise
    upload.remember(done={"name": version.name, "generation": version.generation})
    return answer(shown.object_shown(call.base, store.settings, version))
