"""Secret Manager: secrets and their versions, for whoever the bindings allow it.

https://cloud.google.com/secret-manager/docs/reference/rpc; the values are the sealed records that the program's own
versions are, too.
"""

from collections.abc import Iterable
from typing import Any

import google_crc32c
import grpc
from google.protobuf.empty_pb2 import Empty

from infra.local import iam
from infra.local.apis.callers import Caller
from infra.local.apis.messages import EMPTY, message
from infra.local.apis.rpc import Failed, Rpc, named
from infra.local.cloud import Record
from infra.local.provider.outputs import project_number
from infra.local.services import secretmanager as kept

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
_PACKAGE = "google.cloud.secretmanager.v1"
_LARGEST = 64 * 1024
_PAGE = 25_000
"""How many are listed at a time where nobody says."""
_SECRET, _VERSION = f"{_PACKAGE}.Secret", f"{_PACKAGE}.SecretVersion"


def _found(asks: Caller, name: str, permission: str) -> Record:
    """The secret of a name that begins with it. Raises Denied, and Failed where there is none."""
    parts = name.split("/")
    if len(parts) < 4 or parts[0] != "projects" or parts[2] != "secrets":
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, f"The resource name [{name}] is not valid.")
    secret = kept.secret(asks.cloud, parts[1], parts[3])
    project = secret.id.split("/")[1] if secret else parts[1]
    asks.require(permission, name, f"secret:{project}/{parts[3]}", f"project:{project}")
    if secret is None:
        raise Failed(
            grpc.StatusCode.NOT_FOUND,
            f"Secret [projects/{_number(project)}/secrets/{parts[3]}] not found.",
        )
    return secret


def _number(project: str) -> str:
    return project if project.isdigit() else project_number(project)


def _version(asks: Caller, name: str, permission: str) -> Record:
    secret = _found(asks, name, permission)
    wanted = name.split("/")[5] if name.count("/") == 5 else ""
    wanted = str((secret.inputs.get("versionAliases") or {}).get(wanted, wanted))
    known = kept.versions(asks.cloud, secret.id)
    number = str(known[-1].outputs["version"]) if known and wanted == "latest" else wanted
    found = next((one for one in known if str(one.outputs["version"]) == number), None)
    if found is None:
        shown = f"projects/{project_number(secret.id.split('/')[1])}/secrets/{secret.id.rpartition('/')[2]}"
        raise Failed(
            grpc.StatusCode.NOT_FOUND,
            (
                f"Secret [{shown}] not found or has no versions."
                if wanted == "latest"
                else f"Secret Version [{shown}/versions/{wanted}] not found."
            ),
        )
    return found


def _secret_shown(record: Record) -> Any:
    shown = message(_SECRET)(
        name=f"projects/{project_number(record.id.split('/')[1])}/secrets/{record.id.rpartition('/')[2]}"
    )
    shown.create_time.FromJsonString(record.created)
    shown.labels.update({str(key): str(value) for key, value in (record.inputs.get("labels") or {}).items()})
    aliases = record.inputs.get("versionAliases") or {}
    shown.version_aliases.update({str(key): int(value) for key, value in aliases.items()})
    regions = ((record.inputs.get("replication") or {}).get("userManaged") or {}).get("replicas") or ()
    for one in regions:
        shown.replication.user_managed.replicas.add(location=str(one["location"]))
    if not regions:
        shown.replication.automatic.SetInParent()
    shown.etag = f'"{kept.tag(record)}"'
    return shown


def _version_shown(record: Record) -> Any:
    shown = message(_VERSION)(name=record.id, etag=f'"{kept.tag(record)}"')
    shown.create_time.FromJsonString(record.created)
    shown.state = message(_VERSION).State.Value(kept.state_of(record))
    if when := record.outputs.get("destroyTime"):
        shown.destroy_time.FromJsonString(str(when))
    shown.client_specified_payload_checksum = True
    return shown


def _access(asks: Caller, request: Any) -> Any:
    found = _version(asks, request.name, iam.SECRET_ACCESS)
    state = kept.state_of(found)
    if state != "ENABLED":
        raise Failed(grpc.StatusCode.FAILED_PRECONDITION, f"Secret Version [{found.id}] is in {state} state.")
    told = message(f"{_PACKAGE}.AccessSecretVersionResponse")(name=found.id)
    told.payload.data = kept.content(found)
    told.payload.data_crc32c = google_crc32c.value(told.payload.data)
    return told


def _add(asks: Caller, request: Any) -> Any:
    secret, payload = _found(asks, request.parent, "secretmanager.versions.add"), request.payload
    if not 0 < len(payload.data) <= _LARGEST:
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, f"The payload has to have 1 to {_LARGEST} bytes.")
    if payload.HasField("data_crc32c") and payload.data_crc32c != google_crc32c.value(payload.data):
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, "The checksum is not that of the payload: data is damaged.")
    return _version_shown(kept.add_version(asks.cloud, secret.id, payload.data))


def _create(asks: Caller, request: Any) -> Any:
    project = request.parent.partition("/")[2]
    asks.require("secretmanager.secrets.create", request.parent, f"project:{project}")
    if not kept.is_id(request.secret_id):
        raise Failed(grpc.StatusCode.INVALID_ARGUMENT, f"Secret ID [{request.secret_id}] is not valid.")
    if kept.secret(asks.cloud, project, request.secret_id):
        shown = f"projects/{project_number(project)}/secrets/{request.secret_id}"
        raise Failed(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{shown}] already exists.")
    given = request.secret
    replicas = [{"location": one.location} for one in given.replication.user_managed.replicas]
    replication = {"userManaged": {"replicas": replicas}} if replicas else {"auto": {}}
    inputs = {"replication": replication, "labels": dict(given.labels), "versionAliases": dict(given.version_aliases)}
    return _secret_shown(kept.create_secret(asks.cloud, project, request.secret_id, inputs))


def _get(asks: Caller, request: Any) -> Any:
    return _secret_shown(_found(asks, request.name, "secretmanager.secrets.get"))


def _list(asks: Caller, request: Any) -> Any:
    project = request.parent.partition("/")[2]
    asks.require("secretmanager.secrets.list", request.parent, f"project:{project}")
    found = [one for one in asks.cloud.all(kept.SECRET) if project in _projects(one)]
    return _page(request, found, "ListSecretsResponse", "secrets", map(_secret_shown, found))


def _projects(record: Record) -> tuple[str, str]:
    project = record.id.split("/")[1]
    return project, project_number(project)


def _list_versions(asks: Caller, request: Any) -> Any:
    secret = _found(asks, request.parent, "secretmanager.versions.list")
    found = kept.versions(asks.cloud, secret.id)[::-1]
    return _page(request, found, "ListSecretVersionsResponse", "versions", map(_version_shown, found))


def _page(request: Any, found: list[Record], answer: str, field: str, shown: Iterable[Any]) -> Any:
    begin = int(request.page_token or 0) if (request.page_token or "0").isdigit() else 0
    end = begin + min(request.page_size or _PAGE, _PAGE)
    told = message(f"{_PACKAGE}.{answer}")(total_size=len(found))
    getattr(told, field).extend(list(shown)[begin:end])
    told.next_page_token = str(end) if end < len(found) else ""
    return told


def _update(asks: Caller, request: Any) -> Any:
    record = _found(asks, request.secret.name, "secretmanager.secrets.update")
    changed: dict[str, Any] = {}
    for path in request.update_mask.paths:
        if path not in ("labels", "version_aliases"):
            raise Failed(grpc.StatusCode.UNIMPLEMENTED, f"The local cloud does not change a secret's {path}.")
        changed["labels" if path == "labels" else "versionAliases"] = dict(getattr(request.secret, path))
    return _secret_shown(kept.changed(asks.cloud, record, changed, {}))


def _delete(asks: Caller, request: Any) -> Empty:
    kept.delete_secret(asks.cloud, _found(asks, request.name, "secretmanager.secrets.delete"))
    return Empty()


def _get_version(asks: Caller, request: Any) -> Any:
    return _version_shown(_version(asks, request.name, "secretmanager.versions.get"))


def _enable(asks: Caller, request: Any) -> Any:
    return _to_state(asks, request.name, "enable")


def _disable(asks: Caller, request: Any) -> Any:
    return _to_state(asks, request.name, "disable")


def _destroy(asks: Caller, request: Any) -> Any:
    return _to_state(asks, request.name, "destroy")


def _to_state(asks: Caller, name: str, verb: str) -> Any:
    found = _version(asks, name, f"secretmanager.versions.{verb}")
    if kept.state_of(found) == "DESTROYED":
        raise Failed(grpc.StatusCode.FAILED_PRECONDITION, f"SecretVersion.state is already DESTROYED: {found.id}")
    if verb == "destroy":
        return _version_shown(kept.destroyed(asks.cloud, found))
    return _version_shown(kept.changed(asks.cloud, found, {"enabled": verb == "enable"}, {}))


_S, _V = "projects/*/secrets/*", "projects/*/secrets/*/versions/*"
RPCS: list[Rpc] = named(
    _PACKAGE,
    [
        ("ListSecrets", "ListSecretsRequest", "ListSecretsResponse", "GET /v1/{parent=projects/*}/secrets", _list, ""),
        ("CreateSecret", "CreateSecretRequest", "Secret", "POST /v1/{parent=projects/*}/secrets", _create, "secret"),
        ("GetSecret", "GetSecretRequest", "Secret", f"GET /v1/{{name={_S}}}", _get, ""),
        ("UpdateSecret", "UpdateSecretRequest", "Secret", f"PATCH /v1/{{secret.name={_S}}}", _update, "secret"),
        ("DeleteSecret", "DeleteSecretRequest", EMPTY, f"DELETE /v1/{{name={_S}}}", _delete, ""),
        (
            "AddSecretVersion",
            "AddSecretVersionRequest",
            "SecretVersion",
            f"POST /v1/{{parent={_S}}}:addVersion",
            _add,
            "*",
        ),
        (
            "ListSecretVersions",
            "ListSecretVersionsRequest",
            "ListSecretVersionsResponse",
            f"GET /v1/{{parent={_S}}}/versions",
            _list_versions,
            "",
        ),
        ("GetSecretVersion", "GetSecretVersionRequest", "SecretVersion", f"GET /v1/{{name={_V}}}", _get_version, ""),
        (
            "AccessSecretVersion",
            "AccessSecretVersionRequest",
            "AccessSecretVersionResponse",
            f"GET /v1/{{name={_V}}}:access",
            _access,
            "",
        ),
        (
            "EnableSecretVersion",
            "EnableSecretVersionRequest",
            "SecretVersion",
            f"POST /v1/{{name={_V}}}:enable",
            _enable,
            "*",
        ),
        (
            "DisableSecretVersion",
            "DisableSecretVersionRequest",
            "SecretVersion",
            f"POST /v1/{{name={_V}}}:disable",
            _disable,
            "*",
        ),
        (
            "DestroySecretVersion",
            "DestroySecretVersionRequest",
            "SecretVersion",
            f"POST /v1/{{name={_V}}}:destroy",
            _destroy,
            "*",
        ),
    ],
)
