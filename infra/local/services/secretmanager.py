"""Secret Manager: a version's value is a record sealed with the cloud's key."""

import base64
import re
from collections.abc import Iterator

from infra.local.cloud import Cloud, Record, utc_now
from infra.local.provider.access import triple
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found, matches

SECRET = "gcp:secretmanager/secret:Secret"  # a type's name  # nosec B105
VERSION = "gcp:secretmanager/secretVersion:SecretVersion"
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
    if chosen.inputs.get("enabled") is False:
        raise Refused(f"Secret Version [{chosen.id}] is in DISABLED state.")
    text = str(chosen.inputs.get("secretData") or chosen.inputs.get("secretDataWo") or "")
    return base64.b64decode(text).decode() if chosen.inputs.get("isSecretDataBase64") else text


def add_version(cloud: Cloud, secret: str, text: str) -> Record:
    """Add a version past the engine, as `gcloud secrets versions add` does. `secret` is the full name."""
    _, project, _, short = secret.split("/")
    number = _following(versions(cloud, secret))
    identity = f"projects/{project_number(project)}/secrets/{short}/versions/{number}"
    now = utc_now()
    outputs = {"version": number, "name": identity, "secretData": text}
    record = Record(VERSION, identity, "", "real", now, now, {"secret": secret, "secretData": text}, outputs)
    cloud.put(record)
    return record


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
