"""Secret Manager: a version's value is a record sealed with the cloud's key."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace

from infra.local.cloud import Cloud, Record, utc_now
from infra.local.files import locked
from infra.local.provider.access import triple
from infra.local.provider.outputs import etag, project_number
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found, matches

SECRET = "gcp:secretmanager/secret:Secret"  # a type's name  # nosec B105
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
ENABLED = "ENABLED"
_SECRET_ID = r"[A-Za-z0-9_-]{1,255}"  # a pattern of names  # nosec B105


def _id_is_possible(inputs: Inputs) -> Iterator[Problem]:
    for where, name in found(inputs, "secretId"):
        if not re.fullmatch(_SECRET_ID, name):
            yield (
                where,
                f"googleapi: Error 400: Secret ID [{name}] must match the expected format [^[A-Za-z0-9_-]{{1,255}}$].",
            )


def _secret_outputs(inputs: Inputs, place: Place) -> Values:
    return {"name": f"projects/{place.number}/secrets/{inputs['secretId']}"}


def _short(secret: str) -> str:
    return secret.rpartition("/")[2]


def versions(cloud: Cloud, secret: str) -> list[Record]:
    """The versions of a secret (its short or its full name), oldest first."""
    found = [one for one in cloud.all(VERSION) if _short(str(one.inputs["secret"])) == _short(secret)]
    return sorted(found, key=lambda one: int(one.outputs["version"]))


def value(cloud: Cloud, secret: str, version: str) -> str:
    """A version's value; raises Refused as Secret Manager refuses."""
    known = versions(cloud, secret)
    wanted = [one for one in known if version in ("latest", str(one.outputs["version"]))]
    if not wanted:
        raise Refused(f"Secret {secret}/versions/{version} was not found")
    chosen = wanted[-1]
    if state_of(chosen) != ENABLED:
        raise Refused(f"Secret Version [{chosen.id}] is in {state_of(chosen)} state.")
    return content(chosen).decode()


def content(version: Record) -> bytes:
    """The bytes of a version."""
    text = str(version.inputs.get("secretData") or version.inputs.get("secretDataWo") or "")
    return base64.b64decode(text) if version.inputs.get("isSecretDataBase64") else text.encode()


def state_of(version: Record) -> str:
    """ENABLED, DISABLED or DESTROYED."""
    if version.outputs.get("destroyTime"):
        return "DESTROYED"
    return "DISABLED" if version.inputs.get("enabled") is False else ENABLED


def tag(record: Record) -> str:
    """An opaque tag that changes with a record."""
    return etag(record.id, record.updated)


def is_id(name: str) -> bool:
    """Whether a secret may be called so."""
    return bool(re.fullmatch(_SECRET_ID, name))


def secret(cloud: Cloud, project: str, short: str) -> Record | None:
    """A secret of a project, which is named by its id or its number."""
    found = (one for one in cloud.all(SECRET) if _short(one.id) == short)
    return next((one for one in found if project in (one.id.split("/")[1], project_number(one.id.split("/")[1]))), None)


def create_secret(cloud: Cloud, project: str, short: str, inputs: Values) -> Record:
    """Make a secret past the engine."""
    now = utc_now()
    whole = {"secretId": short, **inputs}
    outputs = {**whole, "project": project, "name": f"projects/{project_number(project)}/secrets/{short}"}
    record = Record(SECRET, f"projects/{project}/secrets/{short}", "", "real", now, now, whole, outputs)
    cloud.put(record)
    return record


def delete_secret(cloud: Cloud, record: Record) -> None:
    """Remove a secret and its versions past the engine; `up` makes one of the program's again."""
    for one in versions(cloud, record.id):
        cloud.remove(VERSION, one.id)
    cloud.remove(SECRET, record.id)


def changed(cloud: Cloud, record: Record, inputs: Values, outputs: Values) -> Record:
    """A record with other inputs and outputs."""
    changed = replace(
        record,
        updated=utc_now(),
        inputs={**record.inputs, **inputs},
        outputs={**record.outputs, **inputs, **outputs},
    )
    cloud.put(changed)
    return changed


def destroyed(cloud: Cloud, version: Record) -> Record:
    """A version whose value is gone for good."""
    gone: Values = {name: "" for name in ("secretData", "secretDataWo") if name in version.inputs}
    return changed(cloud, version, {**gone, "enabled": False}, {**gone, "destroyTime": utc_now()})


def add_version(cloud: Cloud, secret: str, data: str | bytes) -> Record:
    """Add a version past the engine, as `gcloud secrets versions add` does. `secret` is the full name."""
    _, project, _, short = secret.split("/")
    with locked(cloud.root / "secrets.lock"):
        number = _following(versions(cloud, secret))
        identity = f"projects/{project_number(project)}/secrets/{short}/versions/{number}"
        now = utc_now()
        given = {"secret": secret, **_as_text(data)}
        record = Record(VERSION, identity, "", "real", now, now, given, {**given, "version": number, "name": identity})
        cloud.put(record)
    return record


def _as_text(data: str | bytes) -> Values:
    """A value as the provider's inputs hold it."""
    if isinstance(data, str):
        return {"secretData": data}
    try:
        return {"secretData": data.decode()}
    except UnicodeDecodeError:
        return {"secretData": base64.b64encode(data).decode(), "isSecretDataBase64": True}


def _following(known: list[Record]) -> str:
    """The number of the version after these."""
    return str(int(known[-1].outputs["version"]) + 1) if known else "1"


def _without_versions(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> None:
    """Whatever versions a secret has go with it."""
    for one in versions(cloud, place.id):
        cloud.remove(VERSION, one.id)


def _next_version(cloud: Cloud, inputs: Inputs, place: Place) -> Values:
    secret = str(inputs["secret"])
    if not any(_short(one.id) == _short(secret) for one in cloud.all(SECRET)):
        raise Refused(f"googleapi: Error 404: Secret [{secret}] not found or has no versions., notFound")
    last = versions(cloud, secret)
    # A version that a killed run has made for the same resource is taken up again.
    if last and last[-1].urn == place.urn and last[-1].inputs.get("secretData") == inputs.get("secretData"):
        return {"short": _short(secret), "next": last[-1].outputs["version"]}
    return {"short": _short(secret), "next": _following(last)}


def _version_outputs(inputs: Inputs, place: Place) -> Values:
    return {"version": place.id.rpartition("/")[2], "name": place.id, "destroyTime": ""}


RESOURCES = {
    SECRET: Resource(
        id="projects/{project}/secrets/{secretId}",
        kind="real",
        refuses=(_id_is_possible,),
        outputs=_secret_outputs,
        delete=_without_versions,
    ),
    VERSION: Resource(
        id="projects/{number}/secrets/{short}/versions/{next}",
        kind="real",
        identify=_next_version,
        outputs=_version_outputs,
    ),
    **triple("gcp:secretmanager/secretIam", "projects/{project}/secrets/{secretId}"),
    "gcp:secretmanager/regionalSecret:RegionalSecret": Resource(
        id="projects/{project}/locations/{location}/secrets/{secretId}",
        refuses=(matches("secretId", _SECRET_ID, "googleapi: Error 400: Secret ID [{value}] must match [{pattern}]."),),
    ),
    "gcp:secretmanager/regionalSecretVersion:RegionalSecretVersion": Resource(
        id="{secret}/versions/1", outputs=lambda inputs, place: {"version": "1"}
    ),
    **triple("gcp:secretmanager/regionalSecretIam", "projects/{project}/locations/{location}/secrets/{secretId}"),
}
