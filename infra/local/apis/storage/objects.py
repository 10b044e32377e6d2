"""Objects: https://cloud.google.com/storage/docs/json_api/v1/objects"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, BinaryIO

from starlette.responses import Response

from infra.local import clock, iam
from infra.local.apis.storage.call import Call, answer
from infra.local.objects import shown, uploads
from infra.local.objects.conditions import NONE, Conditions, conditions, number
from infra.local.objects.failure import Failure, forbidden, invalid
from infra.local.objects.index import Version
from infra.local.objects.listing import MOST, Asked, page
from infra.local.objects.staging import CHUNK, Content, staged
from infra.local.objects.store import Store

_MOST_SOURCES = 32


def get(call: Call, bucket: str, name: str) -> Response:
    """`objects.get` without the content."""
    store, wanted = call.store(bucket, iam.OBJECT_READ, name), call.conditions
    version = _version(call, store, name)
    wanted.require(version.generation, version.metageneration, reading=True)
    if call.request.headers.get("If-None-Match") == shown.etag(version):
        return Response(status_code=304)
    return answer(shown.object_shown(call.base, store.settings, version))


def _version(call: Call, store: Store, name: str) -> Version:
    if not call.flag("softDeleted"):
        return store.version(name, call.generation)
    if call.generation is None:
        raise Failure(400, "required", "Required parameter: generation")
    return store.deleted(name, call.generation)


def listed(call: Call, bucket: str) -> Response:
    """`objects.list`."""
    store, query = call.store(bucket, iam.OBJECT_LIST), call.query
    if query.get("matchGlob") and query.get("delimiter", "/") != "/":
        raise invalid("When listing with a glob pattern, the only supported delimiter is '/'.")
    asked = Asked(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        start=query.get("startOffset", ""),
        end=query.get("endOffset", ""),
        glob=query.get("matchGlob", ""),
        versions=call.flag("versions"),
        soft_deleted=call.flag("softDeleted"),
        trailing=call.flag("includeTrailingDelimiter"),
        most=number(query, "maxResults") or MOST,
        token=query.get("pageToken", ""),
    )
    found = page(store, asked)
    document: dict[str, Any] = {"kind": "storage#objects"}
    if found.token:
        document["nextPageToken"] = found.token
    if found.prefixes:
        document["prefixes"] = found.prefixes
    if found.items:
        document["items"] = [shown.object_shown(call.base, store.settings, one) for one in found.items]
    return answer(document)


def patch(call: Call, bucket: str, name: str) -> Response:
    """`objects.patch` and `objects.update`."""
    store = call.store(bucket, iam.OBJECT_UPDATE, name)
    asked = call.json()
    if "retention" in asked:
        call.require(iam.OBJECT_SET_RETENTION, bucket, name)
    version = store.version(name, call.generation)
    whole, now = call.request.method == "PUT", clock.stamp(call.cloud)

    def changed(document: dict[str, Any]) -> None:
        _require_looser(call, bucket, document, asked)
        shown.change(store.settings, document, asked, whole=whole, now=now)

    return answer(shown.object_shown(call.base, store.settings, store.change(version, call.conditions, changed)))


def _require_looser(call: Call, bucket: str, document: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """An object's own retention may be shortened only where it is not locked, by who may, and who says so."""
    before = document.get("retention")
    if not before or "retention" not in asked:
        return
    after = asked["retention"] or {}
    longer = str(after.get("retainUntilTime") or "") >= before["retainUntilTime"]
    if longer and (before["mode"], after.get("mode")) != ("Locked", "Unlocked"):
        return
    if before["mode"] == "Locked":
        raise forbidden("forbidden", "The retention of the object is locked: it can only be made longer.")
    if not call.flag("overrideUnlockedRetention"):
        message = "To shorten or to remove an object's retention, set overrideUnlockedRetention to true."
        raise forbidden("forbidden", message)
    call.require(iam.OBJECT_OVERRIDE_RETENTION, bucket)


def delete(call: Call, bucket: str, name: str) -> Response:
    """`objects.delete`."""
    call.store(bucket, iam.OBJECT_DELETE, name).delete(name, call.generation, call.conditions)
    return Response(status_code=204)


def restore(call: Call, bucket: str, name: str) -> Response:
    """`objects.restore`: a copy of a soft-deleted version becomes live."""
    store = call.store(bucket, iam.OBJECT_RESTORE, name)
    if call.generation is None:
        raise Failure(400, "required", "Required parameter: generation")
    version = store.deleted(name, call.generation)
    with closing(open(store.content(version), "rb")) as file:
        content = staged(store.staging, _chunks(file), md5="md5Hash" in version.document)
    return _made(call, store, name, content, shown.fields(store.settings, version.document))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _made(
    call: Call, store: Store, name: str, content: Content, fields: dict[str, Any], count: int | None = None
) -> Response:
    version = put(call, store, name, content, fields, call.conditions, count)
    return answer(shown.object_shown(call.base, store.settings, version))


def put(
    call: Call,
    store: Store,
    name: str,
    content: Content,
    fields: dict[str, Any],
    wanted: Conditions = NONE,
    count: int | None = None,
) -> Version:
    """Let content become an object, as far as the caller may; it is used up, or removed."""
    try:
        call.require(iam.OBJECT_CREATE, store.bucket, name)
    except Failure:
        content.discard()
        raise
    replacing = partial(call.require, iam.OBJECT_DELETE, store.bucket, name)
    return store.put(name, content, fields, wanted, replacing=replacing, count=count)


def compose(call: Call, bucket: str, name: str) -> Response:
    """`objects.compose`: the contents of up to 32 objects, one after the other."""
    store = call.store(bucket, iam.OBJECT_CREATE, name)
    asked = call.json()
    sources = asked.get("sourceObjects") or []
    if not 1 <= len(sources) <= _MOST_SOURCES:
        raise invalid(f"The number of source components provided ({len(sources)}) has to be 1 to {_MOST_SOURCES}.")
    with ExitStack() as files:
        opened = []
        for source in sources:
            call.require(iam.OBJECT_READ, bucket, str(source.get("name")))
            generation = source.get("generation")
            version, file = store.opened(str(source.get("name")), None if generation is None else int(generation))
            opened.append((version, files.enter_context(closing(file))))
            wanted = (source.get("objectPreconditions") or {}).get("ifGenerationMatch")
            Conditions(generation=None if wanted is None else int(wanted)).require(version.generation, 0)
        chunks = (chunk for _, file in opened for chunk in _chunks(file))
        content = staged(store.staging, chunks, md5=False)
    count = sum(int(version.document.get("componentCount", 1)) for version, _ in opened)
    first = opened[0][0].document
    about = {"contentType": first.get("contentType"), **(asked.get("destination") or {})}
    made = _made(call, store, name, content, shown.fields(store.settings, about), count)
    if asked.get("deleteSourceObjects"):
        for version, _ in opened:
            call.require(iam.OBJECT_DELETE, bucket, version.name)
            store.delete(version.name, None, Conditions(generation=version.generation))
    return made


def copy(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Response:
    """`objects.copy`."""
    version = _copied(call, bucket, name, to_bucket, to_name)
    return answer(shown.object_shown(call.base, Store(call.cloud, to_bucket).settings, version))


def _copied(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Version:
    source, target = call.store(bucket, iam.OBJECT_READ, name), call.store(to_bucket, iam.OBJECT_CREATE, to_name)
    version, file = _source(call, source, name)
    with closing(file):
        content = staged(target.staging, _chunks(file), md5="md5Hash" in version.document)
    count = version.document.get("componentCount")
    return put(call, target, to_name, content, _copied_fields(call, target, version), call.conditions, count)


def _source(call: Call, source: Store, name: str) -> tuple[Version, BinaryIO]:
    version, file = source.opened(name, number(call.query, "sourceGeneration"))
    try:
        conditions(call.query, "ifSource").require(version.generation, version.metageneration)
    except Failure:
        file.close()
        raise
    return version, file


def _copied_fields(call: Call, target: Store, version: Version) -> dict[str, Any]:
    """What a copy says of itself: what the source says, or what the caller gives instead."""
    asked = call.json()
    own = {word: version.document.get(word) for word in shown.SETTABLE if word not in ("storageClass", "retention")}
    own |= {"temporaryHold": None, "eventBasedHold": None}
    if set(asked) - {"storageClass"}:
        own = {} | {key: value for key, value in asked.items()}
        own.setdefault("contentType", version.document.get("contentType"))
    return shown.fields(target.settings, {**own, "storageClass": asked.get("storageClass")})


def rewrite(call: Call, bucket: str, name: str, to_bucket: str, to_name: str) -> Response:
    """`objects.rewrite`: in several calls where the caller limits what one does."""
    source, target = call.store(bucket, iam.OBJECT_READ, name), call.store(to_bucket, iam.OBJECT_CREATE, to_name)
    most, token = number(call.query, "maxBytesRewrittenPerCall"), call.query.get("rewriteToken")
    version, file = _source(call, source, name)
    file.close()
    total = version.size
    done = {"kind": "storage#rewriteResponse", "objectSize": str(total)}
    if token or (most and most < total):
        if most is not None and (most == 0 or most % CHUNK):
            raise invalid("maxBytesRewrittenPerCall has to be a multiple of 1 MiB.")
        upload = _rewriting(target, token, [bucket, name, version.generation, to_bucket, to_name])
        written = _go_on(source, version, upload, most or total)
        if written < total:
            return answer({**done, "totalBytesRewritten": str(written), "done": False, "rewriteToken": upload.id})
        upload.remove()
    made = _copied(call, bucket, name, to_bucket, to_name)
    resource = shown.object_shown(call.base, target.settings, made)
    return answer({**done, "totalBytesRewritten": str(total), "done": True, "resource": resource})


def _rewriting(target: Store, token: str | None, what: list[Any]) -> uploads.Upload:
    if token is None:
        return uploads.begin(target, {"rewrite": what})
    upload = uploads.found(target, token)
    if upload.asked.get("rewrite") != what:
        raise invalid("The rewriteToken belongs to another rewrite, or the source has changed.")
    return upload


def _go_on(source: Store, version: Version, upload: uploads.Upload, most: int) -> int:
    """How much a rewrite has got through after another call. The copy itself is made at once, at its end."""
    written = min(int(upload.asked.get("written", 0)) + most, version.size)
    upload.remember(written=written)
    return written


def move(call: Call, bucket: str, name: str, to_name: str) -> Response:
    """`objects.move`, within a bucket."""
    store = call.store(bucket, iam.OBJECT_MOVE, name)
    version = _copied(call, bucket, name, bucket, to_name)
    source = conditions(call.query, "ifSource")
    store.delete(name, None, source)
    return answer(shown.object_shown(call.base, store.settings, version))


def acl(call: Call, bucket: str, *_: str) -> Response:
    """Access control lists: none where access is uniform, as it should be."""
    store = call.store(bucket, iam.BUCKET_GET)
    if store.settings.uniform_access:
        raise invalid("Cannot get or set legacy ACL when uniform bucket-level access is enabled.")
    raise Failure(501, "notImplemented", "The local cloud has no access control lists: use IAM, with uniform access.")
