"""Buckets: https://cloud.google.com/storage/docs/json_api/v1/buckets

A client that has the right may make, change and delete one, as in Google Cloud. The next `up` then finds that the
program's own differ from what it declares, and sets them right.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from infra.local import iam
from infra.local.apis.storage.call import Call, answer
from infra.local.cloud import Cloud, Record, utc_now
from infra.local.facts import facts_of
from infra.local.objects import bucket as buckets
from infra.local.objects.conditions import number
from infra.local.objects.failure import Failure, invalid, no_bucket
from infra.local.objects.listing import live_names
from infra.local.objects.shown import bucket_shown
from infra.local.objects.store import Store, remove_bucket
from infra.local.provider.outputs import complete, project_number
from infra.local.provider.resource import Place
from infra.local.services import storage
from orderguard.private_files import make_private_folder

_NO_PROJECT = "<none>"
"""What Google's client says where it knows no project."""
MADE_BY_A_CLIENT = "urn:pulumi:api::api::gcp:storage/bucket:Bucket::made-by-a-client-of-the-API"


def _shown(call: Call, store: Store) -> dict[str, Any]:
    return bucket_shown(call.base, store.settings, store.metageneration)


def get(call: Call, bucket: str) -> Response:
    """`buckets.get`."""
    store = call.store(bucket, iam.BUCKET_GET)
    document = _shown(call, store)
    call.conditions.require(0, int(document["metageneration"]), reading=True)
    return answer(document)


def listed(call: Call) -> Response:
    """`buckets.list`."""
    project = _project(call)
    call.require_in_project(iam.BUCKET_LIST, project)
    prefix, token = call.query.get("prefix", ""), call.query.get("pageToken", "")
    most = min(max(number(call.query, "maxResults") or 1000, 1), 1000)
    names = sorted(name for kind, name in call.cloud.names() if kind == buckets.BUCKET)
    names = [name for name in names if name.startswith(prefix) and name > token]
    items = []
    for name in names[:most] if not call.flag("softDeleted") else ():
        try:
            items.append(_shown(call, Store(call.cloud, name)))
        except Failure:
            continue  # removed meanwhile
    document: dict[str, Any] = {"kind": "storage#buckets", "items": items}
    return answer(document | ({"nextPageToken": names[most - 1]} if len(names) > most else {}))


def insert(call: Call) -> Response:
    """`buckets.insert`."""
    project, asked = _project(call), call.json()
    call.require_in_project(iam.BUCKET_CREATE, project)
    name = str(asked.get("name") or "")
    wrong = [text for _, text in storage.bucket_is_possible({"name": name, **_texts(asked)})]
    if wrong:
        raise invalid(wrong[0].partition(": ")[2].removeprefix("Error 400: ").removesuffix(", invalid"))
    if call.cloud.get(buckets.BUCKET, name):
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise Failure(409, "conflict", message)
    inputs = {"name": name, "location": str(asked.get("location") or "US").upper(), "forceDestroy": False}
    inputs |= {key: value for key, value in buckets.declared(asked).items() if value is not None}
    if call.flag("enableObjectRetention"):
        inputs["enableObjectRetention"] = True
    if two := (asked.get("customPlacementConfig") or {}).get("dataLocations"):
        inputs["customPlacementConfig"] = {"dataLocations": two}
    if (asked.get("hierarchicalNamespace") or {}).get("enabled"):
        inputs["hierarchicalNamespace"] = {"enabled": True}
    _make(call.cloud, project, inputs)
    return answer(_shown(call, Store(call.cloud, name)))


def _texts(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"storageClass": str(asked["storageClass"])} if asked.get("storageClass") else {}


def _make(cloud: Cloud, project: str, inputs: dict[str, Any]) -> None:
    facts, now = facts_of(buckets.BUCKET), utc_now()
    assert facts  # the SDK has buckets
    number = project_number(project)
    place = Place(project, number, "", MADE_BY_A_CLIENT, buckets.BUCKET, inputs["name"], now, now)
    labels = inputs.get("labels") or {}
    outputs = complete(facts, storage.RESOURCES[buckets.BUCKET], inputs, place)
    make_private_folder(cloud.bucket(inputs["name"]))
    cloud.put(
        Record(
            buckets.BUCKET,
            place.id,
            place.urn,
            "real",
            now,
            now,
            inputs,
            {**outputs, "project": project, "effectiveLabels": labels},
        )
    )


def _project(call: Call) -> str:
    """The project that is asked for; the stack's own where a client knows none."""
    asked = call.query.get("project", "")
    return asked if asked not in ("", _NO_PROJECT) else buckets.own_project(call.cloud)


def patch(call: Call, bucket: str) -> Response:
    """`buckets.patch` and `buckets.update`, which here takes away no more than what it names."""
    store = call.store(bucket, iam.BUCKET_UPDATE)
    _require_metageneration(call, store)
    asked = call.json()
    if asked.get("labels") is not None and call.request.method == "PATCH":
        both = {**store.settings.document.get("labels", {}), **asked["labels"]}
        asked["labels"] = {key: value for key, value in both.items() if value is not None}
    if call.request.method == "PUT":
        asked = {**{word: None for word in ("labels", "cors", "lifecycle", "website", "logging")}, **asked}
    return _changed(call, bucket, buckets.declared(asked))


def lock(call: Call, bucket: str) -> Response:
    """`buckets.lockRetentionPolicy`: for ever."""
    store = call.store(bucket, iam.BUCKET_UPDATE)
    if number(call.query, "ifMetagenerationMatch") is None:
        raise Failure(400, "required", "Required parameter: ifMetagenerationMatch")
    _require_metageneration(call, store)
    return _changed(call, bucket, {}, lock=True)


def _changed(call: Call, bucket: str, changes: Mapping[str, Any], *, lock: bool = False) -> Response:
    buckets.change(call.cloud, bucket, changes, lock=lock)
    store = Store(call.cloud, bucket)
    store.note_change()
    return answer(_shown(call, store))


def _require_metageneration(call: Call, store: Store) -> None:
    call.conditions.require(0, store.metageneration)


def delete(call: Call, bucket: str) -> Response:
    """`buckets.delete`."""
    store = call.store(bucket, iam.BUCKET_DELETE)
    _require_metageneration(call, store)
    if next(live_names(store), None) is not None or not store.index.is_empty():
        raise Failure(409, "conflict", "The bucket you tried to delete is not empty.")
    call.cloud.remove(buckets.BUCKET, bucket)
    remove_bucket(call.cloud, bucket)
    return Response(status_code=204)


def policy(call: Call, bucket: str) -> Response:
    """`buckets.getIamPolicy`: what the stack declares."""
    call.store(bucket, iam.BUCKET_GET_POLICY)
    own = [one for one in iam.policies(call.cloud).bindings if one.resource == f"bucket:{bucket}"]
    grouped: dict[tuple[str, str], set[str]] = {}
    conditions = {}
    for one in own:
        key = (one.role, repr(one.condition))
        grouped.setdefault(key, set()).update(one.members)
        conditions[key] = one.condition
    bindings = [
        {"role": key[0], "members": sorted(members)} | ({"condition": conditions[key]} if conditions[key] else {})
        for key, members in sorted(grouped.items())
    ]
    version = 3 if any("condition" in one for one in bindings) else 1
    document = {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket}", "version": version}
    return answer({**document, "bindings": bindings, "etag": "CAE="})


def set_policy(call: Call, bucket: str) -> Response:
    """`buckets.setIamPolicy`: bindings are the program's alone."""
    call.store(bucket, iam.BUCKET_SET_POLICY)
    raise Failure(
        501,
        "notImplemented",
        "The local cloud takes a bucket's bindings from the program alone: declare a gcp.storage.BucketIAMMember.",
    )


def test_permissions(call: Call, bucket: str) -> Response:
    """`buckets.testIamPermissions`."""
    if call.cloud.get(buckets.BUCKET, bucket) is None:
        raise no_bucket()
    asked = call.request.query_params.getlist("permissions")
    held = [one for one in asked if one.startswith("storage.") and call.allows(one, bucket)]
    return answer({"kind": "storage#testIamPermissionsResponse"} | ({"permissions": held} if held else {}))


def layout(call: Call, bucket: str) -> Response:
    """`buckets.getStorageLayout`."""
    document = call.store(bucket, iam.OBJECT_LIST).settings.document
    shown = {"kind": "storage#storageLayout", "bucket": bucket, "location": document["location"]}
    named = {"locationType": document["locationType"]}
    return answer(
        {**shown, **named, "hierarchicalNamespace": document.get("hierarchicalNamespace", {"enabled": False})}
    )


def service_account(call: Call, project: str) -> Response:
    """`projects.serviceAccount.get`: the service agent."""
    call.require_in_project(iam.BUCKET_LIST, project)
    number = project_number(project)
    email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"
    return answer({"kind": "storage#serviceAccount", "email_address": email})
