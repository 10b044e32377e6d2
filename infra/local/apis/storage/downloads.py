"""Contents on their way out: whole or in part, as they are stored or unpacked."""

import re
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from email.utils import format_datetime
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from infra.local import iam
from infra.local.apis.storage.call import Call
from infra.local.objects import shown
from infra.local.objects.failure import Failure
from infra.local.objects.index import Version
from infra.local.objects.staging import CHUNK
from infra.local.objects.store import UNKNOWN_TYPE, Store

_AT_ONCE = 4 * CHUNK
"""Bytes that are answered from memory."""
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def media(call: Call, bucket: str, name: str) -> Response:
    """`objects.get` with the content."""
    return _sent(call, call.store(bucket, iam.OBJECT_READ, name), name)


def _sent(call: Call, store: Store, name: str) -> Response:
    if "x-goog-encryption-key" in call.request.headers:
        raise Failure(400, "resourceIsNotEncryptedWithCustomerEncryptionKey", "The object isn't encrypted with a key.")
    wanted = call.conditions
    version, file = store.opened(name, call.generation)
    try:
        wanted.require(version.generation, version.metageneration, reading=True)
        headers = headers_of(version)
        told = call.request.headers
        if told.get("If-None-Match") in (shown.etag(version), f'"{shown.etag(version)}"'):
            file.close()
            return Response(status_code=304, headers={"ETag": headers["ETag"]})
        if _is_to_be_unpacked(version, told.get("Accept-Encoding", "")):
            del headers["Content-Encoding"], headers["Accept-Ranges"]
            headers |= {"Warning": "214 UploadServer gunzipped"}
            return StreamingResponse(_unpacked(file), 200, headers)
        first, count, status = _part(version.size, told.get("Range", ""))
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{first + count - 1}/{version.size}"
        headers["Content-Length"] = str(count)
        if call.request.method == "HEAD":
            file.close()
            return Response(b"", status, headers)
        file.seek(first)
        if count <= _AT_ONCE:
            with file:
                return Response(file.read(count), status, headers)
        return StreamingResponse(_chunks(file, count), status, headers)
    except BaseException:
        file.close()
        raise


def headers_of(version: Version) -> dict[str, str]:
    """What the headers tell of an object."""
    document = version.document
    sums = f"crc32c={document['crc32c']}" + (f",md5={document['md5Hash']}" if document.get("md5Hash") else "")
    headers = {
        "ETag": f'"{shown.etag(version)}"',
        "Last-Modified": format_datetime(datetime.fromisoformat(document["updated"]), usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(version.generation),
        "X-Goog-Metageneration": str(version.metageneration),
        "X-Goog-Hash": sums,
        "X-Goog-Stored-Content-Length": str(version.size),
        "X-Goog-Stored-Content-Encoding": document.get("contentEncoding", "identity"),
        "X-Goog-Storage-Class": document["storageClass"],
    }
    named = {
        "Content-Type": document.get("contentType", UNKNOWN_TYPE),  # not as `media_type`, which would add a charset
        "Content-Encoding": document.get("contentEncoding"),
        "Content-Disposition": document.get("contentDisposition"),
        "Content-Language": document.get("contentLanguage"),
        "Cache-Control": document.get("cacheControl"),
        **{f"X-Goog-Meta-{key}": value for key, value in document.get("metadata", {}).items()},
    }
    return headers | {_safe(key): _safe(value) for key, value in named.items() if value is not None}


def _safe(text: str) -> str:
    """A header's text; what none can hold is percent-encoded."""
    return quote(text, safe="".join(map(chr, range(32, 127))))


def _is_to_be_unpacked(version: Version, accepted: str) -> bool:
    """Whether the client doesn't take what is stored compressed: https://cloud.google.com/storage/docs/transcoding"""
    document = version.document
    is_kept = "no-transform" in document.get("cacheControl", "")
    return document.get("contentEncoding") == "gzip" and "gzip" not in accepted.lower() and not is_kept


def _part(size: int, asked: str) -> tuple[int, int, int]:
    """First byte, number of bytes and status of an answer. Raises Failure for a part that isn't there."""
    match = _RANGE.fullmatch(asked.strip())
    if not match or not any(match.groups()):
        return 0, size, 200
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        begins, ends = size - count, size
    else:
        begins, ends = int(first), min(int(last or size - 1) + 1, size)
        if last and int(last) < begins:
            return 0, size, 200
    if begins >= ends:
        raise Failure(416, "requestedRangeNotSatisfiable", f"Request range not satisfiable: {size} bytes are there.")
    return begins, ends - begins, 206


async def _chunks(file: BinaryIO, count: int) -> AsyncIterator[bytes]:
    try:
        while count and (chunk := await run_in_threadpool(file.read, min(_AT_ONCE, count))):
            count -= len(chunk)
            yield chunk
    finally:
        file.close()


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    """The content unpacked; as it is from where it is no gzip on."""
    with file:
        unpacker = zlib.decompressobj(wbits=31)
        while chunk := file.read(CHUNK):
            while chunk:
                yield unpacker.decompress(chunk, CHUNK)
                chunk = unpacker.unconsumed_tail
                if unpacker.eof:
                    chunk = unpacker.unused_data
                    unpacker = zlib.decompressobj(wbits=31)
