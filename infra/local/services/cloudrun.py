"""Cloud Run's older interface (v1): the same services as v2's, described as Knative does."""

from collections.abc import Mapping
from typing import Any

from infra.local.cloud import Cloud
from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs
from infra.local.run_checks import REFUSALS
from infra.local.services import cloudrunv2

SERVICE = "gcp:cloudrun/service:Service"
_BUCKETS = "gcsfuse.run.googleapis.com"


def as_v2(inputs: Inputs) -> Values:
    """A v1 service's inputs as those of v2: name, template, traffics."""
    template = inputs.get("template") or {}
    template = template if isinstance(template, Mapping) else {}
    spec, metadata = template.get("spec") or {}, template.get("metadata") or {}
    if not isinstance(spec, Mapping) or not isinstance(metadata, Mapping):
        return {"name": inputs.get("name"), "template": {}}
    whole = {
        "containers": _each(spec.get("containers"), _container),
        "volumes": _each(spec.get("volumes"), _volume),
        "serviceAccount": spec.get("serviceAccountName"),
        "timeout": f"{spec['timeoutSeconds']}s" if isinstance(spec.get("timeoutSeconds"), int) else None,
        "maxInstanceRequestConcurrency": spec.get("containerConcurrency"),
        "scaling": _scaling(metadata, "autoscaling.knative.dev"),
        "revision": None if inputs.get("autogenerateRevisionName") is True else metadata.get("name"),
        "labels": metadata.get("labels"),
    }
    return {
        "name": inputs.get("name"),
        "template": {key: value for key, value in whole.items() if value is not None},
        "traffics": _each(inputs.get("traffics"), _traffic) or [],
        "scaling": _scaling(inputs.get("metadata"), "run.googleapis.com") or {},
    }


def _scaling(metadata: Any, prefix: str) -> Values | None:
    """Instances at least and at most, which v1 has as annotations; None where they are not there or not known yet."""
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if not isinstance(annotations, Mapping):
        return None
    found = {
        name: annotations.get(f"{prefix}/{ending}")
        for name, ending in (("minInstanceCount", "minScale"), ("maxInstanceCount", "maxScale"))
    }
    return {name: int(str(count)) for name, count in found.items() if str(count).isdigit()} or None


def _each(values: Any, convert: Any) -> Any:
    """A list's elements in v2's form; what is unknown or missing stays that."""
    if not isinstance(values, list):
        return values
    return [convert(one) if isinstance(one, Mapping) else one for one in values]


def _container(one: Mapping[str, Any]) -> Values:
    ports = one.get("ports")
    own = {**one, "envs": _each(one.get("envs"), _variable)}
    if isinstance(ports, list):
        own["ports"] = ports[0] if ports else None
    return {key: value for key, value in own.items() if value is not None}


def _variable(one: Mapping[str, Any]) -> Values:
    source = one.get("valueFrom")
    if not isinstance(source, Mapping) or not isinstance(source.get("secretKeyRef"), Mapping):
        return dict(one)
    named = source["secretKeyRef"]
    reference = {"secret": named.get("name"), "version": named.get("key")}
    return {"name": one.get("name"), "valueSource": {"secretKeyRef": reference}}


def _volume(one: Mapping[str, Any]) -> Values:
    if isinstance(secret := one.get("secret"), Mapping):
        items = _each(secret.get("items"), lambda item: {**item, "version": item.get("key")})
        own = {"secret": secret.get("secretName"), "items": items, "defaultMode": secret.get("defaultMode")}
        return {"name": one.get("name"), "secret": {key: value for key, value in own.items() if value is not None}}
    if isinstance(mount := one.get("csi"), Mapping) and mount.get("driver") == _BUCKETS:
        bucket = (mount.get("volumeAttributes") or {}).get("bucketName")
        return {"name": one.get("name"), "gcs": {"bucket": bucket, "readOnly": mount.get("readOnly")}}
    return dict(one)


def _traffic(one: Mapping[str, Any]) -> Values:
    kind = cloudrunv2.LATEST if one.get("latestRevision") is True or not one.get("revisionName") else ""
    return {"type": kind, "revision": one.get("revisionName"), "percent": one.get("percent"), "tag": one.get("tag")}


def _as_there(rule: Any) -> Any:
    """A rule over v2's inputs, for v1's."""

    def judged(inputs: Inputs) -> Any:
        for where, says in rule(as_v2(inputs)):
            yield _path(where), says

    return judged


def _path(where: str) -> str:
    """v2's property as v1 calls it."""
    if where == "template.revision":
        return "template.metadata.name"
    if ".minInstanceCount" in where or ".maxInstanceCount" in where:
        return f"{where.partition('scaling')[0].replace('template.', 'template.metadata.') or 'metadata.'}annotations"
    return where.replace("template.", "template.spec.", 1) if where.startswith("template.") else where


def _statuses(found: Mapping[str, Any]) -> Values:
    latest = str(found["latestReadyRevision"]).rpartition("/")[2]
    return {
        "statuses": [
            {
                "url": found["uri"],
                "latestCreatedRevisionName": latest,
                "latestReadyRevisionName": latest,
                "observedGeneration": 1,
                "conditions": [{"type": "Ready", "status": "True", "message": "", "reason": ""}],
                "traffics": [
                    {
                        "revisionName": one["revision"],
                        "percent": one["percent"],
                        "tag": one["tag"],
                        "latestRevision": one["type"] == cloudrunv2.LATEST,
                        "url": "",
                    }
                    for one in found["trafficStatuses"]
                ],
            }
        ]
    }


def _deploy(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    return _statuses(cloudrunv2.deploy(cloud, as_v2(inputs), place, outputs))


def _recorded(inputs: Inputs, place: Place) -> Values:
    return _statuses(cloudrunv2.recorded_service(inputs, place))


def _read(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values | None:
    found = cloudrunv2.read_service(cloud, inputs, place, outputs)
    return _statuses(found) if found else None


def _delete(cloud: Cloud, inputs: Inputs, place: Place, old: Values) -> None:
    cloudrunv2.end_service(cloud, str(old["name"]))


def _metadata(inputs: Inputs, place: Place) -> Values:
    given = inputs.get("metadata") or {}
    return {"metadata": {"namespace": place.project, "generation": 1, **given}, "statuses": []}


RESOURCES = {
    SERVICE: Resource(
        id="locations/{location}/namespaces/{project}/services/{name}",
        kind="real",
        refuses=tuple(_as_there(rule) for rule in REFUSALS),
        outputs=_metadata,
        volatile=("statuses",),
        recorded=_recorded,
        create=_deploy,
        delete=_delete,
        read=_read,
    ),
    **triple("gcp:cloudrun/iam", "v1/projects/{project}/locations/{location}/services/{service}"),
    "gcp:cloudrun/domainMapping:DomainMapping": Resource(
        id="locations/{location}/namespaces/{project}/domainmappings/{name}"
    ),
}
