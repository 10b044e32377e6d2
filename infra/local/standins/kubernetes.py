"""pulumi-kubernetes: objects are declared. No cluster runs: an object has the name and the addresses that programs
read, and starts nothing.
"""

import hashlib
from typing import Any

import yaml

from infra.local.cloud import Cloud
from infra.local.standins.kind import Kind, Made, Values

_ADDRESS = "203.0.113."  # of the block for documentation (RFC 5737)


def _named(name: str, inputs: Values) -> Values:
    """Metadata with a name: the one given, else the resource's with an ending, as the plugin makes it."""
    metadata: Any = inputs.get("metadata") or {}
    own = metadata.get("name") or f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return {**metadata, "name": own, "namespace": metadata.get("namespace") or "default"}


def _status(inputs: Values, metadata: Values) -> Values:
    number = int(hashlib.sha256(str(metadata["name"]).encode()).hexdigest()[:4], 16) % 254 + 1
    ingress = {"loadBalancer": {"ingress": [{"ip": f"{_ADDRESS}{number}"}]}}
    return {"readyReplicas": (inputs.get("spec") or {}).get("replicas", 1), **ingress}


def _outputs(name: str, inputs: Values) -> Values:
    metadata = _named(name, inputs)
    spec: Any = inputs.get("spec") or {}
    return {"metadata": metadata, "spec": {"clusterIP": "10.0.0.1", **spec}, "status": _status(inputs, metadata)}


def _make(cloud: Cloud, name: str, inputs: Values) -> Made:
    outputs = _outputs(name, inputs)
    return Made(f"{outputs['metadata']['namespace']}/{outputs['metadata']['name']}", outputs)


def _change(cloud: Cloud, identity: str, old: Values, new: Values) -> Values:
    return _outputs(str((old.get("metadata") or {}).get("name") or identity.rpartition("/")[2]), new)


_RELEASE = Kind(
    lambda cloud, name, inputs: Made(f"default/{inputs.get('name') or name}", {"status": {"status": "deployed"}})
)
_OBJECT = Kind(_make, change=_change)


def kind(token: str) -> Kind | None:
    """How a type of `kubernetes` acts: every one of them is declared."""
    return _RELEASE if token.endswith(":Release") else _OBJECT


def call(cloud: Cloud, token: str, arguments: Values) -> Values | None:
    """`yaml.decode`, by which files of objects are read."""
    if token != "kubernetes:yaml:decode":
        return None
    return {"result": [one for one in yaml.safe_load_all(str(arguments.get("text"))) if one]}
