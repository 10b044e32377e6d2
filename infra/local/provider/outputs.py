"""Outputs that many types share, in the formats of Google Cloud."""

import base64
import hashlib
import uuid
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.facts import Facts
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.values import UNKNOWN, known

_SPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "local.orderguard")


def digits(text: str, count: int) -> str:
    """A decimal number of `count` digits, the same for the same text; Google Cloud's ids are of this kind."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return str(10 ** (count - 1) + number % (9 * 10 ** (count - 1)))


def project_number(project: str) -> str:
    """Twelve digits, as every Google Cloud project has them."""
    return digits(project, 12)


def etag(*parts: str) -> str:
    """An opaque tag that changes with its parts."""
    return base64.b64encode(zlib.crc32(" ".join(parts).encode()).to_bytes(8, "big")).decode()


_SHARED: dict[str, Callable[[Values, Place], Any]] = {
    "createTime": lambda inputs, place: place.created,
    "timeCreated": lambda inputs, place: place.created,
    "creationTimestamp": lambda inputs, place: place.created,
    "creationTime": lambda inputs, place: place.created,
    "updateTime": lambda inputs, place: place.updated,
    "updated": lambda inputs, place: place.updated,
    "etag": lambda inputs, place: etag(place.id, place.updated),
    "fingerprint": lambda inputs, place: etag(place.id, place.updated),
    "labelFingerprint": lambda inputs, place: etag(str(inputs.get("labels"))),
    "uid": lambda inputs, place: str(uuid.uuid5(_SPACE, place.id)),
    "projectNumber": lambda inputs, place: place.number,
    "name": lambda inputs, place: place.id,
    "selfLink": lambda inputs, place: f"https://www.googleapis.com/compute/v1/{place.id}",
    "state": lambda inputs, place: "ACTIVE",
    "reconciling": lambda inputs, place: False,
    "generation": lambda inputs, place: "1",
    "observedGeneration": lambda inputs, place: "1",
    "conditions": lambda inputs, place: [],
}


def _labels(inputs: Mapping[str, Any]) -> dict[str, Any]:
    labels = inputs.get("labels") or {}
    if not isinstance(labels, Mapping):
        return {"pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
    return {"pulumiLabels": {**labels, **_PROVISIONED}, "effectiveLabels": {**labels, **_PROVISIONED}}


_PROVISIONED = {"goog-pulumi-provisioned": "true"}


def _state(facts: Facts, inputs: Mapping[str, Any]) -> Values:
    """The inputs that a state holds: not the write-only ones."""
    hidden = facts.write_only
    return {name: value for name, value in inputs.items() if not name.startswith("__") and name not in hidden}


def complete(facts: Facts, resource: Resource, inputs: Mapping[str, Any], place: Place) -> Values:
    """All outputs of a resource: its inputs, what the type's module computes, and what many types share."""
    whole = _state(facts, inputs)
    for name, value in (("project", place.project), ("region", place.region), ("location", place.region)):
        if name in facts.inputs and whole.get(name) is None:
            whole[name] = value
    own = resource.outputs(whole, place)
    for name in facts.computed:
        if name in own:
            whole[name] = own[name]
        elif name in ("pulumiLabels", "effectiveLabels"):
            whole[name] = _labels(inputs)[name]
        elif name == "effectiveAnnotations":
            whole[name] = inputs.get("annotations") or {}
        elif name in _SHARED and not (name == "name" and "name" in whole):
            whole[name] = _SHARED[name](whole, place)
    whole.update({name: value for name, value in own.items() if name not in facts.computed})
    return whole


def previewed(facts: Facts, resource: Resource, inputs: Mapping[str, Any], place: Place) -> Values:
    """The outputs of a resource that does not exist yet: what needs the cloud is unknown."""
    whole = _state(facts, inputs)
    for name in facts.computed:
        whole[name] = _labels(inputs)[name] if name in ("pulumiLabels", "effectiveLabels") else UNKNOWN
    if resource.planned and known(inputs) and place.project:
        computed = complete(facts, resource, inputs, place)
        whole.update({name: computed[name] for name in resource.planned if name in computed})
    return whole
